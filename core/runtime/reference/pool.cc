#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/output_stage.h"
#include "core/runtime/reference/window.h"

namespace octavo::reference {
namespace {

// visit(batch's first value, output pixel's first value, taps_y, taps_x, y, x) for each output
// pixel.
template <typename T, typename Visit>
void ForEachPixel(const Window& window, Inputs inputs, Outputs outputs, const Visit& visit) {
  const T* image = In<T>(inputs, 0);
  T* output = Out<T>(outputs, 0);
  for (int batch = 0; batch < window.batches; ++batch) {
    for (int y = 0; y < window.y.output; ++y) {
      for (int x = 0; x < window.x.output; ++x, output += window.input_channels) {
        visit(image, output, y, x);
      }
    }
    image += window.InputPixels() * window.input_channels;
  }
}

// see(values of a pixel) for each input pixel of the window; gives how many.
template <typename T, typename See>
int64_t ForEachInput(const Window& window, const T* image, int y, int x, const See& see) {
  const Range taps_y = window.y.Taps(y);
  const Range taps_x = window.x.Taps(x);
  for (int tap_y = taps_y.begin; tap_y < taps_y.end; ++tap_y) {
    const int64_t row = window.y.InputAt(y, tap_y) * window.x.input;
    for (int tap_x = taps_x.begin; tap_x < taps_x.end; ++tap_x) {
      see(image + (row + window.x.InputAt(x, tap_x)) * window.input_channels);
    }
  }
  return int64_t{std::max(0, taps_y.end - taps_y.begin)} * std::max(0, taps_x.end - taps_x.begin);
}

template <typename T>
struct Limits {
  T min;
  T max;
};

template <typename T>
KernelOr MaxPool(const Window& window, Limits<T> limits) {
  return MakeKernel([window, limits](Inputs inputs, Outputs outputs) {
    ForEachPixel<T>(window, inputs, outputs, [&](const T* image, T* output, int y, int x) {
      std::fill_n(output, window.input_channels, std::numeric_limits<T>::lowest());
      ForEachInput(window, image, y, x, [&](const T* values) {
        for (int channel = 0; channel < window.input_channels; ++channel) {
          output[channel] = std::max(output[channel], values[channel]);
        }
      });
      for (int channel = 0; channel < window.input_channels; ++channel) {
        output[channel] = Clamp(output[channel], limits.min, limits.max);
      }
    });
  });
}

float Mean(float sum, int64_t count) { return sum / static_cast<float>(count); }

// To nearest, ties away from zero.
int64_t Mean(int64_t sum, int64_t count) {
  return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

template <typename T, typename Sum>
KernelOr AveragePool(const Window& window, Limits<T> limits) {
  return MakeKernel([window, limits, sums = std::vector<Sum>(window.input_channels)](
                        Inputs inputs, Outputs outputs) mutable {
    ForEachPixel<T>(window, inputs, outputs, [&](const T* image, T* output, int y, int x) {
      std::fill(sums.begin(), sums.end(), Sum{0});
      const int64_t count = ForEachInput(window, image, y, x, [&](const T* values) {
        for (int channel = 0; channel < window.input_channels; ++channel) {
          sums[channel] += values[channel];
        }
      });
      for (int channel = 0; channel < window.input_channels; ++channel) {
        const Sum mean = Mean(sums[channel], std::max<int64_t>(count, 1));
        output[channel] = static_cast<T>(Clamp<Sum>(mean, Sum{limits.min}, Sum{limits.max}));
      }
    });
  });
}

template <typename T, typename Sum>
KernelOr PoolOf(const Operands& operands, const Window& window, Limits<T> limits) {
  return operands.operator_type() == schema::BuiltinOperator_MAX_POOL_2D
             ? MaxPool<T>(window, limits)
             : AveragePool<T, Sum>(window, limits);
}

template <typename T>
KernelOr QuantizedPool(const Operands& operands, const Window& window,
                       schema::ActivationFunctionType activation) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(
      operands.Require(input.scale == output.scale && input.zero_point == output.zero_point,
                       "input and output must have one scale"));
  ASSIGN_OR_RETURN(const CodeRange range, ActivationCodes(operands, activation));
  return PoolOf<T, int64_t>(operands, window,
                            {static_cast<T>(range.min), static_cast<T>(range.max)});
}

}  // namespace

KernelOr BuildPool(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  RETURN_IF_ERROR(operands.RequireRank(0, 4));
  const auto options = OptionsOr(operands.op().builtin_options.AsPool2DOptions());
  const Shape& input = operands.input_shape(0);
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(
      operands.Require(output.size() == 4 && output[0] == input[0] && output[3] == input[3],
                       "the output's shape does not fit"));
  Window window;
  window.batches = input[0];
  window.input_channels = input[3];
  ASSIGN_OR_RETURN(window.y, MakeWindowAxis(operands, input[1], output[1], options.filter_height,
                                            {options.padding, options.stride_h}));
  ASSIGN_OR_RETURN(window.x, MakeWindowAxis(operands, input[2], output[2], options.filter_width,
                                            {options.padding, options.stride_w}));
  const schema::ActivationFunctionType activation = options.fused_activation_function;
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32: {
      ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, activation));
      return PoolOf<float, float>(operands, window, {range.min, range.max});
    }
    case schema::TensorType_INT8:
      return QuantizedPool<int8_t>(operands, window, activation);
    case schema::TensorType_INT16:
      return QuantizedPool<int16_t>(operands, window, activation);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
