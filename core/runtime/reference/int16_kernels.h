// The inner loops of operators with 8-bit weights: int16 times int16 (widened int8) with exact
// 64-bit sums.
//
// 8-bit and hybrid operators use them too, with (value - zero_point) as int16. A product is at most
// 2^15 * 2^7 = 2^22, so up to 511 of them fit a 32-bit sum; the kernels widen to 64 bits after
// kBlockProducts.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_INT16_KERNELS_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_INT16_KERNELS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/runtime/reference/fixed_point.h"

namespace octavo::reference {

inline constexpr int kPanelChannels = 16;
inline constexpr int kMaxRows = 8;
inline constexpr int kBlockProducts = 384;

// Weights [channels][depth] in panels of 16 channels: panel p, then pairs of depths, then channels,
// then the two of the pair. Filled up with zeros.
class PackedWeights {
 public:
  PackedWeights() = default;
  PackedWeights(std::span<const int8_t> weights, int channels, int64_t depth);

  int channels() const { return channels_; }
  int64_t depth() const { return depth_; }
  int num_panels() const { return (channels_ + kPanelChannels - 1) / kPanelChannels; }
  // Pairs of depths: half the depth, rounded up.
  int64_t depth_pairs() const { return (depth_ + 1) / 2; }
  const int16_t* panel(int index) const {
    return values_.data() + index * depth_pairs() * 2 * kPanelChannels;
  }

 private:
  int channels_ = 0;
  int64_t depth_ = 0;
  std::vector<int16_t> values_;
};

// What makes int16 codes of 64-bit sums, for each channel.
struct WideRequantization {
  std::vector<int64_t> bias;
  std::vector<int64_t> mantissa;     // of 15 bits
  std::vector<int64_t> right_shift;  // 1 to 63
  int32_t min = -32768;
  int32_t max = 32767;
};

// What makes floats of sums of quantized floats, for each channel: the sum's low 32 bits times
// `scale` times the input's scale, plus the bias, clamped.
struct FloatRescaling {
  std::vector<float> scale;
  std::vector<float> bias;
  float min;
  float max;
  // (sum * scale) * input scale, not sum * (scale * input scale): LiteRT's kernels differ in it, and
  // the last bit turns codes of the operators that follow.
  bool is_input_scale_last = false;
};

// Whole numbers that a value times `inverse_scale` is clamped to.
struct QuantizedRange {
  float inverse_scale;
  float min;
  float max;
};

// One implementation of each loop.
struct Int16Kernels {
  absl::string_view name;

  // sums[row][channel] of one panel. Rows of 2 * depth_pairs readable values; num_rows <= kMaxRows.
  void (*multiply)(const int16_t* rows, int64_t row_stride, int num_rows, const int16_t* panel,
                   int64_t depth_pairs, int64_t* sums);

  // sums[channel] = the sum over taps of inputs[tap][channel] * weights[tap][channel].
  void (*depthwise)(const int16_t* const* inputs, const int16_t* const* weights, int num_taps,
                    int channels, int64_t* sums);

  // codes[i] of sums[i], for `count` channels from `channel`.
  void (*requantize)(const int64_t* sums, const WideRequantization& requantization, int channel,
                     int count, int16_t* codes);

  // values[i] of sums[i], for `count` channels from `channel`.
  void (*rescale)(const int64_t* sums, const FloatRescaling& rescaling, float input_scale,
                  int channel, int count, float* values);

  // The least and the greatest of the values and 0.
  void (*find_range)(std::span<const float> values, float* min, float* max);

  // value * inverse_scale to nearest, ties away from zero, clamped.
  void (*quantize)(std::span<const float> values, QuantizedRange range, int16_t* codes);
};

// The fastest for this CPU.
const Int16Kernels& BestInt16Kernels();
// All that this CPU runs, the plain one first.
std::span<const Int16Kernels* const> RunnableInt16Kernels();

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_INT16_KERNELS_H_
