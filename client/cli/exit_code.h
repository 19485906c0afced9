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
  kExitUnavailable = 5,  // no server answers, or one that has too much to do
};

// Of what fails before there is a job, or is about none.
ExitCode ExitCodeOf(const absl::Status& status);

// Of what fails once there is a job.
ExitCode JobFailureExitCode(const absl::Status& status);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_EXIT_CODE_H_
