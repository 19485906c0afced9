#include "server/api/artifact_service.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/crc32c.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "server/api/call.h"
#include "server/api/field_checks.h"
#include "server/api/grpc_status.h"
#include "server/api/idle_timer.h"
#include "server/api/unary.h"

namespace octavo {
namespace {

constexpr char kMethod[] = "/octavo.v1.ArtifactService/DownloadArtifact";
constexpr int64_t kChunkBytes = 256 << 10;
// A slice of a second or less, after which others have their turn on the thread.
constexpr int64_t kSkipBytes = 256 << 20;

absl::Status DamagedError(absl::string_view name) {
  return WithReason(
      absl::DataLossError(absl::StrCat("the stored bytes of ", name, " are not what was written")),
      "DIGEST_MISMATCH");
}

// An artifact's bytes in chunks, hashed from the first byte on, so that the last chunk can vouch
// for all.
class ArtifactReader {
 public:
  // NOT_FOUND, OUT_OF_RANGE (OFFSET_MISMATCH), DATA_LOSS.
  static absl::StatusOr<ArtifactReader> Open(ApiContext& api,
                                             const v1::DownloadArtifactRequest& request) {
    FieldErrors errors;
    CheckArtifactName("name", request.name(), errors);
    errors.Check(request.offset() >= 0, "offset", "is negative");
    RETURN_IF_ERROR(errors.ToStatus());
    // Only what a job made: other blobs are somebody's uploads.
    RETURN_IF_ERROR(WithResource(api.store.Read([&](StoreReader& reader) {
      return reader.GetArtifact(request.name()).status();
    }),
                                 request.name()));
    ArtifactReader artifact;
    artifact.name_ = request.name();
    artifact.digest_ = std::string(absl::StripPrefix(request.name(), "artifacts/"));
    auto blob = api.blobs.Open(artifact.digest_);
    if (absl::IsNotFound(blob.status())) return DamagedError(request.name());
    RETURN_IF_ERROR(blob.status());
    artifact.blob_ = *std::move(blob);
    if (request.offset() > artifact.blob_.size_bytes) {
      return WithReason(
          absl::OutOfRangeError(absl::StrCat("offset ", request.offset(), " is past the end, ",
                                             artifact.blob_.size_bytes)),
          "OFFSET_MISMATCH", {{"size_bytes", absl::StrCat(artifact.blob_.size_bytes)}});
    }
    artifact.begin_ = request.offset();
    return artifact;
  }

  // Reads and hashes a slice of the bytes before the offset; true when all are. Next may follow
  // then.
  absl::StatusOr<bool> Skip() {
    const int64_t end = std::min(begin_, position_ + kSkipBytes);
    std::string chunk;
    while (position_ < end) RETURN_IF_ERROR(Read(end, chunk));
    return position_ == begin_;
  }

  // The next message; `done` after the last one.
  absl::Status Next(v1::DownloadArtifactResponse& message) {
    message.Clear();
    if (!std::exchange(begun_, true)) message.set_size_bytes(blob_.size_bytes);
    RETURN_IF_ERROR(Read(blob_.size_bytes, *message.mutable_chunk()));
    message.set_crc32c(Crc32c(message.chunk()));
    if (!done()) return absl::OkStatus();
    if (sha256_.HexDigest() != digest_) return DamagedError(name_);
    message.set_digest(digest_);
    return absl::OkStatus();
  }

  bool done() const { return position_ == blob_.size_bytes; }

 private:
  // Reads and hashes at most a chunk, not beyond `end`.
  absl::Status Read(int64_t end, std::string& chunk) {
    chunk.resize(static_cast<size_t>(std::min(kChunkBytes, end - position_)));
    auto* bytes = reinterpret_cast<uint8_t*>(chunk.data());
    const absl::Status read = ReadAt(blob_.fd.get(), position_, std::span(bytes, chunk.size()));
    if (absl::IsOutOfRange(read)) return DamagedError(name_);
    RETURN_IF_ERROR(read);
    sha256_.Update(chunk);
    position_ += static_cast<int64_t>(chunk.size());
    return absl::OkStatus();
  }

  std::string name_;
  std::string digest_;
  OpenedBlob blob_;
  Sha256 sha256_;
  int64_t position_ = 0;
  // Where the client goes on.
  int64_t begin_ = 0;
  bool begun_ = false;
};

// One thing is under way at any time, a task on the pool or a write: nothing here needs a lock.
class DownloadStream : public grpc::ServerWriteReactor<v1::DownloadArtifactResponse> {
 public:
  DownloadStream(ApiContext& api, grpc::CallbackServerContext* context,
                 const v1::DownloadArtifactRequest& request)
      : api_(api),
        context_(context),
        request_(request),
        call_(kMethod, *context, api.metrics, api.log),
        timer_(api.options.idle_timeout, [context] { context->TryCancel(); }),
        place_(api.streams.Take()) {
    timer_.Hold();
    if (!place_.taken() || !api_.io.TryRun([this] { Begin(); })) End(OverloadedError());
  }

  void OnWriteDone(bool ok) override {
    timer_.Hold();
    api_.io.Continue([this, ok] {
      if (!ok) return End(absl::CancelledError("the client went away"));
      if (reader_->done()) return End(absl::OkStatus());
      SendNext();
    });
  }

  // Not at once: this may run inside the timer's own callback, which the destructor waits for.
  void OnDone() override {
    api_.io.Continue([this] { delete this; });
  }

 private:
  void Begin() {
    reader_ = ArtifactReader::Open(api_, request_);
    if (!reader_.ok()) return End(reader_.status());
    call_.Note("artifact", request_.name());
    Skip();
  }

  void Skip() {
    if (context_->IsCancelled()) return End(absl::CancelledError("the client went away"));
    const absl::StatusOr<bool> skipped = reader_->Skip();
    if (!skipped.ok()) return End(skipped.status());
    if (!*skipped) return api_.io.Continue([this] { Skip(); });
    SendNext();
  }

  void SendNext() {
    if (absl::Status status = reader_->Next(message_); !status.ok()) return End(status);
    api_.metrics.download_bytes.At({"artifact"})
        .Increment(static_cast<double>(message_.chunk().size()));
    // From here on it is the client that lets us wait.
    timer_.Touch();
    StartWrite(&message_);
  }

  void End(const absl::Status& status) {
    // gRPC's context ends with the RPC, and the timer's callback uses it.
    timer_.Stop();
    // Before the client may begin another.
    place_.GiveBack();
    Finish(call_.End(status));
  }

  ApiContext& api_;
  grpc::CallbackServerContext* const context_;
  const v1::DownloadArtifactRequest request_;
  Call call_;
  absl::StatusOr<ArtifactReader> reader_ = absl::UnknownError("not open");
  v1::DownloadArtifactResponse message_;
  IdleTimer timer_;
  StreamLimit::Place place_;
};

}  // namespace

grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* ArtifactService::DownloadArtifact(
    grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) {
  return new DownloadStream(api_, context, *request);
}

}  // namespace octavo
