#include "core/calibrate/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

float Magnitude(const std::vector<float>& values) {
  float magnitude = 0;
  for (const float value : values) magnitude = std::max(magnitude, std::abs(value));
  return magnitude;
}

Histogram HistogramOf(const std::vector<float>& values) {
  Histogram histogram;
  histogram.Add(values, Magnitude(values));
  return histogram;
}

TEST(Histogram, HasTheSmallestWidthThatHoldsTheLargestMagnitude) {
  EXPECT_EQ(HistogramOf({1023.9f}).width(), 1);
  EXPECT_EQ(HistogramOf({1024}).width(), 2);
  EXPECT_EQ(HistogramOf({-1024}).width(), 2);
  EXPECT_EQ(HistogramOf({1}).width(), 1.0f / 512);
}

TEST(Histogram, CountsEachValueInItsBin) {
  const Histogram histogram = HistogramOf({0.5f, 1, 1.5f, -0.5f, -1, -1.5f, 0, -0.0f, 1000});
  ASSERT_EQ(histogram.width(), 1);
  EXPECT_EQ(histogram.count(0), 3);  // 0.5 and two zeros
  EXPECT_EQ(histogram.count(1), 2);
  EXPECT_EQ(histogram.count(-1), 1);
  EXPECT_EQ(histogram.count(-2), 2);  // -1 and -1.5
  EXPECT_EQ(histogram.count(1000), 1);
  EXPECT_EQ(histogram.zeros(), 2);
  EXPECT_EQ(histogram.total(), 9);
}

TEST(Histogram, TakesTheExtremesOfTheType) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const Histogram histogram = HistogramOf({kMost, -kMost, kLeast, -kLeast});
  EXPECT_TRUE(std::isfinite(histogram.width()));
  EXPECT_EQ(histogram.count(1023), 1);
  EXPECT_EQ(histogram.count(-1024), 1);
  EXPECT_EQ(histogram.count(0), 1);
  EXPECT_EQ(histogram.count(-1), 1);
  EXPECT_EQ(HistogramOf({kLeast}).total(), 1);
  EXPECT_EQ(HistogramOf({0, 0}).zeros(), 2);
}

// Magnitudes over many powers of two, so that widths double often.
std::vector<float> WideValues(std::mt19937_64& random, int count) {
  std::uniform_real_distribution<float> exponent(-30, 30);
  std::vector<float> values(count);
  for (float& value : values) {
    value = std::exp2(exponent(random)) * (random() % 2 == 0 ? 1.0f : -1.0f);
    if (random() % 8 == 0) value = random() % 2 == 0 ? 0.0f : -0.0f;
    if (random() % 8 == 0) value = std::round(value);
  }
  return values;
}

TEST(Histogram, DependsOnTheValuesAlone) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> values = WideValues(random, 1500);
    const Histogram at_once = HistogramOf(values);
    std::shuffle(values.begin(), values.end(), random);
    Histogram one_by_one;
    for (const float value : values) one_by_one.Add({{value}}, std::abs(value));
    EXPECT_EQ(one_by_one, at_once);
    Histogram merged;
    for (size_t first = 0; first < values.size(); first += 300) {
      merged.Add(HistogramOf({values.begin() + first, values.begin() + first + 300}));
    }
    EXPECT_EQ(merged, at_once);
  }
}

}  // namespace
}  // namespace octavo
