// The bytes that a row names.

#ifndef OCTAVO_SERVER_WORKER_OPEN_BLOB_H_
#define OCTAVO_SERVER_WORKER_OPEN_BLOB_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/blobs/blob_store.h"

namespace octavo {

// Nothing for an empty digest. FAILED_PRECONDITION (BLOB_MISSING): a row names a blob that is not
// there, and it does not come back.
absl::StatusOr<OpenedBlob> OpenBlob(BlobStore& blobs, const std::string& digest);

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_OPEN_BLOB_H_
