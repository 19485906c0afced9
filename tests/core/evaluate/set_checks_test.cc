#include "core/evaluate/set_checks.h"

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::HasSubstr;

TEST(CheckSetsDiffer, IsSilentOfTwoSets) {
  const auto warning = CheckSetsDiffer(MnistImages(500, "calib_images"), MnistImages(1000), 2);
  ASSERT_THAT(warning, IsOk());
  EXPECT_FALSE(warning->has_value());
}

TEST(CheckSetsDiffer, CountsTheExamplesThatAreInBoth) {
  for (const int num_threads : {1, 4}) {
    const auto warning = CheckSetsDiffer(MnistImages(30), MnistImages(100), num_threads);
    ASSERT_THAT(warning, IsOk());
    ASSERT_TRUE(warning->has_value());
    EXPECT_EQ((*warning)->reason(), "SETS_SHARE_EXAMPLES");
    EXPECT_THAT((*warning)->message(), HasSubstr("30 of the 100 evaluation examples"));
  }
}

}  // namespace
}  // namespace octavo
