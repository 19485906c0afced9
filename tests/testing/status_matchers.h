// Matchers of statuses: IsOk, IsOkAndHolds and StatusIs of Abseil, and the reason that WithReason
// gave.

#ifndef OCTAVO_TESTS_TESTING_STATUS_MATCHERS_H_
#define OCTAVO_TESTS_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/status/statusor.h"
#include "core/base/error_reason.h"

namespace octavo {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// EXPECT_THAT(ReadModel(file), HasReason("MODEL_MALFORMED")).
MATCHER_P(HasReason, reason, std::string("has the reason ") + reason) {
  *result_listener << "whose status is " << StatusOf(arg);
  return ReasonOf(StatusOf(arg)) == reason;
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_STATUS_MATCHERS_H_
