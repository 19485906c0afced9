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

// Rows of one tile stay in the first-level caches while all the weights pass by.
constexpr int kTileRows = 64;

constexpr WeightedOperator kOperator = {};

struct Convolution {
  Window window;
  int groups = 1;
  int group_inputs = 0;   // channels
  int group_outputs = 0;  // channels

  int64_t depth() const { return int64_t{window.y.filter} * window.x.filter * group_inputs; }
  int output_channels() const { return groups * group_outputs; }
};

absl::StatusOr<Convolution> MakeConvolution(const Operands& operands,
                                            const schema::Conv2DOptionsT& options) {
  RETURN_IF_ERROR(operands.RequireRank(0, 4));
  RETURN_IF_ERROR(operands.RequireRank(1, 4));
  const Shape& input = operands.input_shape(0);
  const Shape& weights = operands.input_shape(1);
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(
      operands.Require(output.size() == 4 && output[0] == input[0] && output[3] == weights[0],
                       "the output's shape does not fit"));
  RETURN_IF_ERROR(operands.Require(weights[3] > 0 && input[3] > 0 && input[3] % weights[3] == 0,
                                   "the weights' depth does not divide the input's"));
  Convolution convolution;
  convolution.groups = input[3] / weights[3];
  RETURN_IF_ERROR(operands.Require(weights[0] > 0 && weights[0] % convolution.groups == 0,
                                   "the groups do not divide the output's channels"));
  convolution.group_inputs = weights[3];
  convolution.group_outputs = weights[0] / convolution.groups;
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

// Sums over windows of int16 images with packed weights.
class Int16Convolution {
 public:
  Int16Convolution(const Convolution& convolution, std::span<const int8_t> weights)
      : convolution_(convolution), kernels_(&BestInt16Kernels()) {
    const int64_t group_size = convolution.group_outputs * convolution.depth();
    for (int group = 0; group < convolution.groups; ++group) {
      weights_.emplace_back(weights.subspan(group * group_size, group_size),
                            convolution.group_outputs, convolution.depth());
    }
    row_size_ = 2 * weights_[0].depth_pairs();
    const Window& window = convolution.window;
    rows_are_pixels_ = convolution.groups == 1 && window.y.filter == 1 && window.x.filter == 1 &&
                       window.y.stride == 1 && window.x.stride == 1 &&
                       window.input_channels % 2 == 0;
    if (!rows_are_pixels_) rows_.assign(kTileRows * row_size_, 0);
  }

  const Int16Kernels& kernels() const { return *kernels_; }

  // finish(pixel, channel, count, sums) for every pixel of the image and up to 16 channels at a
  // time.
  template <typename Finish>
  void Run(const int16_t* image, const Finish& finish) {
    const int64_t pixels = convolution_.window.OutputPixels();
    for (int64_t first = 0; first < pixels; first += kTileRows) {
      const int count = static_cast<int>(std::min<int64_t>(kTileRows, pixels - first));
      for (int group = 0; group < convolution_.groups; ++group) {
        RunTile(TileRows(image, first, count, group), first, count, group, finish);
      }
    }
  }

 private:
  const int16_t* TileRows(const int16_t* image, int64_t first, int count, int group) {
    if (rows_are_pixels_) return image + first * row_size_;
    for (int row = 0; row < count; ++row) {
      CopyWindow<int16_t>(convolution_.window, image, first + row,
                          group * convolution_.group_inputs, convolution_.group_inputs, 0,
                          rows_.data() + row * row_size_);
    }
    return rows_.data();
  }

  template <typename Finish>
  void RunTile(const int16_t* rows, int64_t first, int count, int group, const Finish& finish) {
    const PackedWeights& weights = weights_[group];
    int64_t sums[kMaxRows * kPanelChannels];
    for (int panel = 0; panel < weights.num_panels(); ++panel) {
      const int channel = panel * kPanelChannels;
      const int channels = std::min(kPanelChannels, weights.channels() - channel);
      for (int row = 0; row < count; row += kMaxRows) {
        const int num_rows = std::min(kMaxRows, count - row);
        kernels_->multiply(rows + row * row_size_, row_size_, num_rows, weights.panel(panel),
                           weights.depth_pairs(), sums);
        for (int i = 0; i < num_rows; ++i) {
          finish(first + row + i, group * weights.channels() + channel, channels,
                 sums + i * kPanelChannels);
        }
      }
    }
  }

  Convolution convolution_;
  const Int16Kernels* kernels_;
  std::vector<PackedWeights> weights_;  // of each group
  int64_t row_size_;
  bool rows_are_pixels_;
  std::vector<int16_t> rows_;
};

KernelOr BuildInt16(const Operands& operands, const Convolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(Int16Stage stage,
                   MakeInt16Stage(operands, which, convolution.output_channels()));
  return MakeKernel(
      [convolution, stage = std::move(stage), sums_of = Int16Convolution(convolution, weights)](
          Inputs inputs, Outputs outputs) mutable {
        const Window& window = convolution.window;
        const int channels = convolution.output_channels();
        for (int batch = 0; batch < window.batches; ++batch) {
          const int16_t* image =
              In<int16_t>(inputs, 0) + batch * window.InputPixels() * window.input_channels;
          int16_t* codes = Out<int16_t>(outputs, 0) + batch * window.OutputPixels() * channels;
          sums_of.Run(image, [&](int64_t pixel, int channel, int count, const int64_t* sums) {
            stage.Run(sums_of.kernels(), sums, channel, count, codes + pixel * channels + channel);
          });
        }
      });
}

KernelOr BuildInt8(const Operands& operands, const Convolution& convolution,
                   const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(const TensorScale input_scale, operands.input_scale(0));
  ASSIGN_OR_RETURN(Int8Stage stage, MakeInt8Stage(operands, which, convolution.output_channels()));
  const int64_t image_size = convolution.window.InputPixels() * convolution.window.input_channels;
  return MakeKernel(
      [convolution, stage = std::move(stage), image_size, zero_point = input_scale.zero_point,
       centred = std::vector<int16_t>(image_size),
       sums_of = Int16Convolution(convolution, weights)](Inputs inputs, Outputs outputs) mutable {
        const Window& window = convolution.window;
        const int channels = convolution.output_channels();
        for (int batch = 0; batch < window.batches; ++batch) {
          const int8_t* image = In<int8_t>(inputs, 0) + batch * image_size;
          for (int64_t i = 0; i < image_size; ++i) {
            centred[i] = static_cast<int16_t>(image[i] - zero_point);
          }
          int8_t* codes = Out<int8_t>(outputs, 0) + batch * window.OutputPixels() * channels;
          sums_of.Run(centred.data(),
                      [&](int64_t pixel, int channel, int count, const int64_t* sums) {
                        stage.Run(sums, channel, count, codes + pixel * channels + channel);
                      });
        }
      });
}

KernelOr BuildHybrid(const Operands& operands, const Convolution& convolution,
                     const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(FloatRescaling rescaling,
                   MakeRescaling(operands, which, convolution.output_channels()));
  // The format's runtime quantizes symmetrically where all the weights have one scale.
  const bool one_scale =
      std::equal(rescaling.scale.begin() + 1, rescaling.scale.end(), rescaling.scale.begin());
  const Symmetry symmetry =
      one_scale && convolution.groups == 1 ? Symmetry::kSymmetric : Symmetry::kAsymmetric;
  const int64_t image_size = convolution.window.InputPixels() * convolution.window.input_channels;
  return MakeKernel([convolution, rescaling = std::move(rescaling), image_size, symmetry,
                     codes = std::vector<int16_t>(image_size),
                     sums_of = Int16Convolution(convolution, weights)](Inputs inputs,
                                                                       Outputs outputs) mutable {
    const Window& window = convolution.window;
    const int channels = convolution.output_channels();
    for (int batch = 0; batch < window.batches; ++batch) {
      const std::span<const float> image(In<float>(inputs, 0) + batch * image_size,
                                         static_cast<size_t>(image_size));
      const float scale = QuantizeValues(sums_of.kernels(), symmetry, image, codes.data());
      float* values = Out<float>(outputs, 0) + batch * window.OutputPixels() * channels;
      sums_of.Run(codes.data(), [&](int64_t pixel, int channel, int count, const int64_t* sums) {
        sums_of.kernels().rescale(sums, rescaling, scale, channel, count,
                                  values + pixel * channels + channel);
      });
    }
  });
}

KernelOr BuildFloat(const Operands& operands, const Convolution& convolution,
                    const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  const bool has_bias = operands.has_input(2);
  RETURN_IF_ERROR(
      operands.Require(!has_bias || (operands.input_type(2) == schema::TensorType_FLOAT32 &&
                                     operands.input_size(2) == convolution.output_channels()),
                       "the bias must be FLOAT32, one value a channel"));
  return MakeKernel([convolution, range, has_bias, row = std::vector<float>(convolution.depth())](
                        Inputs inputs, Outputs outputs) mutable {
    const Window& window = convolution.window;
    const int64_t depth = convolution.depth();
    const int64_t pixels = window.OutputPixels();
    const float* weights = In<float>(inputs, 1);
    const float* bias = has_bias ? In<float>(inputs, 2) : nullptr;
    float* output = Out<float>(outputs, 0);
    for (int64_t place = 0; place < window.batches * pixels; ++place) {
      const float* image =
          In<float>(inputs, 0) + place / pixels * window.InputPixels() * window.input_channels;
      for (int channel = 0; channel < convolution.output_channels(); ++channel) {
        if (channel % convolution.group_outputs == 0) {
          CopyWindow(window, image, place % pixels,
                     channel / convolution.group_outputs * convolution.group_inputs,
                     convolution.group_inputs, 0.0f, row.data());
        }
        float sum = 0;
        for (int64_t i = 0; i < depth; ++i) sum += row[i] * weights[channel * depth + i];
        if (bias != nullptr) sum += bias[channel];
        *output++ = Clamp(sum, range.min, range.max);
      }
    }
  });
}

}  // namespace

KernelOr BuildConv2D(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 3));
  const auto options = OptionsOr(operands.op().builtin_options.AsConv2DOptions());
  WeightedOperator which = kOperator;
  which.activation = options.fused_activation_function;
  which.quantized_bias_type = options.quantized_bias_type;
  ASSIGN_OR_RETURN(const WeightedForm form, FormOf(operands, which));
  ASSIGN_OR_RETURN(const Convolution convolution, MakeConvolution(operands, options));
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
