// What the command's exit status says to a script.

#ifndef OCTAVO_CLIENT_CLI_EXIT_CODE_H_
#define OCTAVO_CLIENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"

namespace octavo {

enum ExitCode {
  kExitOk = 0,
  kExitUsage = 2,        // the arguments, or a file that they name, are wrong
  kExitGoalsMissed = 3,  // no variant meets the goals
  kExitFailed = 4,       // the job, or a variant that was asked for by name, failed
  kExitUnavailable = 5,  // no server answers
};

inline ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kAlreadyExists:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
      return kExitUnavailable;
    default:
      return kExitFailed;
  }
}

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_EXIT_CODE_H_
