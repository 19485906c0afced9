// What models and data sets share: both come from an upload, and neither goes while a job needs it.

#ifndef OCTAVO_SERVER_API_FINISHED_UPLOAD_H_
#define OCTAVO_SERVER_API_FINISHED_UPLOAD_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "octavo/v1/uploads.pb.h"
#include "server/api/api_context.h"

namespace octavo {

// NOT_FOUND. FAILED_PRECONDITION (UPLOAD_INCOMPLETE). INVALID_ARGUMENT: it was declared to be
// something else.
absl::StatusOr<v1::Upload> FinishedUpload(ApiContext& api, absl::string_view name,
                                          v1::UploadKind kind);

// FAILED_PRECONDITION (IN_USE).
absl::Status InUseError(absl::string_view name);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_FINISHED_UPLOAD_H_
