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

// Input 0 is the output's shape: fixed shapes make it superfluous.
constexpr WeightedOperator kOperator = {.input = 2, .weights = 1, .bias = 3};

// The convolution that this one transposes: its input is our output.
struct TransposedConvolution {
  Window window;
  int input_channels = 0;   // ours
  int output_channels = 0;  // ours

  int64_t taps() const { return int64_t{window.y.filter} * window.x.filter; }
  int64_t InputPixels() const { return window.OutputPixels(); }
  int64_t OutputPixels() const { return window.InputPixels(); }
};

absl::StatusOr<TransposedConvolution> MakeConvolution(
    const Operands& operands, const schema::TransposeConvOptionsT& options) {
  RETURN_IF_ERROR(operands.RequireRank(1, 4));
  RETURN_IF_ERROR(operands.RequireRank(2, 4));
  const Shape& weights = operands.input_shape(1);
  const Shape& input = operands.input_shape(2);
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(operands.Require(output.size() == 4 && output[0] == input[0] &&
                                       output[3] == weights[0] && input[3] == weights[3] &&
                                       weights[0] > 0 && weights[3] > 0,
                                   "the shapes do not fit"));
  TransposedConvolution convolution;
  convolution.input_channels = input[3];
  convolution.output_channels = output[3];
  convolution.window.batches = input[0];
  ASSIGN_OR_RETURN(convolution.window.y, MakeWindowAxis(operands, output[1], input[1], weights[1],
                                                        {options.padding, options.stride_h}));
  ASSIGN_OR_RETURN(convolution.window.x, MakeWindowAxis(operands, output[2], input[2], weights[2],
                                                        {options.padding, options.stride_w}));
  return convolution;
}

// Calls visit(place_in_output, tap) for each output pixel that an input pixel adds to.
template <typename Visit>
void ForEachTarget(const Window& window, int64_t pixel, const Visit& visit) {
  const int64_t y = pixel / window.x.output;
  const int64_t x = pixel % window.x.output;
  const Range taps_y = window.y.Taps(y);
  const Range taps_x = window.x.Taps(x);
  for (int tap_y = taps_y.begin; tap_y < taps_y.end; ++tap_y) {
    const int64_t row = window.y.InputAt(y, tap_y) * window.x.input;
    for (int tap_x = taps_x.begin; tap_x < taps_x.end; ++tap_x) {
      visit(row + window.x.InputAt(x, tap_x), int64_t{tap_y} * window.x.filter + tap_x);
    }
  }
}

// [channel][tap][depth] to [tap][channel][depth]: one matrix gives all that an input pixel adds.
std::vector<int8_t> ByTap(const TransposedConvolution& convolution,
                          std::span<const int8_t> weights) {
  const int64_t depth = convolution.input_channels;
  std::vector<int8_t> by_tap(weights.size());
  int8_t* to = by_tap.data();
  for (int64_t tap = 0; tap < convolution.taps(); ++tap) {
    for (int64_t channel = 0; channel < convolution.output_channels; ++channel, to += depth) {
      std::copy_n(weights.data() + (channel * convolution.taps() + tap) * depth, depth, to);
    }
  }
  return by_tap;
}

// The sums of one image of int16 values.
class Int16Transposed {
 public:
  Int16Transposed(const TransposedConvolution& convolution, std::span<const int8_t> weights)
      : convolution_(convolution),
        kernels_(&BestInt16Kernels()),
        weights_(ByTap(convolution, weights),
                 static_cast<int>(convolution.taps() * convolution.output_channels),
                 convolution.input_channels),
        rows_(kMaxRows * 2 * weights_.depth_pairs()),
        added_(kMaxRows * weights_.num_panels() * kPanelChannels),
        sums_(convolution.OutputPixels() * convolution.output_channels) {}

  const Int16Kernels& kernels() const { return *kernels_; }

  // Sums [pixel][channel]; valid until the next run.
  const int64_t* Run(const int16_t* image) {
    std::fill(sums_.begin(), sums_.end(), 0);
    const int64_t pixels = convolution_.InputPixels();
    for (int64_t pixel = 0; pixel < pixels; pixel += kMaxRows) {
      const int count = static_cast<int>(std::min<int64_t>(kMaxRows, pixels - pixel));
      Multiply(image + pixel * convolution_.input_channels, count);
      for (int row = 0; row < count; ++row) Add(pixel + row, row);
    }
    return sums_.data();
  }

 private:
  // added_[panel][row][channel of panel]
  void Multiply(const int16_t* pixels, int count) {
    const int64_t row_size = 2 * weights_.depth_pairs();
    for (int row = 0; row < count; ++row) {
      std::copy_n(pixels + row * convolution_.input_channels, convolution_.input_channels,
                  rows_.data() + row * row_size);
    }
    for (int panel = 0; panel < weights_.num_panels(); ++panel) {
      kernels_->multiply(rows_.data(), row_size, count, weights_.panel(panel),
                         weights_.depth_pairs(), Added(panel, 0));
    }
  }

  void Add(int64_t pixel, int row) {
    const int64_t channels = convolution_.output_channels;
    ForEachTarget(convolution_.window, pixel, [&](int64_t place, int64_t tap) {
      int64_t* sums = sums_.data() + place * channels;
      for (int64_t channel = 0; channel < channels; ++channel) {
        const int64_t column = tap * channels + channel;
        sums[channel] += Added(column / kPanelChannels, row)[column % kPanelChannels];
      }
    });
  }

  int64_t* Added(int64_t panel, int row) {
    return added_.data() + (panel * kMaxRows + row) * kPanelChannels;
  }

  TransposedConvolution convolution_;
  const Int16Kernels* kernels_;
  PackedWeights weights_;
  std::vector<int16_t> rows_;
  std::vector<int64_t> added_;
  std::vector<int64_t> sums_;
};

KernelOr BuildInt16(const Operands& operands, const TransposedConvolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(Int16Stage stage, MakeInt16Stage(operands, which, convolution.output_channels));
  return MakeKernel(
      [convolution, stage = std::move(stage), sums_of = Int16Transposed(convolution, weights)](
          Inputs inputs, Outputs outputs) mutable {
        const int channels = convolution.output_channels;
        const int16_t* image = In<int16_t>(inputs, 2);
        int16_t* codes = Out<int16_t>(outputs, 0);
        for (int batch = 0; batch < convolution.window.batches; ++batch) {
          const int64_t* sums = sums_of.Run(image);
          for (int64_t pixel = 0; pixel < convolution.OutputPixels(); ++pixel, codes += channels) {
            stage.Run(sums_of.kernels(), sums + pixel * channels, 0, channels, codes);
          }
          image += convolution.InputPixels() * convolution.input_channels;
        }
      });
}

KernelOr BuildInt8(const Operands& operands, const TransposedConvolution& convolution,
                   const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(const TensorScale input_scale, operands.input_scale(2));
  ASSIGN_OR_RETURN(Int8Stage stage, MakeInt8Stage(operands, which, convolution.output_channels));
  const int64_t image_size = convolution.InputPixels() * convolution.input_channels;
  return MakeKernel(
      [convolution, stage = std::move(stage), image_size, zero_point = input_scale.zero_point,
       centred = std::vector<int16_t>(image_size),
       sums_of = Int16Transposed(convolution, weights)](Inputs inputs, Outputs outputs) mutable {
        const int channels = convolution.output_channels;
        const int8_t* image = In<int8_t>(inputs, 2);
        int8_t* codes = Out<int8_t>(outputs, 0);
        for (int batch = 0; batch < convolution.window.batches; ++batch, image += image_size) {
          for (int64_t i = 0; i < image_size; ++i) {
            centred[i] = static_cast<int16_t>(image[i] - zero_point);
          }
          const int64_t* sums = sums_of.Run(centred.data());
          for (int64_t pixel = 0; pixel < convolution.OutputPixels(); ++pixel, codes += channels) {
            stage.Run(sums + pixel * channels, 0, channels, codes);
          }
        }
      });
}

KernelOr BuildHybrid(const Operands& operands, const TransposedConvolution& convolution,
                     const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(FloatRescaling rescaling,
                   MakeRescaling(operands, which, convolution.output_channels));
  const int64_t image_size = convolution.InputPixels() * convolution.input_channels;
  return MakeKernel([convolution, rescaling = std::move(rescaling), image_size,
                     codes = std::vector<int16_t>(image_size),
                     sums_of = Int16Transposed(convolution, weights)](Inputs inputs,
                                                                      Outputs outputs) mutable {
    const int channels = convolution.output_channels;
    const float* image = In<float>(inputs, 2);
    float* values = Out<float>(outputs, 0);
    for (int batch = 0; batch < convolution.window.batches; ++batch, image += image_size) {
      const float scale = QuantizeValues(sums_of.kernels(), Symmetry::kAsymmetric,
                                         {image, static_cast<size_t>(image_size)}, codes.data());
      const int64_t* sums = sums_of.Run(codes.data());
      for (int64_t pixel = 0; pixel < convolution.OutputPixels(); ++pixel, values += channels) {
        sums_of.kernels().rescale(sums + pixel * channels, rescaling, scale, 0, channels, values);
      }
    }
  });
}

KernelOr BuildFloat(const Operands& operands, const TransposedConvolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  const bool has_bias = operands.has_input(3);
  RETURN_IF_ERROR(
      operands.Require(!has_bias || (operands.input_type(3) == schema::TensorType_FLOAT32 &&
                                     operands.input_size(3) == convolution.output_channels),
                       "the bias must be FLOAT32, one value a channel"));
  return MakeKernel([convolution, range, has_bias](Inputs inputs, Outputs outputs) {
    const int64_t depth = convolution.input_channels;
    const int64_t channels = convolution.output_channels;
    const float* weights = In<float>(inputs, 1);
    const float* values = In<float>(inputs, 2);
    float* output = Out<float>(outputs, 0);
    for (int batch = 0; batch < convolution.window.batches; ++batch) {
      const int64_t size = convolution.OutputPixels() * channels;
      std::fill_n(output, size, 0.0f);
      for (int64_t pixel = 0; pixel < convolution.InputPixels(); ++pixel, values += depth) {
        ForEachTarget(convolution.window, pixel, [&](int64_t place, int64_t tap) {
          for (int64_t channel = 0; channel < channels; ++channel) {
            const float* row = weights + (channel * convolution.taps() + tap) * depth;
            float sum = 0;
            for (int64_t i = 0; i < depth; ++i) sum += values[i] * row[i];
            output[place * channels + channel] += sum;
          }
        });
      }
      for (int64_t i = 0; i < size; ++i) {
        const float bias = has_bias ? In<float>(inputs, 3)[i % channels] : 0.0f;
        output[i] = Clamp(output[i] + bias, range.min, range.max);
      }
      output += size;
    }
  });
}

}  // namespace

KernelOr BuildTransposeConv(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 4));
  const auto options = OptionsOr(operands.op().builtin_options.AsTransposeConvOptions());
  WeightedOperator which = kOperator;
  which.activation = options.fused_activation_function;
  which.quantized_bias_type = options.quantized_bias_type;
  ASSIGN_OR_RETURN(const WeightedForm form, FormOf(operands, which));
  ASSIGN_OR_RETURN(const TransposedConvolution convolution, MakeConvolution(operands, options));
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
