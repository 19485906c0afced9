#include "core/runtime/reference/fixed_point.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace octavo::reference {
namespace {

constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

// A constant in [-1, 1) as Q0.31.
constexpr int32_t Q31(double value) {
  return static_cast<int32_t>(value * 2147483648.0 + (value < 0 ? -0.5 : 0.5));
}
constexpr double kSqrtHalf = 0.70710678118654752440;         // sqrt(1/2)
constexpr double kFourthRootOfTwo = 1.18920711500272106672;  // 2^(1/4)
constexpr double kFourthRootOfHalf = 0.84089641525371454303;

int32_t Times(int32_t a, int32_t b) { return RoundingDoublingHighMul(a, b); }
int32_t Plus(int32_t a, int32_t b) { return WrapAdd(a, b); }
int32_t Minus(int32_t a, int32_t b) { return WrapSub(a, b); }

int32_t Saturate(int64_t value) { return static_cast<int32_t>(Clamp<int64_t>(value, kMin, kMax)); }

int32_t RoundingHalfSum(int32_t a, int32_t b) {
  const int64_t sum = int64_t{a} + b;
  return static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
}

// exp(x) for x in [-1/4, 0), both Q0.31: four terms of the series about -1/8.
int32_t ExpOfSmall(int32_t x) {
  constexpr int32_t kExpOfMinusEighth = 1895147668;
  constexpr int32_t kThird = 715827883;
  const int32_t y = Plus(x, 1 << 28);
  const int32_t y2 = Times(y, y);
  const int32_t y3 = Times(y2, y);
  const int32_t y4 = Times(y2, y2);
  const int32_t y4_by_4 = RoundingDivideByPowerOfTwo(y4, 2);
  const int32_t tail = RoundingDivideByPowerOfTwo(Plus(Times(Plus(y4_by_4, y3), kThird), y2), 1);
  return Plus(kExpOfMinusEighth, Times(kExpOfMinusEighth, Plus(y, tail)));
}

}  // namespace

bool CanMultiply(double value) {
  return std::isfinite(value) && value >= 0 && value < static_cast<double>(1 << kMaxShift) / 2;
}

QuantizedMultiplier ToMultiplier(double value) {
  if (value == 0) return {};
  int shift;
  const double fraction = std::frexp(value, &shift);
  int64_t mantissa = static_cast<int64_t>(std::round(fraction * 2147483648.0));
  if (mantissa == int64_t{1} << 31) {
    mantissa /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  return {static_cast<int32_t>(mantissa), shift};
}

int32_t SaturatingMultiplyByPowerOfTwo(int32_t value, int exponent) {
  if (exponent <= 0) return RoundingDivideByPowerOfTwo(value, -exponent);
  if (exponent > 31) return value == 0 ? 0 : value > 0 ? kMax : kMin;
  return Saturate(int64_t{value} << exponent);
}

int32_t ExpOfNegative(int32_t x) {
  if (x == 0) return kMax;
  constexpr int kFractionalBits = 26;
  constexpr int32_t kQuarter = 1 << (kFractionalBits - 2);
  // x = remainder part (a sum of powers of two from 1/4 to 16) + a rest in [-1/4, 0).
  const int32_t rest = (x & (kQuarter - 1)) - kQuarter;
  const int32_t steps = Minus(rest, x);
  int32_t result = ExpOfSmall(SaturatingMultiplyByPowerOfTwo(rest, 5));
  // exp(-2^exponent) as Q0.31, from exponent -2 to 4.
  constexpr int32_t kExpOfPowers[] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
  for (int power = 0; power < 7; ++power) {
    if (steps & (1 << (kFractionalBits - 2 + power))) result = Times(result, kExpOfPowers[power]);
  }
  return result;
}

int32_t ReciprocalOfOnePlus(int32_t x) {
  // Newton-Raphson on d = (1 + x) / 2 in [1/2, 1], with numbers of Q2.29 and the start 48/17 -
  // 32/17 d.
  constexpr int32_t k48Over17 = 1515870810;
  constexpr int32_t kMinus32Over17 = -1010580540;
  constexpr int32_t kOne = 1 << 29;
  const int32_t half = RoundingHalfSum(x, kMax);
  int32_t y = Plus(k48Over17, Times(half, kMinus32Over17));
  for (int step = 0; step < 3; ++step) {
    const int32_t error = Minus(kOne, Times(half, y));
    y = Plus(y, SaturatingMultiplyByPowerOfTwo(Times(y, error), 2));
  }
  return SaturatingMultiplyByPowerOfTwo(y, 1);
}

Reciprocal ReciprocalOf(int32_t x, int integer_bits) {
  const int headroom = std::countl_zero(static_cast<uint32_t>(x));
  const uint32_t normal = headroom < 32 ? static_cast<uint32_t>(x) << headroom : 0;
  const int32_t minus_one = static_cast<int32_t>(normal - (uint32_t{1} << 31));
  return {ReciprocalOfOnePlus(minus_one), integer_bits - headroom};
}

int32_t LogOfAtLeastOne(int32_t x) {
  // x = 2^k z, with z about 1 (two ways, by whether 1/sqrt(2) is taken out first); then a rational
  // approximation of log z.
  constexpr int kInputBits = 12;
  constexpr int kOutputBits = 5;
  constexpr int kSumBits = kOutputBits + 1;
  constexpr int32_t kQuarter = 1 << (31 - kSumBits - 2);
  constexpr int32_t kLog2 = Q31(0.69314718055994530942);
  constexpr int32_t kAlphaN = Q31(11.0 / 240.0 * kFourthRootOfTwo);
  constexpr int32_t kAlphaD = Q31(1.0 / 20.0 * kFourthRootOfTwo);
  constexpr int32_t kAlphaI = Q31(2.0 / kFourthRootOfTwo - kFourthRootOfTwo);
  constexpr int32_t kAlphaF = Q31(1.0 / 4.0 * kFourthRootOfTwo);

  const int zeros_a = std::countl_zero(static_cast<uint32_t>(x));
  const int32_t scaled_a = SaturatingMultiplyByPowerOfTwo(x, zeros_a - 1);
  const int32_t r_a = SaturatingMultiplyByPowerOfTwo(Times(scaled_a, Q31(kSqrtHalf)), 1);
  const int32_t power_a = Saturate(
      int64_t{SaturatingMultiplyByPowerOfTwo(kInputBits - zeros_a, 31 - kSumBits)} + kQuarter);

  const int32_t z_b = Times(x, Q31(kSqrtHalf));
  const int headroom_b = std::countl_zero(static_cast<uint32_t>(z_b)) - 1;
  const int32_t r_b = SaturatingMultiplyByPowerOfTwo(x, headroom_b);
  const int32_t power_b = Saturate(
      int64_t{SaturatingMultiplyByPowerOfTwo(kInputBits - headroom_b, 31 - kSumBits)} - kQuarter);

  const int32_t r = std::min(r_a, r_b);
  const int32_t power = std::max(power_a, power_b);
  const int32_t p = RoundingHalfSum(r, Q31(kFourthRootOfHalf));
  const int32_t half_q = Minus(r, Q31(kFourthRootOfHalf));
  const int32_t q = Plus(half_q, half_q);
  const int32_t q2 = Times(q, q);
  const int32_t numerator = Plus(Times(q, r), Times(Times(q, q2), kAlphaN));
  const int32_t denominator_minus_one =
      Plus(Times(p, Plus(Plus(kAlphaI, q), Times(kAlphaD, q2))), Times(kAlphaF, q));
  const int32_t ratio = Times(RoundingDivideByPowerOfTwo(numerator, kSumBits),
                              ReciprocalOfOnePlus(denominator_minus_one));
  return SaturatingMultiplyByPowerOfTwo(Plus(Times(power, kLog2), ratio), 1);
}

QuantizedMultiplier InverseSqrt(int32_t x) {
  if (x <= 1) return {kMax, 0};
  int right_shift = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++right_shift;
  }
  // Brings x into [2^27, 2^29) by an even number of bits.
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  right_shift -= pairs;
  x = WrapShiftLeft(x, 2 * pairs);
  // Newton-Raphson with numbers of Q3.28.
  constexpr int32_t kThreeHalves = (1 << 28) + (1 << 27);
  const int32_t half_x = RoundingDivideByPowerOfTwo(x >> 1, 1);
  int32_t y = 1 << 28;
  for (int step = 0; step < 5; ++step) {
    const int32_t y3 = SaturatingMultiplyByPowerOfTwo(Times(Times(y, y), y), 6);
    y = SaturatingMultiplyByPowerOfTwo(Minus(Times(kThreeHalves, y), Times(half_x, y3)), 3);
  }
  y = Times(y, Q31(kSqrtHalf));
  if (right_shift < 0) {
    y = WrapShiftLeft(y, -right_shift);
    right_shift = 0;
  }
  return {y, -right_shift};
}

}  // namespace octavo::reference
