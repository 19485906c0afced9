#include "core/base/percentile.h"

#include <vector>

#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(PercentileOfSorted, LiesBetweenSamplesInProportion) {
  EXPECT_EQ(PercentileOfSorted({}, 0.5), 0);
  EXPECT_EQ(PercentileOfSorted(std::vector<float>{7}, 0.99), 7);
  const std::vector<float> four = {1, 2, 3, 5};
  EXPECT_DOUBLE_EQ(PercentileOfSorted(four, 0), 1);
  EXPECT_DOUBLE_EQ(PercentileOfSorted(four, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(PercentileOfSorted(four, 0.75), 3.5);
  EXPECT_DOUBLE_EQ(PercentileOfSorted(four, 1), 5);
}

}  // namespace
}  // namespace octavo
