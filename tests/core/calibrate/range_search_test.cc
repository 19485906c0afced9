#include "core/calibrate/range_search.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

struct Sample {
  std::vector<float> values;
  Range seen;
  Histogram histogram;
};

Sample SampleOf(std::vector<float> values) {
  Sample sample;
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  sample.seen = {*min, *max};
  sample.histogram.Add(values, std::max(std::abs(*min), std::abs(*max)));
  sample.values = std::move(values);
  return sample;
}

Sample Normal(int count, bool rectified = false) {
  std::mt19937_64 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
    if (rectified) value = std::max(value, 0.0f);
  }
  return SampleOf(std::move(values));
}

// What quantizing each value to int8 in `range` really loses.
double MeanSquaredError(const Sample& sample, Range range) {
  const double min = std::min(range.min, 0.0f);
  const double scale = (std::max(range.max, 0.0f) - min) / 255;
  const double zero_point = std::round(-min / scale);
  double sum = 0;
  for (const float value : sample.values) {
    const double code = std::clamp(std::round(value / scale) + zero_point, 0.0, 255.0);
    const double error = (code - zero_point) * scale - value;
    sum += error * error;
  }
  return sum / static_cast<double>(sample.values.size());
}

TEST(PercentileRange, CutsOffAsMuchAsIsAsked) {
  const Sample sample = Normal(100'000);
  const Range range = PercentileRange(sample.histogram, sample.seen, 0.99);
  const auto outside = [&](float value) { return value < range.min || value > range.max; };
  EXPECT_NEAR(std::count_if(sample.values.begin(), sample.values.end(), outside), 1000, 60);
  EXPECT_NEAR(range.min, -2.576, 0.05);
  EXPECT_NEAR(range.max, 2.576, 0.05);
}

TEST(PercentileRange, OfEverythingIsWhatWasSeen) {
  const Sample sample = Normal(1000);
  EXPECT_EQ(PercentileRange(sample.histogram, sample.seen, 1), sample.seen);
}

TEST(PercentileRange, HoldsZeroWhereItWasSeen) {
  const Sample sample = Normal(10'000, /*rectified=*/true);
  EXPECT_EQ(PercentileRange(sample.histogram, sample.seen, 0.5).min, 0);
}

TEST(MeanSquaredErrorRange, BeatsTheWholeRangeAndItsNeighbours) {
  for (const bool rectified : {false, true}) {
    Sample sample = Normal(100'000, rectified);
    sample.values.push_back(40);  // an outlier
    sample = SampleOf(sample.values);
    const Range range = MeanSquaredErrorRange(sample.histogram, sample.seen, 256);
    EXPECT_LT(MeanSquaredError(sample, range), 0.95 * MeanSquaredError(sample, sample.seen));
    for (const float factor : {0.85f, 1.2f}) {
      const Range other{range.min * factor, range.max * factor};
      EXPECT_LT(MeanSquaredError(sample, range), 1.02 * MeanSquaredError(sample, other)) << factor;
    }
  }
}

TEST(MeanSquaredErrorRange, IsTheWholeOfWhatIsUniform) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<float> uniform(-1, 3);
  std::vector<float> values(100'000);
  for (float& value : values) value = uniform(random);
  const Sample sample = SampleOf(std::move(values));
  const Range range = MeanSquaredErrorRange(sample.histogram, sample.seen, 256);
  EXPECT_NEAR(range.min, -1, 0.02);
  EXPECT_NEAR(range.max, 3, 0.02);
}

TEST(EntropyRange, CutsOffAnOutlierAndKeepsTheBody) {
  Sample sample = Normal(100'000);
  sample.values.push_back(30);
  sample = SampleOf(sample.values);
  const Range range = EntropyRange(sample.histogram, sample.seen, 256);
  EXPECT_LT(range.max, 12);
  EXPECT_GT(range.max, 2);
  EXPECT_LT(range.min, -2);
}

TEST(Ranges, OfOneValueAreThatValue) {
  for (const float value : {0.0f, 2.5f, -3.0f}) {
    const Sample sample = SampleOf({value, value});
    EXPECT_EQ(PercentileRange(sample.histogram, sample.seen, 0.9), sample.seen);
    EXPECT_EQ(MeanSquaredErrorRange(sample.histogram, sample.seen, 256), sample.seen);
    EXPECT_EQ(EntropyRange(sample.histogram, sample.seen, 256), sample.seen);
  }
}

}  // namespace
}  // namespace octavo
