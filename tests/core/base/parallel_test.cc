#include "core/base/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;

constexpr int kThreads[] = {1, 2, 3, 16};

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const int num_threads : kThreads) {
    std::vector<std::atomic<int>> calls(1000);
    ASSERT_THAT(ParallelFor(num_threads, 1000,
                            [&](int64_t index) {
                              ++calls[index];
                              return absl::OkStatus();
                            }),
                IsOk());
    for (const auto& count : calls) EXPECT_EQ(count, 1) << num_threads << " threads";
  }
}

TEST(ParallelFor, CallsNothingForNoIndices) {
  EXPECT_THAT(ParallelFor(4, 0, [](int64_t) { return absl::InternalError("called"); }), IsOk());
}

TEST(ParallelFor, GivesTheErrorOfTheSmallestIndexForAnyNumberOfThreads) {
  for (const int num_threads : kThreads) {
    for (int round = 0; round < 50; ++round) {
      const absl::Status status = ParallelFor(num_threads, 100, [](int64_t index) {
        return index % 10 == 7 ? absl::InvalidArgumentError(absl::StrCat("index ", index))
                               : absl::OkStatus();
      });
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "index 7"))
          << num_threads << " threads";
    }
  }
}

TEST(ParallelFor, BeginsNoNewIndexAfterAFailure) {
  std::atomic<int> calls = 0;
  EXPECT_FALSE(ParallelFor(2, 1'000'000, [&](int64_t) {
                 ++calls;
                 return absl::InternalError("the first");
               }).ok());
  EXPECT_LE(calls, 2);
}

TEST(NumProcessors, IsAtLeastOne) { EXPECT_GE(NumProcessors(), 1); }

}  // namespace
}  // namespace octavo
