#include "server/worker/open_blob.h"

#include "absl/strings/str_cat.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"

namespace octavo {

absl::StatusOr<OpenedBlob> OpenBlob(BlobStore& blobs, const std::string& digest) {
  if (digest.empty()) return OpenedBlob();
  absl::StatusOr<OpenedBlob> blob = blobs.Open(digest);
  if (!absl::IsNotFound(blob.status())) return blob;
  const absl::Status missing =
      WithReason(absl::FailedPreconditionError(absl::StrCat("blob ", digest, " is missing")),
                 "BLOB_MISSING", {{"digest", digest}});
  return WithPreconditionFailure(missing, "MISSING", digest);
}

}  // namespace octavo
