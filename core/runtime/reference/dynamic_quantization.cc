#include "core/runtime/reference/dynamic_quantization.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace octavo::reference {
namespace {

// The int8 code of 0, so placed that the nearer end of the range is met best.
int32_t ZeroPoint(double min, double max, double scale) {
  const double from_min = -128.0 - min / scale;
  const double from_max = 127.0 - max / scale;
  const double error_of_min = 128.0 + std::abs(min / scale);
  const double error_of_max = 127.0 + std::abs(max / scale);
  const double exact = error_of_min < error_of_max ? from_min : from_max;
  // Written so that NaN, of an infinite range, gives an end.
  if (!(exact > -128.0)) return -128;
  if (exact >= 127.0) return 127;
  return static_cast<int32_t>(std::round(exact));
}

}  // namespace

float QuantizeValues(const Int16Kernels& kernels, Symmetry symmetry, std::span<const float> values,
                     int16_t* codes) {
  float min;
  float max;
  kernels.find_range(values, &min, &max);
  if (min == max) {
    std::fill_n(codes, values.size(), 0);
    return 1;
  }
  if (symmetry == Symmetry::kSymmetric) {
    const float magnitude = std::max(-min, max);
    kernels.quantize(values, {127.0f / magnitude, -127.0f, 127.0f}, codes);
    return magnitude / 127.0f;
  }
  // The format's runtime rounds before it adds the zero point.
  const double scale = double{max - min} / 255.0;
  const float narrow_scale = static_cast<float>(scale);
  const float zero_point = static_cast<float>(ZeroPoint(min, max, scale));
  kernels.quantize(values, {1.0f / narrow_scale, -128.0f - zero_point, 127.0f - zero_point}, codes);
  return narrow_scale;
}

}  // namespace octavo::reference
