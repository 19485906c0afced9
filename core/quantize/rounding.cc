#include "core/quantize/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/log/check.h"
#include "absl/log/log.h"

namespace octavo {
namespace {

// Codes of 8 and 16 bits lie well within this, and so does every int32 that is on its way to them.
constexpr float kFarOutside = 1 << 17;

// Halves away from zero without a call of round(), which does not vectorize.
int32_t RoundSmall(float value) {
  const float bounded = std::clamp(value, -kFarOutside, kFarOutside);
  const auto whole = static_cast<int32_t>(bounded);
  const float rest = bounded - static_cast<float>(whole);
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

template <typename T, int32_t kLowest, int32_t kHighest>
void Round(std::span<const float> values, float scale, int32_t zero_point, T* codes) {
  const float inverse = 1.0f / scale;
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (sizeof(T) <= 2) {
      const int32_t code = RoundSmall(values[i] * inverse) + zero_point;
      codes[i] = static_cast<T>(std::clamp(code, kLowest, kHighest));
    } else {
      const double code = std::round(static_cast<double>(values[i] * inverse)) + zero_point;
      codes[i] = static_cast<T>(std::clamp<double>(code, kLowest, kHighest));
    }
  }
}

template <typename T, int32_t kLowest, int32_t kHighest>
std::vector<T> RoundChannels(const QuantParams& params, std::span<const float> values,
                             std::span<const int32_t> shape) {
  const ChannelLayout layout = LayoutOf(params, shape);
  CHECK_EQ(layout.channels, static_cast<int64_t>(params.scales.size()));
  CHECK_EQ(layout.outer * layout.channels * layout.inner, static_cast<int64_t>(values.size()));

  std::vector<T> codes(values.size());
  int64_t first = 0;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t channel = 0; channel < layout.channels; ++channel, first += layout.inner) {
      Round<T, kLowest, kHighest>(values.subspan(first, layout.inner), params.scales[channel],
                                  static_cast<int32_t>(params.zero_points[channel]),
                                  codes.data() + first);
    }
  }
  return codes;
}

template <typename T>
SharedBytes Shared(const std::vector<T>& codes) {
  return SharedBytes::OwnValues(std::span<const T>(codes));
}

// Two codes a byte, the first in the lower half.
SharedBytes Packed(std::span<const int8_t> codes) {
  std::vector<uint8_t> bytes((codes.size() + 1) / 2, 0);
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto half = static_cast<uint8_t>(codes[i] & 0xf);
    bytes[i / 2] |= static_cast<uint8_t>(i % 2 == 0 ? half : half << 4);
  }
  return SharedBytes::OwnValues(std::span<const uint8_t>(bytes));
}

SharedBytes ToFloat16(std::span<const float> values) {
  std::vector<_Float16> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    halves[i] = static_cast<_Float16>(std::clamp(values[i], -kLargestFloat16, kLargestFloat16));
  }
  return SharedBytes::OwnValues(std::span<const _Float16>(halves));
}

}  // namespace

SharedBytes StoreAs(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape) {
  constexpr int32_t kInt32Lowest = std::numeric_limits<int32_t>::min();
  constexpr int32_t kInt32Highest = std::numeric_limits<int32_t>::max();
  switch (type) {
    case schema::TensorType_INT4:
      return Packed(RoundChannels<int8_t, -8, 7>(params, values, shape));
    case schema::TensorType_INT8:
      return Shared(RoundChannels<int8_t, -128, 127>(params, values, shape));
    case schema::TensorType_INT16:
      return Shared(RoundChannels<int16_t, -32767, 32767>(params, values, shape));
    case schema::TensorType_INT32:
      return Shared(RoundChannels<int32_t, kInt32Lowest, kInt32Highest>(params, values, shape));
    case schema::TensorType_INT64:
      return Shared(RoundChannels<int64_t, kInt32Lowest, kInt32Highest>(params, values, shape));
    case schema::TensorType_FLOAT16:
      return ToFloat16(values);
    default:
      LOG(FATAL) << "no constant is stored as " << schema::EnumNameTensorType(type);
  }
}

double StoredSqnrDb(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape) {
  double signal = 0;
  double noise = 0;
  const auto add = [&](float value, double stored) {
    signal += double{value} * value;
    noise += (value - stored) * (value - stored);
  };
  if (type == schema::TensorType_FLOAT16) {
    for (const float value : values) {
      add(value, static_cast<_Float16>(std::clamp(value, -kLargestFloat16, kLargestFloat16)));
    }
  } else {
    const std::vector<int8_t> codes = RoundChannels<int8_t, -128, 127>(params, values, shape);
    const ChannelLayout layout = LayoutOf(params, shape);
    for (size_t i = 0; i < codes.size(); ++i) {
      const int64_t channel = static_cast<int64_t>(i) / layout.inner % layout.channels;
      add(values[i], double{params.scales[channel]} *
                         static_cast<double>(codes[i] - params.zero_points[channel]));
    }
  }
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

ChannelLayout LayoutAlong(std::span<const int32_t> shape, int axis) {
  ChannelLayout layout;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    (axis < 0 || i > axis ? layout.inner : i < axis ? layout.outer : layout.channels) *= shape[i];
  }
  return layout;
}

ChannelLayout LayoutOf(const QuantParams& params, std::span<const int32_t> shape) {
  if (params.block_size > 0) {
    return {.channels = static_cast<int64_t>(params.scales.size()), .inner = params.block_size};
  }
  return LayoutAlong(shape, params.scales.size() > 1 ? params.quantized_dimension : -1);
}

}  // namespace octavo
