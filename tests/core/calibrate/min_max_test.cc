#include "core/calibrate/min_max.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

constexpr uint64_t kSeed = 4711;

TEST(FiniteRange, IsWhatAPlainLoopFinds) {
  std::mt19937_64 random(kSeed);
  RecordProperty("seed", static_cast<int>(kSeed));
  for (size_t size = 1; size < 100; ++size) {
    for (size_t offset = 0; offset < 3; ++offset) {  // from any alignment
      std::vector<float> values(size + offset);
      std::normal_distribution<float> normal(std::uniform_real_distribution(-3.f, 3.f)(random), 1);
      for (float& value : values) value = normal(random);
      const std::span<const float> looked_at = std::span(values).subspan(offset);
      EXPECT_EQ(FiniteRange(looked_at),
                (Range{std::ranges::min(looked_at), std::ranges::max(looked_at)}));
    }
  }
}

TEST(FiniteRange, FindsAnExtremeAtEveryPlace) {
  for (size_t place = 0; place < 70; ++place) {
    std::vector<float> values(70, 1.0f);
    values[place] = -2;
    EXPECT_EQ(FiniteRange(values), (Range{-2, 1})) << place;
    values[place] = 5;
    EXPECT_EQ(FiniteRange(values), (Range{1, 5})) << place;
  }
}

TEST(FiniteRange, RefusesNanAndInfinityAtEveryPlace) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    for (size_t size : {1, 15, 16, 17, 70}) {
      for (size_t place = 0; place < size; ++place) {
        std::vector<float> values(size, 1.0f);
        values[place] = bad;
        EXPECT_EQ(FiniteRange(values), std::nullopt) << bad << " at " << place << " of " << size;
      }
    }
  }
}

TEST(FiniteRange, TakesTheEndsOfFloat) {
  EXPECT_EQ(FiniteRange(std::vector<float>{FLT_MAX, -FLT_MAX, FLT_TRUE_MIN}),
            (Range{-FLT_MAX, FLT_MAX}));
}

// Which of the two zeros comes first depends on the lanes of the processor; a report must not.
TEST(FiniteRange, KnowsOneZeroOnly) {
  for (size_t size : {1, 2, 16, 37}) {
    std::vector<float> values(size, 0.0f);
    values[size / 2] = -0.0f;
    const Range range = *FiniteRange(values);
    EXPECT_FALSE(std::signbit(range.min));
    EXPECT_FALSE(std::signbit(range.max));
  }
}

TEST(Union, HoldsBoth) {
  EXPECT_EQ(Union({-1, 2}, {0, 5}), (Range{-1, 5}));
  EXPECT_EQ(Union({3, 4}, {-2, -1}), (Range{-2, 4}));
}

}  // namespace
}  // namespace octavo
