#include "core/quantize/quant_params.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/quantize/rounding.h"
#include "core/tflite/tensor_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

constexpr uint64_t kSeed = 20240711;

// What TFLiteConverter wrote for ranges that it measured; double arithmetic misses them by a bit.
TEST(Int8ActivationParams, AreTheConvertersOnes) {
  const struct {
    Range range;
    float scale;
    int64_t zero_point;
  } kWritten[] = {
      {{-27.133647918701172f, 11.995243072509766f}, 0.15344663f, 49},
      {{-9.725747108459473f, 12.517927169799805f}, 0.0872301f, -17},
      {{-2.102560043334961f, 2.5680201053619385f}, 0.018315999f, -13},
      {{-7.077247619628906f, 6.912271022796631f}, 0.05486086f, 1},
      {{-5.801608562469482f, 3.5002918243408203f}, 0.036478043f, 31},
      {{0.0f, 2.4402780532836914f}, 0.009569718f, -128},
      {{0.0f, 1.0f}, 0.003921569f, -128},
  };
  for (const auto& written : kWritten) {
    EXPECT_EQ(Int8ActivationParams(written.range),
              (QuantParams{{written.scale}, {written.zero_point}}))
        << written.range.min << " to " << written.range.max;
  }
}

TEST(Int8ActivationParams, WidenARangeToHoldZero) {
  EXPECT_EQ(Int8ActivationParams({2.0f, 5.1f}), Int8ActivationParams({0.0f, 5.1f}));
  EXPECT_EQ(Int8ActivationParams({-5.1f, -2.0f}), Int8ActivationParams({-5.1f, 0.0f}));
  EXPECT_EQ(Int8ActivationParams({-5.1f, -2.0f}).zero_points[0], 127);
  EXPECT_EQ(Int8ActivationParams({2.0f, 5.1f}).zero_points[0], -128);
}

TEST(Int8ActivationParams, GiveARangeOfZeroAScaleThatRunsEverywhere) {
  EXPECT_EQ(Int8ActivationParams({0.0f, 0.0f}), Int8ActivationParams({0.0f, 1.0f}));
  EXPECT_EQ(Int8ActivationParams({-0.0f, 0.0f}), Int8ActivationParams({0.0f, 1.0f}));
}

TEST(Int8ActivationParams, StayNormalAtTheEndsOfFloat) {
  for (const Range& range :
       {Range{0, FLT_TRUE_MIN}, Range{-FLT_MIN, FLT_MIN}, Range{-FLT_MAX, FLT_MAX},
        Range{0, FLT_MAX}, Range{-FLT_MAX, 0}, Range{-FLT_TRUE_MIN, 0}}) {
    const QuantParams params = Int8ActivationParams(range);
    EXPECT_TRUE(std::isnormal(params.scales[0])) << range.min << " to " << range.max;
    EXPECT_THAT(params.zero_points[0], AllOf(Ge(-128), Le(127)));
  }
}

TEST(Int8ActivationParams, BringValuesOfTheRangeBackWithinHalfAScale) {
  std::mt19937_64 random(kSeed);
  RecordProperty("seed", static_cast<int>(kSeed));
  for (int trial = 0; trial < 2000; ++trial) {
    const double magnitude = std::exp(std::uniform_real_distribution(-30.0, 30.0)(random));
    std::uniform_real_distribution<float> any(-magnitude, magnitude);
    const float a = any(random), b = any(random);
    const Range range{std::min(a, b), std::max(a, b)};
    const QuantParams params = Int8ActivationParams(range);
    const double scale = params.scales[0];
    for (const float share : {0.0f, 0.1f, 0.37f, 0.5f, 0.9f, 1.0f}) {
      const float value = range.min + share * (range.max - range.min);
      const float values[] = {value, 0.0f};
      const SharedBytes stored = StoreAs(schema::TensorType_INT8, params, values, {{2}});
      const auto* codes = reinterpret_cast<const int8_t*>(stored.get().data());
      const double back = scale * (codes[0] - params.zero_points[0]);
      EXPECT_LE(std::abs(back - value), scale * 0.5001) << range.min << " to " << range.max;
      EXPECT_EQ(codes[1], params.zero_points[0]) << "zero has no code of its own";
    }
  }
}

TEST(Int16ActivationParams, AreSymmetric) {
  EXPECT_EQ(Int16ActivationParams({-27.133647918701172f, 11.995243072509766f}),
            (QuantParams{{0.0008280785f}, {0}}));
  EXPECT_EQ(Int16ActivationParams({0, 1}), (QuantParams{{3.051851e-05f}, {0}}));
  EXPECT_EQ(Int16ActivationParams({-3, 1}), Int16ActivationParams({-1, 3}));
  EXPECT_EQ(Int16ActivationParams({0, 0}), Int16ActivationParams({-1, 1}));
  EXPECT_TRUE(std::isnormal(Int16ActivationParams({0, FLT_TRUE_MIN}).scales[0]));
}

TEST(SymmetricWeightParams, HaveAScaleAChannelOfAnyAxis) {
  // [2, 3, 4]: element (i, j, k) is 100 i + 10 j + k + 1.
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(100.0f * (i / 12) + 10 * (i / 4 % 3) + i % 4 + 1);
  const auto scales_along = [&](int axis) {
    std::vector<float> largest;
    for (const float scale : SymmetricWeightParams(values, {{2, 3, 4}}, axis, 127).scales) {
      largest.push_back(std::round(scale * 127));
    }
    return largest;
  };
  EXPECT_THAT(scales_along(0), ElementsAre(24, 124));
  EXPECT_THAT(scales_along(1), ElementsAre(104, 114, 124));
  EXPECT_THAT(scales_along(2), ElementsAre(121, 122, 123, 124));
  EXPECT_THAT(scales_along(-1), ElementsAre(124));
  EXPECT_EQ(SymmetricWeightParams(values, {{2, 3, 4}}, 2, 127).quantized_dimension, 2);
  EXPECT_EQ(SymmetricWeightParams(values, {{2, 3, 4}}, -1, 127).quantized_dimension, 0);
  EXPECT_THAT(SymmetricWeightParams(values, {{2, 3, 4}}, 1, 127).zero_points, ElementsAre(0, 0, 0));
}

TEST(SymmetricWeightParams, GuardDeadAndSubnormalChannels) {
  const std::vector<float> values = {0, 0, 0, 1e-42f, 0, -1e-44f, 0, 0, -0.5f};
  const QuantParams params = SymmetricWeightParams(values, {{3, 3}}, 0, 127);
  EXPECT_THAT(params.scales, ElementsAre(3.937008e-09f, FLT_MIN, 0.5f / 127));
}

TEST(SymmetricWeightParams, KeepEveryCodeWithinItsRange) {
  std::mt19937_64 random(kSeed);
  for (int trial = 0; trial < 200; ++trial) {
    std::normal_distribution<float> normal(0, std::exp((trial - 100) / 3.0f));
    std::vector<float> values(5 * 31);
    for (float& value : values) value = normal(random);
    const QuantParams params = SymmetricWeightParams(values, {{5, 31}}, 0, 127);
    const SharedBytes stored = StoreAs(schema::TensorType_INT8, params, values, {{5, 31}});
    for (size_t i = 0; i < values.size(); ++i) {
      const int code = static_cast<int8_t>(stored.get()[i]);
      ASSERT_THAT(code, AllOf(Ge(-127), Le(127)));
      ASSERT_LE(std::abs(params.scales[i / 31] * code - values[i]), params.scales[i / 31] * 0.5001);
    }
  }
}

TEST(BiasParams, AreTheProductOfTheScales) {
  QuantParams weights = {{0.25f, 0.1f, 3e-5f}, {0, 0, 0}, 3};
  const QuantParams same = weights;
  const std::vector<float> bias = {1, -2, 0};
  const QuantParams params = BiasParams(0.3f, bias, &weights);
  EXPECT_THAT(params.scales, ElementsAre(0.3f * 0.25f, 0.3f * 0.1f, 0.3f * 3e-5f));
  EXPECT_THAT(params.zero_points, ElementsAre(0, 0, 0));
  EXPECT_EQ(params.quantized_dimension, 0);
  EXPECT_EQ(weights, same);
}

// Three of MobileNetV2's dead channels, as TFLiteConverter wrote them.
TEST(BiasParams, EnlargeTheScaleOfWeightsWhoseBiasWouldOverflow) {
  QuantParams weights = {{3.937008e-09f, 3.937008e-09f, 3.937008e-09f, 0.01f}, {0, 0, 0, 0}};
  const std::vector<float> bias = {-1.2034963f, -2.5359387f, -0.30087408f, 1.0f};
  const QuantParams params = BiasParams(0.003921569f, bias, &weights);
  EXPECT_THAT(weights.scales, ElementsAre(2.8581502e-07f, 6.022531e-07f, 7.1453755e-08f, 0.01f));
  EXPECT_THAT(params.scales,
              ElementsAre(1.1208433e-09f, 2.361777e-09f, 2.8021083e-10f, 0.003921569f * 0.01f));
  const SharedBytes stored = StoreAs(schema::TensorType_INT32, params, bias, {{4}});
  const auto* codes = reinterpret_cast<const int32_t*>(stored.get().data());
  for (int c = 0; c < 3; ++c) EXPECT_EQ(codes[c], -1073741824) << c;
}

TEST(BiasParams, StayNormalWhereTheProductIsNot) {
  QuantParams weights = {{1e-30f, FLT_MIN, 1e30f}, {0, 0, 0}};
  const QuantParams params = BiasParams(1e-20f, {}, &weights);
  for (int c = 0; c < 3; ++c) {
    EXPECT_TRUE(std::isnormal(params.scales[c])) << c;
    EXPECT_TRUE(std::isnormal(weights.scales[c])) << c;
  }
  QuantParams huge = {{1e30f}, {0}};
  EXPECT_TRUE(std::isnormal(BiasParams(1e30f, {}, &huge).scales[0]));
}

TEST(BiasParams, OfOneScaleFitTheLargestBias) {
  QuantParams weights = {{1e-9f}, {0}};
  const std::vector<float> bias = {1, 50, -100};
  const QuantParams params = BiasParams(1.0f, bias, &weights);
  ASSERT_THAT(params.scales, ::testing::SizeIs(1));
  EXPECT_NEAR(params.scales[0] * double{std::numeric_limits<int32_t>::max() / 2}, 100, 1e-4);
}

TEST(StoreAs, RoundsHalvesAwayFromZeroAndClamps) {
  const std::vector<float> values = {0.5f,   -0.5f,  1.5f, -1.5f, 0.49999997f,
                                     126.5f, 127.5f, 1e9f, -1e9f, -128.5f};
  const SharedBytes stored = StoreAs(schema::TensorType_INT8, {{1}, {0}}, values, {{10}});
  const auto* codes = reinterpret_cast<const int8_t*>(stored.get().data());
  EXPECT_THAT(std::vector<int>(codes, codes + 10),
              ElementsAre(1, -1, 2, -2, 0, 127, 127, 127, -128, -128));
}

TEST(StoreAs, RoundsLikeRoundDoes) {
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<float> any(-40000, 40000);
  std::vector<float> values(20000);
  for (float& value : values) value = any(random);
  for (size_t i = 0; i < values.size(); i += 3) values[i] = std::floor(values[i]) + 0.5f;
  const float scale = 1.25f;
  const SharedBytes stored = StoreAs(schema::TensorType_INT16, {{scale}, {0}}, values, {{20000}});
  const auto* codes = reinterpret_cast<const int16_t*>(stored.get().data());
  for (size_t i = 0; i < values.size(); ++i) {
    const float rounded = std::round(values[i] * (1 / scale));
    ASSERT_EQ(codes[i], std::clamp(rounded, -32767.0f, 32767.0f)) << values[i];
  }
}

// Eight at a time where there are as many: a value alone is rounded by the plain rule. Int4 codes
// are packed 4,096 at a time.
TEST(StoreAs, StoresManyAsItStoresOne) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> exponent(-30, 20);
  std::vector<float> values = {0,      -0.0f,   0.5f,  -0.5f, 1.5f,     -2.5f,
                               126.5f, -127.5f, 7.5f,  1e30f, -1e30f,   65504,
                               65520,  -65536,  6e-8f, 3e-8f, 0x1p-24f, 0x1.004p-14f};
  while (values.size() < 10003) {
    const float magnitude = std::exp2(exponent(random));
    values.push_back(random() % 2 == 0 ? magnitude : -magnitude);
    values.push_back(std::round(2 * magnitude) / 2);
  }
  const QuantParams params{.scales = {1}, .zero_points = {0}};
  for (const auto type : {schema::TensorType_INT4, schema::TensorType_INT8,
                          schema::TensorType_INT16, schema::TensorType_FLOAT16}) {
    const auto size = static_cast<int32_t>(values.size());
    const SharedBytes all = StoreAs(type, params, values, {{size}});
    const size_t bits = static_cast<size_t>(ElementBits(type));
    ASSERT_EQ(all.get().size(), (values.size() * bits + 7) / 8);
    for (size_t i = 0; i < values.size(); ++i) {
      const SharedBytes one = StoreAs(type, params, {&values[i], 1}, {{1}});
      if (bits == 4) {
        ASSERT_EQ(all.get()[i / 2] >> (i % 2 * 4) & 0xf, one.get()[0]) << values[i];
      } else {
        ASSERT_TRUE(std::ranges::equal(all.get().subspan(i * bits / 8, bits / 8), one.get()))
            << schema::EnumNameTensorType(type) << " " << values[i];
      }
    }
  }
}

TEST(StoreAs, KeepsWideIntegersWithinThirtyTwoBits) {
  const std::vector<float> values = {1e30f, -1e30f, 3.5f};
  for (const auto type : {schema::TensorType_INT32, schema::TensorType_INT64}) {
    const SharedBytes stored = StoreAs(type, {{FLT_MIN}, {0}}, {values.data(), 2}, {{2}});
    if (type == schema::TensorType_INT32) {
      const auto* codes = reinterpret_cast<const int32_t*>(stored.get().data());
      EXPECT_EQ(codes[0], std::numeric_limits<int32_t>::max());
      EXPECT_EQ(codes[1], std::numeric_limits<int32_t>::min());
    } else {
      const auto* codes = reinterpret_cast<const int64_t*>(stored.get().data());
      EXPECT_EQ(codes[0], std::numeric_limits<int32_t>::max());
      EXPECT_EQ(codes[1], std::numeric_limits<int32_t>::min());
    }
  }
}

TEST(StoreAs, GivesEachChannelItsScaleAndZeroPoint) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8};
  const QuantParams params = {{1, 2}, {0, 10}, 1};
  const SharedBytes stored = StoreAs(schema::TensorType_INT8, params, values, {{2, 2, 2}});
  const auto* codes = reinterpret_cast<const int8_t*>(stored.get().data());
  EXPECT_THAT(std::vector<int>(codes, codes + 8), ElementsAre(1, 2, 12, 12, 5, 6, 14, 14));
}

TEST(StoreAs, ClampsHalvesAndRoundsThemToEven) {
  const std::vector<float> values = {1e30f, -1e30f, 65519.9f, 2049, 2051, 5.9604645e-8f, 0.1f};
  const SharedBytes stored = StoreAs(schema::TensorType_FLOAT16, {}, values, {{7}});
  ASSERT_EQ(stored.get().size(), 14u);
  const auto* halves = reinterpret_cast<const _Float16*>(stored.get().data());
  EXPECT_THAT(std::vector<float>(halves, halves + 7),
              ElementsAre(65504, -65504, 65504, 2048, 2052, 5.9604645e-8f, 0.099975586f));
}

}  // namespace
}  // namespace octavo
