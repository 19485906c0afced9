#include "server/api/upload_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/crc32c.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "server/api/field_checks.h"
#include "server/api/grpc_status.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

// A slice of a second or less, after which others have their turn on the thread.
constexpr int64_t kReadBackBytes = 256 << 20;

absl::Status NotOpenError(const v1::Upload& upload) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(upload.name(), " is complete already")),
      "UPLOAD_COMPLETE");
}

absl::Status OffsetError(int64_t offset, int64_t committed) {
  return WithReason(absl::OutOfRangeError(absl::StrCat("the stream starts at ", offset, ", but ",
                                                       committed, " bytes are committed")),
                    "OFFSET_MISMATCH", {{"committed_size", absl::StrCat(committed)}});
}

}  // namespace

std::string KindName(v1::UploadKind kind) {
  if (kind == v1::UPLOAD_KIND_MODEL) return "model";
  return kind == v1::UPLOAD_KIND_DATASET ? "dataset" : "other";
}

absl::StatusOr<bool> UploadWriter::Prepare(const v1::WriteUploadRequest& message) {
  if (partial_ == nullptr) RETURN_IF_ERROR(OpenAt(message));
  return partial_->ReadBack(kReadBackBytes);
}

absl::Status UploadWriter::Take(const v1::WriteUploadRequest& message) {
  if (!message.name().empty() && message.name() != upload_.name()) {
    return FieldError("name", "differs from the first message's");
  }
  if (!message.chunk().empty()) {
    RETURN_IF_ERROR(CheckChunk(message));
    if (absl::Status status = CheckSize(partial_->size_bytes() + message.chunk().size());
        !status.ok()) {
      RETURN_IF_ERROR(StartAgain());
      return status;
    }
    RETURN_IF_ERROR(partial_->Append(message.chunk()));
    api_.metrics.upload_bytes.At({KindName(upload_.kind())}).Increment(message.chunk().size());
  }
  return message.finish() ? Complete() : absl::OkStatus();
}

absl::Status UploadWriter::OpenAt(const v1::WriteUploadRequest& first) {
  RETURN_IF_ERROR(CheckedName(first.name(), "uploads"));
  if (first.offset() < 0) return FieldError("offset", "is negative");
  RETURN_IF_ERROR(OpenUpload(first.name()).status());
  ASSIGN_OR_RETURN(auto partial, api_.blobs.OpenPartial(IdOf(first.name())));
  // Again: until the partial was ours, another stream might complete the upload.
  ASSIGN_OR_RETURN(v1::Upload upload, OpenUpload(first.name()));
  if (first.offset() != partial->committed_bytes()) {
    return OffsetError(first.offset(), partial->committed_bytes());
  }
  if (first.offset() > 0) api_.metrics.upload_resumes.At({}).Increment();
  upload_ = std::move(upload);
  partial_ = std::move(partial);
  return absl::OkStatus();
}

absl::StatusOr<v1::Upload> UploadWriter::OpenUpload(const std::string& name) const {
  v1::Upload upload;
  const absl::Status read = api_.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(upload, reader.GetUpload(name));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(WithResource(read, name));
  if (upload.state() != v1::Upload::STATE_OPEN) return NotOpenError(upload);
  return upload;
}

absl::Status UploadWriter::Replace(const v1::Upload& upload) {
  const absl::Status written = api_.store.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Upload now, writer.GetUpload(upload.name()));
    if (now.state() != v1::Upload::STATE_OPEN) return NotOpenError(now);
    return writer.PutUpload(upload);
  });
  return WithResource(written, upload.name());
}

absl::Status UploadWriter::CheckChunk(const v1::WriteUploadRequest& message) const {
  const int64_t size = static_cast<int64_t>(message.chunk().size());
  if (size > api_.options.max_chunk_bytes) {
    return FieldError("chunk", absl::StrCat("has ", size, " bytes, at most ",
                                            api_.options.max_chunk_bytes, " are taken"));
  }
  if (Crc32c(message.chunk()) != message.crc32c()) {
    return WithReason(absl::DataLossError(absl::StrCat("the chunk at ", partial_->size_bytes(),
                                                       " does not have its CRC32C")),
                      "CHECKSUM_MISMATCH");
  }
  return absl::OkStatus();
}

absl::Status UploadWriter::CheckSize(int64_t size_bytes) const {
  if (upload_.size_bytes() > 0 && size_bytes > upload_.size_bytes()) {
    return FieldError("size_bytes",
                      absl::StrCat("more bytes came than the declared ", upload_.size_bytes()));
  }
  if (size_bytes > api_.options.max_upload_bytes) {
    return FieldError("size_bytes", absl::StrCat("more bytes came than the ",
                                                 api_.options.max_upload_bytes, " that are taken"));
  }
  return absl::OkStatus();
}

absl::Status UploadWriter::StartAgain() {
  partial_.reset();
  return api_.blobs.DeletePartial(IdOf(upload_.name()));
}

absl::Status UploadWriter::Complete() {
  ASSIGN_OR_RETURN(const StoredBlob blob, partial_->Commit(upload_.digest(), upload_.size_bytes()));
  v1::Upload upload = upload_;
  upload.set_state(v1::Upload::STATE_COMPLETE);
  upload.set_digest(blob.digest);
  upload.set_size_bytes(blob.size_bytes);
  upload.set_committed_bytes(blob.size_bytes);
  *upload.mutable_expire_time() = ToTimestamp(api_.clock.Now() + api_.options.upload_lifetime);
  RETURN_IF_ERROR(Replace(upload));
  upload_ = std::move(upload);
  partial_.reset();
  api_.metrics.upload_size.At({KindName(upload_.kind())}).Observe(blob.size_bytes);
  // The row says that the blob is whole: what is left of the partial is the sweeper's at worst.
  api_.blobs.DeletePartial(IdOf(upload_.name())).IgnoreError();
  return absl::OkStatus();
}

absl::Status UploadWriter::Pause() {
  if (partial_ == nullptr) return absl::OkStatus();
  // Ours until the row is written.
  const std::unique_ptr<PartialBlob> partial = std::move(partial_);
  RETURN_IF_ERROR(partial->Sync());
  v1::Upload upload = upload_;
  upload.set_committed_bytes(partial->committed_bytes());
  *upload.mutable_expire_time() = ToTimestamp(api_.clock.Now() + api_.options.upload_lifetime);
  RETURN_IF_ERROR(Replace(upload));
  upload_ = std::move(upload);
  return absl::OkStatus();
}

}  // namespace octavo
