#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/runtime/row_quantization.h"

namespace octavo {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

struct Quantized {
  RowQuantization quantization;
  std::vector<int8_t> codes;
};

Quantized Quantize(const std::vector<float>& values) {
  Quantized row{.quantization = {}, .codes = std::vector<int8_t>(values.size())};
  row.quantization = QuantizeRow(values, row.codes.data());
  return row;
}

std::vector<float> RandomRow(std::mt19937& random) {
  std::normal_distribution<float> normal(std::uniform_real_distribution<float>(-2, 2)(random));
  std::vector<float> values(1 + random() % 70);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(QuantizeRow, UsesAllCodes) {
  const Quantized row = Quantize({-1.0f, 0.0f, 1.55f});
  EXPECT_FLOAT_EQ(row.quantization.scale, 0.01f);
  EXPECT_EQ(row.quantization.zero_point, -28);
  EXPECT_THAT(row.codes, ElementsAre(-128, -28, 127));
}

TEST(QuantizeRow, WidensTheRangeToHoldZero) {
  EXPECT_EQ(Quantize({5.0f, 10.0f}).quantization.zero_point, -128);
  EXPECT_EQ(Quantize({-5.0f, -10.0f}).quantization.zero_point, 127);
  EXPECT_FLOAT_EQ(Quantize({5.0f, 10.0f}).quantization.scale, 10.0f / 255);
}

TEST(QuantizeRow, GivesZerosOneCode) {
  const Quantized row = Quantize(std::vector<float>(20, 0.0f));
  EXPECT_EQ(row.quantization.scale, 1.0f);
  EXPECT_THAT(row.codes, Each(row.quantization.zero_point));
}

// Not by the reciprocal of the scale: the two differ in the last place, and codes with them.
TEST(QuantizeRow, MultipliesByCodesOverRange) {
  std::mt19937 random(3);
  int turned = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<float> values = RandomRow(random);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const float inverse = 255.0f / (std::max(*most, 0.0f) - std::min(*least, 0.0f));
    // A value that lies half between two codes by the one rule need not by the other.
    values.push_back((std::floor(std::max(*most, 0.0f) * inverse) - 0.5f) / inverse);
    const Quantized row = Quantize(values);
    for (size_t index = 0; index < values.size(); ++index) {
      const float code =
          std::nearbyint(values[index] * inverse) + static_cast<float>(row.quantization.zero_point);
      ASSERT_EQ(row.codes[index], std::clamp(code, -128.0f, 127.0f)) << "round " << round;
      const float by_reciprocal = std::nearbyint(values[index] * (1.0f / (1.0f / inverse))) +
                                  static_cast<float>(row.quantization.zero_point);
      turned += by_reciprocal != code;
    }
  }
  EXPECT_GT(turned, 0);
}

TEST(QuantizeRow, IsNearToTheValues) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const std::vector<float> values = RandomRow(random);
    const Quantized row = Quantize(values);
    for (size_t index = 0; index < values.size(); ++index) {
      const float back = row.quantization.scale *
                         static_cast<float>(row.codes[index] - row.quantization.zero_point);
      // Half a code, and at the ends half a code more for the rounded zero point.
      ASSERT_NEAR(back, values[index], 1.001f * row.quantization.scale);
    }
  }
}

TEST(QuantizeRow, IsTheSameWithAndWithoutVectors) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const std::vector<float> values = RandomRow(random);
    const Quantized row = Quantize(values);
    std::vector<int8_t> codes(values.size());
    const RowQuantization plain = QuantizeRowPlain(values, codes.data());
    ASSERT_EQ(plain.scale, row.quantization.scale);
    ASSERT_EQ(plain.zero_point, row.quantization.zero_point);
    ASSERT_EQ(codes, row.codes);
  }
}

TEST(QuantizeRow, SurvivesWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (float odd : {kInfinity, -kInfinity, kNan, 3e38f, -3e38f, 1e-45f}) {
    for (float other : {0.0f, 1.0f, -3e38f, kNan, kInfinity}) {
      std::vector<float> values(19, 1.0f);
      values[3] = odd;
      values[17] = other;
      const Quantized row = Quantize(values);
      std::vector<int8_t> codes(values.size());
      EXPECT_EQ(QuantizeRowPlain(values, codes.data()).zero_point, row.quantization.zero_point);
      EXPECT_EQ(codes, row.codes) << odd << " " << other;
    }
  }
}

}  // namespace
}  // namespace octavo
