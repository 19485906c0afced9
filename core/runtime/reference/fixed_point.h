// The integer arithmetic of the format's quantized operators: multiplication by a real factor
// written as an int32 mantissa and a power of two, and elementary functions on fixed-point numbers.
//
// All of it is defined for every input: where the format's range is left, results wrap or saturate,
// never more.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_FIXED_POINT_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_FIXED_POINT_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace octavo::reference {

// value = mantissa / 2^31 * 2^shift, with mantissa in [2^30, 2^31), or 0.
struct QuantizedMultiplier {
  int32_t mantissa = 0;
  int shift = 0;
};

// The largest shift that ToMultiplier gives.
inline constexpr int kMaxShift = 30;

// `value` is finite and at least 0 (CanMultiply). Below 2^-32 it becomes 0.
QuantizedMultiplier ToMultiplier(double value);
// Whether `value` can be a multiplier: finite, not negative, below 2^30.
bool CanMultiply(double value);

template <typename T>
T Clamp(T value, T min, T max) {
  return std::min(std::max(value, min), max);
}

// Sum, difference and product modulo 2^bits: signed overflow must not be undefined behaviour.
template <typename T>
T WrapAdd(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}
template <typename T>
T WrapSub(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
}
template <typename T>
T WrapMul(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
}
inline int32_t WrapShiftLeft(int32_t value, int bits) {
  return static_cast<int32_t>(static_cast<uint32_t>(value) << bits);
}

// The upper half of 2ab, to nearest, ties away from zero; -2^31 times itself saturates.
inline int32_t RoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min()) {
    return std::numeric_limits<int32_t>::max();
  }
  const int64_t product = static_cast<int64_t>(a) * b;
  const int64_t nudge = product >= 0 ? (int64_t{1} << 30) : 1 - (int64_t{1} << 30);
  return static_cast<int32_t>((product + nudge) / (int64_t{1} << 31));
}

// value / 2^exponent to nearest, ties away from zero. `exponent` >= 0; from 32 on the result is 0.
inline int32_t RoundingDivideByPowerOfTwo(int32_t value, int exponent) {
  if (exponent > 31) return 0;
  const int64_t mask = (int64_t{1} << exponent) - 1;
  const int64_t remainder = value & mask;
  const int64_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return static_cast<int32_t>((int64_t{value} >> exponent) + (remainder > threshold ? 1 : 0));
}

// value * multiplier, rounded twice: at the mantissa and at the shift.
inline int32_t Multiply(int32_t value, QuantizedMultiplier multiplier) {
  const int left = std::max(multiplier.shift, 0);
  const int right = std::max(-multiplier.shift, 0);
  return RoundingDivideByPowerOfTwo(
      RoundingDoublingHighMul(WrapShiftLeft(value, left), multiplier.mantissa), right);
}

// The 15-bit mantissa and the right shift that 64-bit sums are multiplied by.
struct WideMultiplier {
  int32_t mantissa = 0;
  int right_shift = 15;
};
inline constexpr int kMaxWideShift = 14;
inline WideMultiplier ToWide(QuantizedMultiplier multiplier) {
  const int32_t mantissa =
      multiplier.mantissa < 0x7fff0000 ? (multiplier.mantissa + (1 << 15)) >> 16 : 0x7fff;
  return {mantissa, 15 - multiplier.shift};
}

// The low 32 bits of value * multiplier, rounded once, ties upward. The right shift is in [1, 63].
inline int32_t Multiply(int64_t value, WideMultiplier multiplier) {
  const int64_t product = WrapMul<int64_t>(value, multiplier.mantissa);
  const int64_t rounded = WrapAdd<int64_t>(product, int64_t{1} << (multiplier.right_shift - 1));
  return static_cast<int32_t>(rounded >> multiplier.right_shift);
}

// value * 2^exponent, saturating; a negative exponent rounds to nearest.
int32_t SaturatingMultiplyByPowerOfTwo(int32_t value, int exponent);

// exp(x) for x <= 0 as Q0.31; `x` is Q5.26.
int32_t ExpOfNegative(int32_t x);
// 1 / (1 + x) for x in [0, 1], both Q0.31.
int32_t ReciprocalOfOnePlus(int32_t x);

// 1 / x as Q0.31 times 2^-bits_over_unit; `x` > 0 has `integer_bits` bits before the point.
struct Reciprocal {
  int32_t mantissa;
  int bits_over_unit;
};
Reciprocal ReciprocalOf(int32_t x, int integer_bits);

// ln(x) as Q5.26 for x >= 1 as Q12.19.
int32_t LogOfAtLeastOne(int32_t x);

// 1 / sqrt(x) for an integer x >= 0; 0 is taken as 1.
QuantizedMultiplier InverseSqrt(int32_t x);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_FIXED_POINT_H_
