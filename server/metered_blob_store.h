// A blob store whose operations are counted and timed.

#ifndef OCTAVO_SERVER_METERED_BLOB_STORE_H_
#define OCTAVO_SERVER_METERED_BLOB_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "server/blobs/blob_store.h"
#include "server/metrics/metrics.h"

namespace octavo {

// Thread-safe, as the store behind it. Appending to a partial is counted by uploads, not here.
class MeteredBlobStore : public BlobStore {
 public:
  MeteredBlobStore(BlobStore& blobs, Metrics& metrics) : blobs_(blobs), metrics_(metrics) {}

  absl::StatusOr<std::unique_ptr<PartialBlob>> OpenPartial(absl::string_view id) override;
  absl::StatusOr<int64_t> PartialBytes(absl::string_view id) override;
  absl::Status DeletePartial(absl::string_view id) override;
  absl::StatusOr<std::vector<PartialEntry>> ListPartials() override;
  absl::StatusOr<StoredBlob> Touch(absl::string_view digest) override;
  absl::StatusOr<OpenedBlob> Open(absl::string_view digest) override;
  absl::StatusOr<StoredBlob> PutFile(int fd, int64_t max_bytes) override;
  absl::StatusOr<bool> DeleteUnused(absl::string_view digest, absl::Time before) override;
  absl::StatusOr<std::vector<std::string>> ListUnused(absl::Time before) override;
  absl::StatusOr<int64_t> FreeBytes() override;

 private:
  BlobStore& blobs_;
  Metrics& metrics_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_METERED_BLOB_STORE_H_
