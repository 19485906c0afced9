#include "client/cli/exit_code.h"

#include <gtest/gtest.h>

#include "core/base/error_reason.h"

namespace octavo {
namespace {

const absl::Status kFull =
    WithRetryDelay(absl::ResourceExhaustedError("the queue is full"), absl::Seconds(1));

TEST(ExitCodeOf, IsUsageForWhatIsRefused) {
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(WithReason(absl::FailedPreconditionError(""), "NO_CALIBRATION")),
            kExitUsage);
}

TEST(ExitCodeOf, IsUnavailableForAServerThatIsAwayOrBusy) {
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), kExitUnavailable);
  EXPECT_EQ(ExitCodeOf(kFull), kExitUnavailable);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("the disk is full")), kExitFailed);
}

TEST(JobFailureExitCode, IsFailedForWhateverEndsAJob) {
  EXPECT_EQ(JobFailureExitCode(absl::FailedPreconditionError("")), kExitFailed);
  EXPECT_EQ(JobFailureExitCode(absl::InternalError("")), kExitFailed);
  EXPECT_EQ(JobFailureExitCode(absl::NotFoundError("")), kExitFailed);
  EXPECT_EQ(JobFailureExitCode(absl::UnavailableError("")), kExitUnavailable);
}

}  // namespace
}  // namespace octavo
