#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/dynamic_quantization.h"
#include "core/runtime/reference/int16_kernels.h"
#include "core/runtime/reference/output_stage.h"
#include "core/runtime/reference/window.h"

namespace octavo::reference {
namespace {

constexpr WeightedOperator kOperator = {.weights_channel_dimension = 3};

struct DepthwiseConvolution {
  Window window;
  int multiplier = 1;  // output channels of one input channel

  int channels() const { return window.input_channels * multiplier; }
  int64_t taps() const { return int64_t{window.y.filter} * window.x.filter; }
};

absl::StatusOr<DepthwiseConvolution> MakeConvolution(
    const Operands& operands, const schema::DepthwiseConv2DOptionsT& options) {
  RETURN_IF_ERROR(operands.RequireRank(0, 4));
  RETURN_IF_ERROR(operands.RequireRank(1, 4));
  const Shape& input = operands.input_shape(0);
  const Shape& weights = operands.input_shape(1);
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(operands.Require(
      output.size() == 4 && output[0] == input[0] && output[3] == weights[3] && weights[0] == 1,
      "the output's or the weights' shape does not fit"));
  // The options' depth_multiplier only repeats what the shapes say.
  RETURN_IF_ERROR(operands.Require(input[3] > 0 && weights[3] > 0 && weights[3] % input[3] == 0,
                                   "the input's channels do not divide the weights'"));
  DepthwiseConvolution convolution;
  convolution.multiplier = weights[3] / input[3];
  convolution.window.batches = input[0];
  convolution.window.input_channels = input[3];
  ASSIGN_OR_RETURN(convolution.window.y,
                   MakeWindowAxis(operands, input[1], output[1], weights[1],
                                  {options.padding, options.stride_h, options.dilation_h_factor}));
  ASSIGN_OR_RETURN(convolution.window.x,
                   MakeWindowAxis(operands, input[2], output[2], weights[2],
                                  {options.padding, options.stride_w, options.dilation_w_factor}));
  return convolution;
}

// Calls visit(place_in_input, tap) for the taps of an output pixel that see an input.
template <typename Visit>
void ForEachTap(const Window& window, int64_t place_y, int64_t place_x, const Visit& visit) {
  const Range taps_y = window.y.Taps(place_y);
  const Range taps_x = window.x.Taps(place_x);
  for (int tap_y = taps_y.begin; tap_y < taps_y.end; ++tap_y) {
    const int64_t row = window.y.InputAt(place_y, tap_y) * window.x.input;
    for (int tap_x = taps_x.begin; tap_x < taps_x.end; ++tap_x) {
      visit(row + window.x.InputAt(place_x, tap_x), int64_t{tap_y} * window.x.filter + tap_x);
    }
  }
}

// Sums over windows of int16 images.
class Int16Depthwise {
 public:
  Int16Depthwise(const DepthwiseConvolution& convolution, std::span<const int8_t> weights)
      : convolution_(convolution),
        kernels_(&BestInt16Kernels()),
        weights_(weights.begin(), weights.end()),
        sums_(convolution.channels()) {
    inputs_of_taps_.reserve(convolution.taps());
    weights_of_taps_.reserve(convolution.taps());
    if (convolution.multiplier > 1) repeated_.resize(weights.size());
  }

  const Int16Kernels& kernels() const { return *kernels_; }

  // finish(pixel, sums of all channels) for every pixel of the image.
  template <typename Finish>
  void Run(const int16_t* image, const Finish& finish) {
    const Window& window = convolution_.window;
    int64_t pixel = 0;
    for (int y = 0; y < window.y.output; ++y) {
      for (int x = 0; x < window.x.output; ++x, ++pixel) {
        CollectTaps(image, y, x);
        kernels_->depthwise(inputs_of_taps_.data(), weights_of_taps_.data(),
                            static_cast<int>(inputs_of_taps_.size()), convolution_.channels(),
                            sums_.data());
        finish(pixel, sums_.data());
      }
    }
  }

 private:
  void CollectTaps(const int16_t* image, int y, int x) {
    const int input_channels = convolution_.window.input_channels;
    inputs_of_taps_.clear();
    weights_of_taps_.clear();
    ForEachTap(convolution_.window, y, x, [&](int64_t place, int64_t tap) {
      const int16_t* values = image + place * input_channels;
      if (convolution_.multiplier > 1) {
        int16_t* repeated = repeated_.data() + tap * convolution_.channels();
        for (int channel = 0; channel < convolution_.channels(); ++channel) {
          repeated[channel] = values[channel / convolution_.multiplier];
        }
        values = repeated;
      }
      inputs_of_taps_.push_back(values);
      weights_of_taps_.push_back(weights_.data() + tap * convolution_.channels());
    });
  }

  DepthwiseConvolution convolution_;
  const Int16Kernels* kernels_;
  std::vector<int16_t> weights_;
  std::vector<int64_t> sums_;
  std::vector<int16_t> repeated_;
  std::vector<const int16_t*> inputs_of_taps_;
  std::vector<const int16_t*> weights_of_taps_;
};

KernelOr BuildInt16(const Operands& operands, const DepthwiseConvolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(Int16Stage stage, MakeInt16Stage(operands, which, convolution.channels()));
  return MakeKernel(
      [convolution, stage = std::move(stage), sums_of = Int16Depthwise(convolution, weights)](
          Inputs inputs, Outputs outputs) mutable {
        const Window& window = convolution.window;
        const int channels = convolution.channels();
        for (int batch = 0; batch < window.batches; ++batch) {
          const int16_t* image =
              In<int16_t>(inputs, 0) + batch * window.InputPixels() * window.input_channels;
          int16_t* codes = Out<int16_t>(outputs, 0) + batch * window.OutputPixels() * channels;
          sums_of.Run(image, [&](int64_t pixel, const int64_t* sums) {
            stage.Run(sums_of.kernels(), sums, 0, channels, codes + pixel * channels);
          });
        }
      });
}

KernelOr BuildInt8(const Operands& operands, const DepthwiseConvolution& convolution,
                   const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(const TensorScale input_scale, operands.input_scale(0));
  ASSIGN_OR_RETURN(Int8Stage stage, MakeInt8Stage(operands, which, convolution.channels()));
  const int64_t image_size = convolution.window.InputPixels() * convolution.window.input_channels;
  return MakeKernel(
      [convolution, stage = std::move(stage), image_size, zero_point = input_scale.zero_point,
       centred = std::vector<int16_t>(image_size),
       sums_of = Int16Depthwise(convolution, weights)](Inputs inputs, Outputs outputs) mutable {
        const int channels = convolution.channels();
        for (int batch = 0; batch < convolution.window.batches; ++batch) {
          const int8_t* image = In<int8_t>(inputs, 0) + batch * image_size;
          for (int64_t i = 0; i < image_size; ++i) {
            centred[i] = static_cast<int16_t>(image[i] - zero_point);
          }
          int8_t* codes =
              Out<int8_t>(outputs, 0) + batch * convolution.window.OutputPixels() * channels;
          sums_of.Run(centred.data(), [&](int64_t pixel, const int64_t* sums) {
            stage.Run(sums, 0, channels, codes + pixel * channels);
          });
        }
      });
}

KernelOr BuildHybrid(const Operands& operands, const DepthwiseConvolution& convolution,
                     const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(FloatRescaling rescaling,
                   MakeRescaling(operands, which, convolution.channels()));
  rescaling.is_input_scale_last = true;
  const int64_t image_size = convolution.window.InputPixels() * convolution.window.input_channels;
  return MakeKernel([convolution, rescaling = std::move(rescaling), image_size,
                     codes = std::vector<int16_t>(image_size),
                     sums_of = Int16Depthwise(convolution, weights)](Inputs inputs,
                                                                     Outputs outputs) mutable {
    const int channels = convolution.channels();
    for (int batch = 0; batch < convolution.window.batches; ++batch) {
      const std::span<const float> image(In<float>(inputs, 0) + batch * image_size,
                                         static_cast<size_t>(image_size));
      const float scale =
          QuantizeValues(sums_of.kernels(), Symmetry::kAsymmetric, image, codes.data());
      float* values = Out<float>(outputs, 0) + batch * convolution.window.OutputPixels() * channels;
      sums_of.Run(codes.data(), [&](int64_t pixel, const int64_t* sums) {
        sums_of.kernels().rescale(sums, rescaling, scale, 0, channels, values + pixel * channels);
      });
    }
  });
}

KernelOr BuildFloat(const Operands& operands, const DepthwiseConvolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  const bool has_bias = operands.has_input(2);
  RETURN_IF_ERROR(
      operands.Require(!has_bias || (operands.input_type(2) == schema::TensorType_FLOAT32 &&
                                     operands.input_size(2) == convolution.channels()),
                       "the bias must be FLOAT32, one value a channel"));
  return MakeKernel([convolution, range, has_bias](Inputs inputs, Outputs outputs) {
    const Window& window = convolution.window;
    const int channels = convolution.channels();
    const float* weights = In<float>(inputs, 1);
    const float* bias = has_bias ? In<float>(inputs, 2) : nullptr;
    float* sums = Out<float>(outputs, 0);
    for (int batch = 0; batch < window.batches; ++batch) {
      const float* image =
          In<float>(inputs, 0) + batch * window.InputPixels() * window.input_channels;
      for (int y = 0; y < window.y.output; ++y) {
        for (int x = 0; x < window.x.output; ++x, sums += channels) {
          std::fill_n(sums, channels, 0.0f);
          ForEachTap(window, y, x, [&](int64_t place, int64_t tap) {
            const float* values = image + place * window.input_channels;
            const float* factors = weights + tap * channels;
            float* sum = sums;
            for (int channel = 0; channel < window.input_channels; ++channel) {
              for (int i = 0; i < convolution.multiplier; ++i) {
                *sum++ += values[channel] * *factors++;
              }
            }
          });
          for (int channel = 0; channel < channels; ++channel) {
            const float sum = sums[channel] + (bias == nullptr ? 0.0f : bias[channel]);
            sums[channel] = Clamp(sum, range.min, range.max);
          }
        }
      }
    }
  });
}

}  // namespace

KernelOr BuildDepthwiseConv2D(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 3));
  const auto options = OptionsOr(operands.op().builtin_options.AsDepthwiseConv2DOptions());
  WeightedOperator which = kOperator;
  which.activation = options.fused_activation_function;
  ASSIGN_OR_RETURN(const WeightedForm form, FormOf(operands, which));
  ASSIGN_OR_RETURN(const DepthwiseConvolution convolution, MakeConvolution(operands, options));
  switch (form) {
    case WeightedForm::kFloat:
      return BuildFloat(operands, convolution, which);
    case WeightedForm::kInt8:
      return BuildInt8(operands, convolution, which);
    case WeightedForm::kInt16:
      return BuildInt16(operands, convolution, which);
    case WeightedForm::kHybrid:
      return BuildHybrid(operands, convolution, which);
  }
  return operands.Unsupported("no such form");
}

}  // namespace octavo::reference
