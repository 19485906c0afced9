// Blobs in a local folder: sha256/ab/cdef... for the whole ones, partial/ID for those on their way.

#ifndef OCTAVO_SERVER_BLOBS_LOCAL_BLOB_STORE_H_
#define OCTAVO_SERVER_BLOBS_LOCAL_BLOB_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "server/blobs/blob_store.h"

namespace octavo {

struct LocalBlobStoreOptions {
  // Appended bytes between two commits.
  int64_t commit_interval_bytes = 16 << 20;
  // Bytes that are left free for the metadata and everybody else: below it, writing is refused with
  // DISK_FULL.
  int64_t reserved_bytes = 64 << 20;
  // For tests: called before each step that changes the disk ("write", "sync", "rename", ...); what
  // it returns is what the step does.
  std::function<absl::Status(const char* step)> before_step;
};

// Makes `folder` and what lies in it. One process a folder (the metadata store's lock sees to it).
absl::StatusOr<std::unique_ptr<BlobStore>> OpenLocalBlobStore(const std::string& folder,
                                                              Clock& clock,
                                                              LocalBlobStoreOptions options = {});

}  // namespace octavo

#endif  // OCTAVO_SERVER_BLOBS_LOCAL_BLOB_STORE_H_
