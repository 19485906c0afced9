#include "core/runtime/reference/int16_kernels.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/long_run.h"

namespace octavo::reference {
namespace {

constexpr uint32_t kSeed = 4711;

std::vector<int16_t> RandomInt16(std::mt19937& random, size_t count) {
  std::vector<int16_t> values(count);
  for (int16_t& value : values) value = static_cast<int16_t>(random());
  return values;
}

class Int16KernelsTest : public testing::TestWithParam<const Int16Kernels*> {
 protected:
  const Int16Kernels& kernels() { return *GetParam(); }
};

// sums[row][channel] of all panels, one after the other, by the kernel.
std::vector<int64_t> Multiply(const Int16Kernels& kernels, const PackedWeights& weights,
                              const std::vector<int16_t>& rows, int num_rows) {
  std::vector<int64_t> sums(weights.num_panels() * num_rows * kPanelChannels, -1);
  for (int panel = 0; panel < weights.num_panels(); ++panel) {
    kernels.multiply(rows.data(), 2 * weights.depth_pairs(), num_rows, weights.panel(panel),
                     weights.depth_pairs(), sums.data() + panel * num_rows * kPanelChannels);
  }
  return sums;
}

TEST_P(Int16KernelsTest, MultipliesMatricesOfAnySize) {
  std::mt19937 random(kSeed);
  const int num_rounds = Rounds(60);
  for (int round = 0; round < num_rounds; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", round " << round);
    const int channels = 1 + static_cast<int>(random() % 40);
    const int64_t depth = 1 + random() % (round % 5 == 0 ? 2000 : 50);
    const int num_rows = 1 + static_cast<int>(random() % kMaxRows);
    std::vector<int8_t> weights(channels * depth);
    for (int8_t& weight : weights) weight = static_cast<int8_t>(random());
    const PackedWeights packed(weights, channels, depth);
    const int64_t row_size = 2 * packed.depth_pairs();
    const std::vector<int16_t> rows = RandomInt16(random, num_rows * row_size);
    const std::vector<int64_t> sums = Multiply(kernels(), packed, rows, num_rows);
    for (int row = 0; row < num_rows; ++row) {
      for (int channel = 0; channel < channels; ++channel) {
        int64_t expected = 0;
        for (int64_t i = 0; i < depth; ++i) {
          expected += int64_t{rows[row * row_size + i]} * weights[channel * depth + i];
        }
        const int64_t panel = channel / kPanelChannels;
        ASSERT_EQ(sums[(panel * num_rows + row) * kPanelChannels + channel % kPanelChannels],
                  expected);
      }
    }
  }
}

TEST_P(Int16KernelsTest, SumsOfExtremesDoNotOverflow) {
  // Far more products than fit 32 bits, all of the largest magnitude.
  constexpr int64_t kDepth = 5000;
  for (const int value : {-32768, 32767}) {
    for (const int weight : {-128, 127}) {
      const std::vector<int8_t> weights(17 * kDepth, static_cast<int8_t>(weight));
      const PackedWeights packed(weights, 17, kDepth);
      const std::vector<int16_t> rows(5 * kDepth, static_cast<int16_t>(value));
      const std::vector<int64_t> sums = Multiply(kernels(), packed, rows, 5);
      const int64_t expected = int64_t{value} * weight * kDepth;
      EXPECT_EQ(sums.front(), expected);
      EXPECT_EQ(sums[5 * kPanelChannels], expected) << "the second panel's only channel";
      EXPECT_EQ(sums[5 * kPanelChannels + 1], 0) << "what fills it up";
    }
  }
}

TEST_P(Int16KernelsTest, DepthwiseSumsAreExact) {
  std::mt19937 random(kSeed);
  for (const int num_taps : {0, 1, 9, 25, 1200}) {
    for (const int channels : {1, 15, 16, 17, 50}) {
      const std::vector<int16_t> inputs = RandomInt16(random, num_taps * channels);
      std::vector<int16_t> weights = RandomInt16(random, num_taps * channels);
      for (int16_t& weight : weights) weight = static_cast<int8_t>(weight);
      std::vector<const int16_t*> input_rows;
      std::vector<const int16_t*> weight_rows;
      for (int tap = 0; tap < num_taps; ++tap) {
        input_rows.push_back(inputs.data() + tap * channels);
        weight_rows.push_back(weights.data() + tap * channels);
      }
      std::vector<int64_t> sums(channels, -1);
      kernels().depthwise(input_rows.data(), weight_rows.data(), num_taps, channels, sums.data());
      for (int channel = 0; channel < channels; ++channel) {
        int64_t expected = 0;
        for (int tap = 0; tap < num_taps; ++tap) {
          expected += int64_t{input_rows[tap][channel]} * weight_rows[tap][channel];
        }
        ASSERT_EQ(sums[channel], expected) << num_taps << " taps, channel " << channel;
      }
    }
  }
}

TEST_P(Int16KernelsTest, DepthwiseSumsOfExtremesDoNotOverflow) {
  constexpr int kTaps = 3000;
  const std::vector<int16_t> inputs(32, -32768);
  const std::vector<int16_t> weights(32, -128);
  const std::vector<const int16_t*> input_rows(kTaps, inputs.data());
  const std::vector<const int16_t*> weight_rows(kTaps, weights.data());
  std::vector<int64_t> sums(32);
  kernels().depthwise(input_rows.data(), weight_rows.data(), kTaps, 32, sums.data());
  EXPECT_THAT(sums, testing::Each(int64_t{kTaps} << 22));
}

TEST_P(Int16KernelsTest, RequantizesAsTheExactProductSays) {
  std::mt19937_64 random(kSeed);
  constexpr int kChannels = 43;
  const int num_rounds = Rounds(200);
  for (int round = 0; round < num_rounds; ++round) {
    WideRequantization requantization;
    std::vector<int64_t> sums(kChannels);
    for (int channel = 0; channel < kChannels; ++channel) {
      sums[channel] = static_cast<int64_t>(random()) >> (17 + random() % 40);
      requantization.bias.push_back(static_cast<int64_t>(random()) >> (20 + random() % 40));
      requantization.mantissa.push_back(16384 + random() % 16384);
      requantization.right_shift.push_back(1 + random() % 46);
    }
    requantization.min = -30000 + static_cast<int32_t>(random() % 100);
    requantization.max = 30000 - static_cast<int32_t>(random() % 100);
    const int first = static_cast<int>(random() % 20);
    const int count = static_cast<int>(random() % (kChannels - first));
    std::vector<int16_t> codes(count);
    kernels().requantize(sums.data(), requantization, first, count, codes.data());
    for (int i = 0; i < count; ++i) {
      const int shift = static_cast<int>(requantization.right_shift[first + i]);
      const int64_t product =
          (sums[i] + requantization.bias[first + i]) * requantization.mantissa[first + i];
      // The low 32 bits, as the format has it, then the clamp.
      const int32_t rounded =
          static_cast<int32_t>((product + (int64_t{1} << (shift - 1))) >> shift);
      const int32_t expected = std::min(std::max(rounded, requantization.min), requantization.max);
      ASSERT_EQ(codes[i], expected) << "round " << round << ", channel " << first + i;
    }
  }
}

TEST_P(Int16KernelsTest, RescalesToFloats) {
  std::mt19937 random(kSeed);
  constexpr int kChannels = 29;
  FloatRescaling rescaling = {.scale = {}, .bias = {}, .min = -50.0f, .max = 60.0f};
  std::vector<int64_t> sums;
  for (int channel = 0; channel < kChannels; ++channel) {
    rescaling.scale.push_back(0.001f * static_cast<float>(channel + 1));
    rescaling.bias.push_back(static_cast<float>(random() % 100) - 50.0f);
    sums.push_back(static_cast<int32_t>(random()) >> 12);
  }
  std::vector<float> values(kChannels);
  constexpr float kInputScale = 0.3f;
  // To the last bit: the order of the products is what tells LiteRT's kernels apart.
  for (const bool is_input_scale_last : {false, true}) {
    rescaling.is_input_scale_last = is_input_scale_last;
    kernels().rescale(sums.data(), rescaling, kInputScale, 0, kChannels, values.data());
    for (int channel = 0; channel < kChannels; ++channel) {
      const auto sum = static_cast<float>(sums[channel]);
      const float scale = rescaling.scale[channel];
      const float product =
          is_input_scale_last ? (sum * scale) * kInputScale : sum * (scale * kInputScale);
      const float value = product + rescaling.bias[channel];
      EXPECT_EQ(values[channel], std::min(std::max(value, -50.0f), 60.0f));
    }
  }
}

TEST_P(Int16KernelsTest, FindsTheRangeThatHasZero) {
  std::vector<float> values(37, 1.5f);
  float min;
  float max;
  kernels().find_range(values, &min, &max);
  EXPECT_EQ(min, 0);
  EXPECT_EQ(max, 1.5f);
  values[36] = 9;
  values[5] = -7;
  values[6] = std::numeric_limits<float>::quiet_NaN();
  kernels().find_range(values, &min, &max);
  EXPECT_EQ(min, -7);
  EXPECT_EQ(max, 9);
  kernels().find_range({}, &min, &max);
  EXPECT_EQ(min, 0);
  EXPECT_EQ(max, 0);
}

TEST_P(Int16KernelsTest, QuantizesToTheNearestWithTiesAwayFromZero) {
  std::mt19937 random(kSeed);
  std::uniform_real_distribution<float> uniform(-300, 300);
  std::vector<float> values = {0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 0, -0.0f, 99.5f, -99.5f};
  while (values.size() < 203) values.push_back(uniform(random));
  std::vector<int16_t> codes(values.size());
  kernels().quantize(values, {1.0f, -100.0f, 155.0f}, codes.data());
  for (size_t i = 0; i < values.size(); ++i) {
    const double expected = std::min(std::max(std::round(double{values[i]}), -100.0), 155.0);
    EXPECT_EQ(codes[i], expected) << values[i];
  }
}

TEST_P(Int16KernelsTest, QuantizesNanAndInfinitiesToTheEnds) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {std::numeric_limits<float>::quiet_NaN(),
                                     infinity,
                                     -infinity,
                                     3e38f,
                                     -3e38f,
                                     1,
                                     2,
                                     3,
                                     std::nanf(""),
                                     infinity};
  std::vector<int16_t> codes(values.size());
  kernels().quantize(values, {1.0f, -128.0f, 127.0f}, codes.data());
  EXPECT_THAT(codes, testing::ElementsAre(-128, 127, -128, 127, -128, 1, 2, 3, -128, 127));
}

INSTANTIATE_TEST_SUITE_P(All, Int16KernelsTest,
                         testing::ValuesIn(RunnableInt16Kernels().begin(),
                                           RunnableInt16Kernels().end()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace octavo::reference
