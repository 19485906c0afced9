#include "core/quantize/quant_params.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/log/check.h"
#include "core/calibrate/min_max.h"
#include "core/quantize/rounding.h"

namespace octavo {
namespace {

constexpr float kInt8Lowest = -128;
constexpr float kInt8Highest = 127;
constexpr float kInt16Highest = 32767;
constexpr float kInt4Highest = 7;
constexpr float kSmallestFloat16 = 0x1p-14f;    // that is normal
constexpr double kBiasHighest = (1 << 30) - 1;  // half of int32's range
// TFLiteConverter's half range for weights that are all zero: 3.9e-9 for a scale.
constexpr float kZeroWeightsHalfRange = 5e-7f;

// Runtimes refuse scales that are 0, subnormal or infinite.
float NormalScale(double scale) {
  using Limits = std::numeric_limits<float>;
  return static_cast<float>(std::clamp<double>(scale, Limits::min(), Limits::max()));
}

float LargestMagnitude(const Range& range) {
  return std::max(std::abs(range.min), std::abs(range.max));
}

float WeightScale(const Range& range, int highest) {
  const float largest = LargestMagnitude(range);
  return NormalScale((largest == 0 ? kZeroWeightsHalfRange : largest) /
                     static_cast<float>(highest));
}

// The nearest, halves to even.
float ToBfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(rounded & 0xffff0000);
}

// One range a channel, of values whose channels are neighbours (depthwise weights).
std::vector<Range> RangesOfInterleaved(std::span<const float> values, int64_t channels) {
  std::vector<Range> ranges(channels);
  for (size_t first = 0; first < values.size(); first += channels) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      const float value = values[first + channel];
      ranges[channel].min = std::min(ranges[channel].min, value);
      ranges[channel].max = std::max(ranges[channel].max, value);
    }
  }
  return ranges;
}

std::vector<Range> RangesOfChannels(std::span<const float> values, const ChannelLayout& layout) {
  if (layout.inner == 1) return RangesOfInterleaved(values, layout.channels);
  std::vector<Range> ranges(layout.channels);
  int64_t first = 0;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t channel = 0; channel < layout.channels; ++channel, first += layout.inner) {
      const std::optional<Range> range = FiniteRange(values.subspan(first, layout.inner));
      CHECK(range.has_value()) << "weights are checked before they are quantized";
      ranges[channel] = Union(ranges[channel], *range);
    }
  }
  return ranges;
}

}  // namespace

// The arithmetic is TFLiteConverter's, in float: double moves some scales by a bit.
QuantParams Int8ActivationParams(const Range& range) {
  const float min = std::min(range.min, 0.0f);
  float max = std::max(range.max, 0.0f);
  if (min == max) max = 1;
  constexpr float kSteps = kInt8Highest - kInt8Lowest;
  const float width = max - min;
  const float scale =
      NormalScale(std::isfinite(width) ? width / kSteps : max / kSteps - min / kSteps);
  // From the end whose terms are smaller: its quotient is the more exact one.
  const float below = min / scale;
  const float above = max / scale;
  const float zero_point =
      -kInt8Lowest - below < kInt8Highest + above ? kInt8Lowest - below : kInt8Highest - above;
  return {{scale},
          {static_cast<int64_t>(std::round(std::clamp(zero_point, kInt8Lowest, kInt8Highest)))}};
}

QuantParams Int16ActivationParams(const Range& range) {
  const float largest = LargestMagnitude(range);
  return {{NormalScale((largest == 0 ? 1.0f : largest) / kInt16Highest)}, {0}};
}

QuantParams SymmetricWeightParams(std::span<const float> values, std::span<const int32_t> shape,
                                  int axis, int highest) {
  QuantParams params;
  params.quantized_dimension = std::max(axis, 0);
  for (const Range& range : RangesOfChannels(values, LayoutAlong(shape, axis))) {
    params.scales.push_back(WeightScale(range, highest));
  }
  params.zero_points.assign(params.scales.size(), 0);
  return params;
}

QuantParams BlockWeightParams(std::span<const float> values, int block_size) {
  QuantParams params{.scales = {}, .zero_points = {}, .block_size = block_size};
  const auto size = static_cast<size_t>(block_size);
  for (size_t first = 0; first + size <= values.size(); first += size) {
    const std::optional<Range> range = FiniteRange(values.subspan(first, size));
    CHECK(range.has_value()) << "weights are checked before they are quantized";
    const float scale = ToBfloat16(LargestMagnitude(*range) / kInt4Highest);
    params.scales.push_back(scale > kLargestFloat16 ? std::numeric_limits<float>::infinity()
                                                    : std::max(scale, kSmallestFloat16));
  }
  params.zero_points.assign(params.scales.size(), 0);
  return params;
}

QuantParams BiasParams(float input_scale, std::span<const float> bias, QuantParams* weights) {
  CHECK(bias.empty() || weights->scales.size() == 1 || weights->scales.size() == bias.size());
  const auto input = static_cast<double>(input_scale);
  for (size_t i = 0; i < std::max(bias.size(), weights->scales.size()); ++i) {
    float& weight_scale = weights->scales[weights->scales.size() == 1 ? 0 : i];
    const double magnitude = bias.empty() ? 0 : std::abs(bias[i]);
    const double smallest = NormalScale(magnitude / kBiasHighest);
    if (input * weight_scale < smallest) weight_scale = NormalScale(smallest / input);
  }

  QuantParams params;
  for (const float weight_scale : weights->scales) {
    params.scales.push_back(NormalScale(input * weight_scale));
  }
  params.zero_points.assign(params.scales.size(), 0);
  return params;
}

}  // namespace octavo
