#include "server/blobs/blob_sweeper.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/base/status_macros.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

// Uploads in one transaction.
constexpr int kBatch = 100;

// When each partial expires, by its upload's id.
using PartialExpiries = std::map<std::string, absl::Time>;

absl::StatusOr<PartialExpiries> FindPartialExpiries(BlobStore& blobs, absl::Duration lifetime) {
  PartialExpiries expiries;
  ASSIGN_OR_RETURN(const std::vector<PartialEntry> partials, blobs.ListPartials());
  for (const PartialEntry& partial : partials) expiries[partial.id] = partial.last_write + lifetime;
  return expiries;
}

// One upload whose row says that it has expired; whether it is gone.
absl::StatusOr<bool> SweepUpload(StoreWriter& writer, v1::Upload upload,
                                 const PartialExpiries& expiries, absl::Time now) {
  const auto partial = expiries.find(std::string(IdOf(upload.name())));
  const bool is_alive = upload.state() == v1::Upload::STATE_OPEN && partial != expiries.end() &&
                        partial->second > now;
  if (!is_alive) {
    RETURN_IF_ERROR(writer.DeleteUpload(upload.name()));
    return true;
  }
  *upload.mutable_expire_time() = ToTimestamp(partial->second);
  RETURN_IF_ERROR(writer.PutUpload(upload));
  return false;
}

// Rows first: bytes without a row are found by the next step, also after a crash between the two.
absl::StatusOr<int> SweepUploads(MetadataStore& store, const PartialExpiries& expiries,
                                 absl::Time now) {
  int swept = 0;
  while (true) {
    int batch = 0, gone = 0;
    RETURN_IF_ERROR(store.Write([&](StoreWriter& writer) -> absl::Status {
      batch = gone = 0;
      ASSIGN_OR_RETURN(const auto uploads, writer.ListExpiredUploads(now, kBatch));
      for (const v1::Upload& upload : uploads) {
        ASSIGN_OR_RETURN(const bool is_gone, SweepUpload(writer, upload, expiries, now));
        gone += is_gone;
        ++batch;
      }
      return absl::OkStatus();
    }));
    swept += gone;
    if (batch < kBatch) return swept;
  }
}

absl::StatusOr<bool> IsOpenUpload(MetadataStore& store, const std::string& id) {
  bool is_open = false;
  RETURN_IF_ERROR(store.Read([&](StoreReader& reader) -> absl::Status {
    const auto upload = reader.GetUpload(absl::StrCat("uploads/", id));
    if (!upload.ok() && !absl::IsNotFound(upload.status())) return upload.status();
    is_open = upload.ok() && upload->state() == v1::Upload::STATE_OPEN;
    return absl::OkStatus();
  }));
  return is_open;
}

absl::StatusOr<int> SweepPartials(MetadataStore& store, BlobStore& blobs, absl::Time before) {
  int swept = 0;
  ASSIGN_OR_RETURN(const std::vector<PartialEntry> partials, blobs.ListPartials());
  for (const PartialEntry& partial : partials) {
    if (partial.last_write >= before) continue;
    ASSIGN_OR_RETURN(const bool is_open, IsOpenUpload(store, partial.id));
    if (is_open) continue;
    const absl::Status deleted = blobs.DeletePartial(partial.id);
    if (absl::IsAborted(deleted)) continue;  // A stream still writes it: the next sweep's.
    RETURN_IF_ERROR(deleted);
    ++swept;
  }
  return swept;
}

// A row that names a blob is written only after the blob was written or touched. So a blob that no
// row names, untouched since before the grace period, may go, whatever happens between the look and
// the deletion.
absl::StatusOr<int> SweepUnused(MetadataStore& store, BlobStore& blobs, absl::Time before) {
  int swept = 0;
  ASSIGN_OR_RETURN(const std::vector<std::string> digests, blobs.ListUnused(before));
  for (const std::string& digest : digests) {
    bool is_referenced = true;
    RETURN_IF_ERROR(store.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(is_referenced, reader.IsBlobReferenced(digest));
      return absl::OkStatus();
    }));
    if (is_referenced) continue;
    ASSIGN_OR_RETURN(const bool is_gone, blobs.DeleteUnused(digest, before));
    if (is_gone) ++swept;
  }
  return swept;
}

}  // namespace

absl::StatusOr<SweepResult> Sweep(MetadataStore& store, BlobStore& blobs, Clock& clock,
                                  const SweepOptions& options) {
  const absl::Time now = clock.Now();
  SweepResult result;
  ASSIGN_OR_RETURN(const PartialExpiries expiries,
                   FindPartialExpiries(blobs, options.upload_lifetime), "sweeping uploads");
  ASSIGN_OR_RETURN(result.uploads, SweepUploads(store, expiries, now), "sweeping uploads");
  ASSIGN_OR_RETURN(result.partials, SweepPartials(store, blobs, now - options.grace),
                   "sweeping partials");
  ASSIGN_OR_RETURN(result.blobs, SweepUnused(store, blobs, now - options.grace), "sweeping blobs");
  return result;
}

class BlobSweeper::Impl {
 public:
  Impl(MetadataStore& store, BlobStore& blobs, Clock& clock, SweepOptions options)
      : store_(store), blobs_(blobs), clock_(clock), options_(options), thread_([this] {
          Run();
        }) {}

  ~Impl() {
    ended_.Notify();
    thread_.join();
  }

 private:
  void Run() {
    do {
      const auto result = Sweep(store_, blobs_, clock_, options_);
      if (!result.ok()) {
        LOG(WARNING) << "the sweep failed and is tried again: " << result.status();
      } else if (result->uploads + result->partials + result->blobs > 0) {
        LOG(INFO) << "swept " << result->uploads << " uploads, " << result->partials
                  << " partials, " << result->blobs << " blobs";
      }
    } while (!ended_.WaitForNotificationWithTimeout(options_.interval));
  }

  MetadataStore& store_;
  BlobStore& blobs_;
  Clock& clock_;
  const SweepOptions options_;
  absl::Notification ended_;
  std::thread thread_;
};

BlobSweeper::BlobSweeper(MetadataStore& store, BlobStore& blobs, Clock& clock, SweepOptions options)
    : impl_(std::make_unique<Impl>(store, blobs, clock, options)) {}

BlobSweeper::~BlobSweeper() = default;

}  // namespace octavo
