// Scales and zero points: real = scale * (q - zero_point).

#ifndef OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_
#define OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/calibrate/calibrate.h"

namespace octavo {

// One scale and zero point, or one a channel along `quantized_dimension`.
struct QuantParams {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int32_t quantized_dimension = 0;
  bool operator==(const QuantParams&) const = default;
};

// Asymmetric int8, [-128, 127]: the range is widened to hold 0; scale = (max - min) / 255. A range without width gets the
// scale that holds its value.
QuantParams Int8ActivationParams(const Range& range);

// Symmetric int16, [-32767, 32767], zero point 0; scale = max(|min|, |max|) / 32767.
QuantParams Int16ActivationParams(const Range& range);

// Symmetric int8, [-127, 127], zero point 0, one scale a slice along `axis`, or one in all for axis -1. An all-zero
// slice gets a normal scale, never 0 nor a subnormal one.
QuantParams Int8WeightParams(std::span<const float> values, std::span<const int32_t> shape,
                             int axis);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_
