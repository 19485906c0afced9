// Sweeps away what nobody needs any more: uploads that expired, and bytes that no row names.

#ifndef OCTAVO_SERVER_BLOBS_BLOB_SWEEPER_H_
#define OCTAVO_SERVER_BLOBS_BLOB_SWEEPER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "server/blobs/blob_store.h"
#include "server/store/metadata_store.h"

namespace octavo {

struct SweepOptions {
  // A blob lives so long after it was written or touched even if no row names it: the row may be on
  // its way.
  absl::Duration grace = absl::Hours(1);
  absl::Duration interval = absl::Minutes(10);
  // An open upload lives so long after its last byte. Its row learns of bytes only when their
  // stream ends, and not from one that died with its server.
  absl::Duration upload_lifetime = absl::Hours(24);
};

struct SweepResult {
  int uploads = 0;
  int partials = 0;
  int blobs = 0;
};

// One sweep. Blocks on the disk.
absl::StatusOr<SweepResult> Sweep(MetadataStore& store, BlobStore& blobs, Clock& clock,
                                  const SweepOptions& options);

// Sweeps at the start and then at every interval, on a thread of its own that ends with the object.
class BlobSweeper {
 public:
  BlobSweeper(MetadataStore& store, BlobStore& blobs, Clock& clock, SweepOptions options);
  ~BlobSweeper();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_BLOBS_BLOB_SWEEPER_H_
