// IEEE half precision, by the bits.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_HALF_FLOAT_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_HALF_FLOAT_H_

#include <bit>
#include <cstdint>

namespace octavo::reference {

// Exact, subnormal numbers, infinities and NaN included.
inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 31;
  const uint32_t fraction = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_HALF_FLOAT_H_
