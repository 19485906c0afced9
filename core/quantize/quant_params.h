// Scales and zero points: real = scale * (q - zero_point).

#ifndef OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_
#define OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/calibrate/range.h"

namespace octavo {

// Weights that share a scale where they are quantized in blocks.
inline constexpr int kWeightBlock = 32;

// One scale and zero point, one a channel along `quantized_dimension`, or one for each `block_size`
// neighbours along the last dimension.
struct QuantParams {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int32_t quantized_dimension = 0;
  int32_t block_size = 0;  // 0: no blocks
  bool operator==(const QuantParams&) const = default;
};

// Asymmetric int8, [-128, 127]: the range is widened to hold 0; scale = (max - min) / 255. A range
// of nothing but 0 gets the parameters of [0, 1]. Scales are never subnormal.
QuantParams Int8ActivationParams(const Range& range);

// Symmetric int16, [-32767, 32767], zero point 0; scale = max(|min|, |max|) / 32767. Of nothing but
// 0: those of [-1, 1].
QuantParams Int16ActivationParams(const Range& range);

// Symmetric, [-highest, highest] (127 for int8, 7 for int4), zero point 0, one scale a slice along
// `axis`, or one in all for axis -1. An all-zero slice gets a normal scale, never 0 nor a subnormal
// one. `values` are finite and fit `shape`.
QuantParams SymmetricWeightParams(std::span<const float> values, std::span<const int32_t> shape,
                                  int axis, int highest);

// The same for int4 in blocks of the last dimension, which `block_size` divides. Scales are such as
// are kept for blocks: bfloat16's, within float16's normal range. Infinite where a weight is too
// large for that.
QuantParams BlockWeightParams(std::span<const float> values, int block_size);

// Of a bias, zero point 0: scale[c] = input scale * weight scale[c].
//
// Where a code would leave half of int32's range (a large bias on small weights), or the product
// would be subnormal, the channel's scale in `weights` is enlarged until it fits: this is what the
// peers do. `bias` has a value a channel; it may be empty, for a bias of zeros, and `weights` one
// scale in all.
QuantParams BiasParams(float input_scale, std::span<const float> bias, QuantParams* weights);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_QUANT_PARAMS_H_
