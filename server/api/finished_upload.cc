#include "server/api/finished_upload.h"

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "server/api/grpc_status.h"

namespace octavo {

absl::StatusOr<v1::Upload> FinishedUpload(ApiContext& api, absl::string_view name,
                                          v1::UploadKind kind) {
  v1::Upload upload;
  const absl::Status read = api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(upload, reader.GetUpload(name));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(WithResource(read, name));
  if (upload.kind() != kind) return FieldError("upload", "was declared to be something else");
  if (upload.state() != v1::Upload::STATE_COMPLETE) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(name, " is not finished")),
                      "UPLOAD_INCOMPLETE");
  }
  return upload;
}

absl::Status InUseError(absl::string_view name) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat("a job that has not ended needs ", name)),
      "IN_USE");
}

}  // namespace octavo
