#include "client/cli/exit_code.h"

#include "client/retry.h"

namespace octavo {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    case absl::StatusCode::kResourceExhausted:
      return RetryDelayOf(status).has_value() ? kExitUnavailable : kExitFailed;
    default:
      return kExitFailed;
  }
}

ExitCode JobFailureExitCode(const absl::Status& status) {
  return ExitCodeOf(status) == kExitUnavailable ? kExitUnavailable : kExitFailed;
}

}  // namespace octavo
