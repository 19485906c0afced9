// From real values to stored ones: round(value * (1 / scale)) + zero point, clamped to the type.
//
// In float, halves away from zero: TFLiteConverter's codes, bit for bit.

#ifndef OCTAVO_CORE_QUANTIZE_ROUNDING_H_
#define OCTAVO_CORE_QUANTIZE_ROUNDING_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantize/quant_params.h"
#include "core/tflite/model.h"

namespace octavo {

inline constexpr float kLargestFloat16 = 65504;

// The bytes of `values`, a constant of `shape`, stored as `type`: INT4 (two a byte), INT8, INT16,
// INT32 or INT64 with `params` (one scale, one a slice along the quantized dimension, or one a
// block), or
// FLOAT16 (nearest, halves to even, clamped to +-65504), which needs none. Integers of 32 and 64
// bits stay within those of 32.
//
// `values` are finite and fit `shape`, `params` fit `shape` and `type`: a plan sees to both.
SharedBytes StoreAs(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape);

// 10 log10(sum of x x / sum of (x - stored x)^2) of values stored as INT4, INT8 or FLOAT16: what
// storing them so costs. Infinite where it costs nothing.
double StoredSqnrDb(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape);

// What a channel's values are made of: `outer` times `channels` times `inner` of them, in this
// order.
struct ChannelLayout {
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
};

// `axis` -1: one channel, everything.
ChannelLayout LayoutAlong(std::span<const int32_t> shape, int axis);

// Of values that have these parameters: one channel a scale.
ChannelLayout LayoutOf(const QuantParams& params, std::span<const int32_t> shape);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_ROUNDING_H_
