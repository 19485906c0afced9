#include "core/base/pool.h"

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;

TEST(Pool, MakesNoMoreThanAreUsedAtOnce) {
  std::atomic<int> made = 0;
  Pool<int> pool([&]() -> absl::StatusOr<int> { return ++made; });
  const absl::Status status = ParallelFor(4, 1000, [&](int64_t) -> absl::Status {
    ASSIGN_OR_RETURN(std::unique_ptr<int> taken, pool.Take());
    if (*taken < 1) return absl::InternalError("not made");
    pool.Return(std::move(taken));
    return absl::OkStatus();
  });
  EXPECT_THAT(status, IsOk());
  EXPECT_GE(made, 1);
  EXPECT_LE(made, 4);
}

TEST(Pool, PassesOnWhyNoneIsMade) {
  Pool<int> pool([]() -> absl::StatusOr<int> { return absl::UnavailableError("none"); });
  EXPECT_THAT(pool.Take(), StatusIs(absl::StatusCode::kUnavailable, "none"));
}

}  // namespace
}  // namespace octavo
