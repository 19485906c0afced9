#include "core/runtime/reference/fixed_point.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo::reference {
namespace {

constexpr uint32_t kSeed = 11;
constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

double Value(QuantizedMultiplier multiplier) {
  return std::ldexp(multiplier.mantissa, multiplier.shift - 31);
}

TEST(FixedPoint, WritesAMultiplierWith31Bits) {
  std::mt19937 random(kSeed);
  std::uniform_real_distribution<double> exponent(-30, 28);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::exp2(exponent(random));
    EXPECT_NEAR(Value(ToMultiplier(value)) / value, 1, 1e-9);
  }
  EXPECT_EQ(Value(ToMultiplier(0)), 0);
  EXPECT_EQ(Value(ToMultiplier(1)), 1);
  EXPECT_EQ(Value(ToMultiplier(1e-12)), 0);
  // The mantissa that rounds up to 1 becomes 1/2 with the next shift.
  EXPECT_EQ(Value(ToMultiplier(std::nextafter(1.0, 0.0))), 1);
}

TEST(FixedPoint, KnowsWhatCannotBeAMultiplier) {
  EXPECT_TRUE(CanMultiply(0));
  EXPECT_TRUE(CanMultiply(1e8));
  EXPECT_FALSE(CanMultiply(-1));
  EXPECT_FALSE(CanMultiply(1e9));
  EXPECT_FALSE(CanMultiply(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(CanMultiply(std::nan("")));
}

TEST(FixedPoint, MultipliesToWithinOne) {
  std::mt19937 random(kSeed);
  std::uniform_real_distribution<double> exponent(-20, 0);
  for (int i = 0; i < 10000; ++i) {
    const double factor = std::exp2(exponent(random));
    const int32_t value = static_cast<int32_t>(random());
    EXPECT_NEAR(Multiply(value, ToMultiplier(factor)), value * factor, 1.0);
  }
}

TEST(FixedPoint, MultipliesWideSumsByFifteenBits) {
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> exponent(-25, -8);
  for (int i = 0; i < 10000; ++i) {
    const double factor = std::exp2(exponent(random));
    const int64_t value = static_cast<int64_t>(random()) >> 26;
    const double exact = static_cast<double>(value) * factor;
    if (std::abs(exact) > 2e9) continue;
    EXPECT_NEAR(Multiply(value, ToWide(ToMultiplier(factor))), exact,
                1 + std::abs(exact) * 0x1p-15);
  }
}

TEST(FixedPoint, RoundsHalvesAwayFromZero) {
  EXPECT_EQ(RoundingDivideByPowerOfTwo(5, 1), 3);
  EXPECT_EQ(RoundingDivideByPowerOfTwo(-5, 1), -3);
  EXPECT_EQ(RoundingDivideByPowerOfTwo(-4, 3), -1);
  EXPECT_EQ(RoundingDivideByPowerOfTwo(kMin, 31), -1);
  EXPECT_EQ(RoundingDivideByPowerOfTwo(kMax, 40), 0);
  EXPECT_EQ(RoundingDoublingHighMul(kMin, kMin), kMax);
}

TEST(FixedPoint, ShiftsToTheLeftSaturate) {
  EXPECT_EQ(SaturatingMultiplyByPowerOfTwo(3, 4), 48);
  EXPECT_EQ(SaturatingMultiplyByPowerOfTwo(1 << 20, 15), kMax);
  EXPECT_EQ(SaturatingMultiplyByPowerOfTwo(-(1 << 20), 15), kMin);
  EXPECT_EQ(SaturatingMultiplyByPowerOfTwo(-1, 60), kMin);
  EXPECT_EQ(SaturatingMultiplyByPowerOfTwo(12, -2), 3);
}

TEST(FixedPoint, ExponentialsAreExactToAMillionth) {
  for (int i = 0; i <= 3200; ++i) {
    const double x = -i / 100.0;
    const int32_t fixed = static_cast<int32_t>(std::max(x * (1 << 26), -2147483648.0));
    EXPECT_NEAR(ExpOfNegative(fixed) / 2147483648.0, std::exp(fixed / 67108864.0), 1e-6) << x;
  }
}

TEST(FixedPoint, ReciprocalsAreExactToAMillionth) {
  for (int i = 0; i <= 1000; ++i) {
    const int32_t x = static_cast<int32_t>(i / 1000.0 * kMax);
    EXPECT_NEAR(ReciprocalOfOnePlus(x) / 2147483648.0, 1 / (1 + x / 2147483648.0), 1e-6);
  }
  for (const int32_t x : {1, 2, 3, 255, 1 << 19, 12345678, kMax}) {
    const Reciprocal reciprocal = ReciprocalOf(x, 12);
    const double value = std::ldexp(reciprocal.mantissa, -31 - reciprocal.bits_over_unit);
    EXPECT_NEAR(value * std::ldexp(x, -19), 1, 1e-6) << x;
  }
}

TEST(FixedPoint, LogarithmsAreExactToAThousandth) {
  for (double x = 1; x < 4095; x *= 1.01) {
    const int32_t fixed = static_cast<int32_t>(x * (1 << 19));
    EXPECT_NEAR(LogOfAtLeastOne(fixed) / 67108864.0, std::log(fixed / 524288.0), 1e-4) << x;
  }
}

TEST(FixedPoint, InverseRootsAreExactToATenThousandth) {
  EXPECT_NEAR(Value(InverseSqrt(0)), 1, 1e-6);
  for (int64_t x = 1; x < kMax; x = x * 9 / 8 + 1) {
    const double exact = 1 / std::sqrt(static_cast<double>(x));
    EXPECT_NEAR(Value(InverseSqrt(static_cast<int32_t>(x))) / exact, 1, 1e-4) << x;
  }
}

// None of these may be undefined behaviour, whatever comes in: the sanitizers watch.
TEST(FixedPoint, TakesAnyBits) {
  std::mt19937 random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    const int32_t a = i % 7 == 0 ? kMin : static_cast<int32_t>(random());
    const int32_t b = i % 11 == 0 ? kMin : static_cast<int32_t>(random());
    const int shift = static_cast<int>(random() % 62) - 31;
    Multiply(a, QuantizedMultiplier{b, shift});
    Multiply(static_cast<int64_t>(random()) << 32 | a,
             WideMultiplier{b & 0x7fff, 1 + (shift & 31)});
    ExpOfNegative(a);
    ReciprocalOfOnePlus(a);
    ReciprocalOf(a, 12);
    LogOfAtLeastOne(a);
    InverseSqrt(a);
  }
}

}  // namespace
}  // namespace octavo::reference
