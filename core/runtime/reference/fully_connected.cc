#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/dynamic_quantization.h"
#include "core/runtime/reference/int16_kernels.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

struct Sizes {
  int64_t rows = 0;
  int64_t depth = 0;
  int channels = 0;
};

absl::StatusOr<Sizes> MakeSizes(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireRank(1, 2));
  Sizes sizes;
  sizes.channels = operands.input_shape(1)[0];
  sizes.depth = operands.input_shape(1)[1];
  RETURN_IF_ERROR(operands.Require(sizes.depth > 0 && sizes.channels > 0, "empty weights"));
  RETURN_IF_ERROR(operands.Require(operands.input_size(0) % sizes.depth == 0,
                                   "the weights' depth does not divide the input's size"));
  sizes.rows = operands.input_size(0) / sizes.depth;
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(operands.Require(!output.empty() && output.back() == sizes.channels &&
                                       operands.output_size(0) == sizes.rows * sizes.channels,
                                   "the output's shape does not fit"));
  return sizes;
}

// Sums of one row of int16 values at a time.
class Int16Row {
 public:
  Int16Row(const Sizes& sizes, std::span<const int8_t> weights)
      : kernels_(&BestInt16Kernels()),
        weights_(weights, sizes.channels, sizes.depth),
        row_(2 * weights_.depth_pairs()),
        sums_(weights_.num_panels() * kPanelChannels) {}

  const Int16Kernels& kernels() const { return *kernels_; }
  // To be filled before Run.
  std::span<int16_t> row() { return {row_.data(), static_cast<size_t>(weights_.depth())}; }

  const int64_t* Run() {
    for (int panel = 0; panel < weights_.num_panels(); ++panel) {
      kernels_->multiply(row_.data(), 0, 1, weights_.panel(panel), weights_.depth_pairs(),
                         sums_.data() + panel * kPanelChannels);
    }
    return sums_.data();
  }

 private:
  const Int16Kernels* kernels_;
  PackedWeights weights_;
  std::vector<int16_t> row_;
  std::vector<int64_t> sums_;
};

// Of this operator alone, the format's reference computes the codes in double, not in fixed point.
struct DoubleStage {
  std::vector<int64_t> bias;
  bool has_wide_sums = false;
  std::vector<double> factors;
  int32_t zero_point = 0;
  CodeRange range{};

  template <typename T>
  void Run(const int64_t* sums, T* codes) const {
    for (size_t channel = 0; channel < factors.size(); ++channel) {
      const int64_t sum = WrapAdd(sums[channel], bias[channel]);
      const double exact = static_cast<double>(has_wide_sums ? sum : static_cast<int32_t>(sum));
      const double code = std::round(exact * factors[channel]) + zero_point;
      codes[channel] = static_cast<T>(Clamp<double>(code, range.min, range.max));
    }
  }
};

absl::StatusOr<DoubleStage> MakeDoubleStage(const Operands& operands, const Sizes& sizes,
                                            const WeightedOperator& which, bool is_int16) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(!is_int16 || (input.zero_point == 0 && output.zero_point == 0),
                                   "INT16 needs zero points of 0"));
  DoubleStage stage;
  stage.zero_point = output.zero_point;
  ASSIGN_OR_RETURN(stage.bias, IntegerBias(operands, which, sizes.channels));
  ASSIGN_OR_RETURN(stage.factors, RequantizationFactors(operands, which));
  ASSIGN_OR_RETURN(stage.range, ActivationCodes(operands, which.activation));
  const bool has_bias = operands.has_input(which.bias);
  const schema::TensorType bias_type =
      has_bias ? operands.input_type(which.bias) : which.quantized_bias_type;
  stage.has_wide_sums = is_int16 && bias_type != schema::TensorType_INT32;
  RETURN_IF_ERROR(operands.Require(is_int16 || !has_bias || bias_type == schema::TensorType_INT32,
                                   "the bias must be INT32"));
  return stage;
}

template <typename T>
KernelOr BuildQuantized(const Operands& operands, const Sizes& sizes,
                        const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(const TensorScale input_scale, operands.input_scale(0));
  ASSIGN_OR_RETURN(DoubleStage stage, MakeDoubleStage(operands, sizes, which,
                                                      /*is_int16=*/std::is_same_v<T, int16_t>));
  return MakeKernel([sizes, stage = std::move(stage), zero_point = input_scale.zero_point,
                     sums_of = Int16Row(sizes, weights)](Inputs inputs, Outputs outputs) mutable {
    for (int64_t row = 0; row < sizes.rows; ++row) {
      const T* values = In<T>(inputs, 0) + row * sizes.depth;
      for (int16_t& centred : sums_of.row()) {
        centred = static_cast<int16_t>(*values++ - zero_point);
      }
      stage.Run(sums_of.Run(), Out<T>(outputs, 0) + row * sizes.channels);
    }
  });
}

KernelOr BuildHybrid(const Operands& operands, const Sizes& sizes, const WeightedOperator& which,
                     Symmetry symmetry) {
  ASSIGN_OR_RETURN(const std::span<const int8_t> weights, operands.Constant<int8_t>(1));
  ASSIGN_OR_RETURN(FloatRescaling rescaling, MakeRescaling(operands, which, sizes.channels));
  return MakeKernel([sizes, rescaling = std::move(rescaling), symmetry,
                     sums_of = Int16Row(sizes, weights)](Inputs inputs, Outputs outputs) mutable {
    for (int64_t row = 0; row < sizes.rows; ++row) {
      const std::span<const float> values(In<float>(inputs, 0) + row * sizes.depth,
                                          static_cast<size_t>(sizes.depth));
      const float scale = QuantizeValues(sums_of.kernels(), symmetry, values, sums_of.row().data());
      sums_of.kernels().rescale(sums_of.Run(), rescaling, scale, 0, sizes.channels,
                                Out<float>(outputs, 0) + row * sizes.channels);
    }
  });
}

// Weights of int4 codes, each block of a row of them with a scale.
KernelOr BuildBlocks(const Operands& operands, const Sizes& sizes, const WeightedOperator& which,
                     BlockScales blocks) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  ASSIGN_OR_RETURN(const std::vector<float> bias, FloatBias(operands, which, sizes.channels));
  return MakeKernel([sizes, range, bias, blocks = std::move(blocks),
                     codes = std::vector<int16_t>(sizes.depth)](Inputs inputs,
                                                                Outputs outputs) mutable {
    float* output = Out<float>(outputs, 0);
    for (int64_t row = 0; row < sizes.rows; ++row) {
      const std::span<const float> values(In<float>(inputs, 0) + row * sizes.depth, codes.size());
      const float row_scale =
          QuantizeValues(BestInt16Kernels(), Symmetry::kAsymmetric, values, codes.data());
      const int8_t* weights = In<int8_t>(inputs, 1);
      const float* scale = blocks.scales.data();
      for (int channel = 0; channel < sizes.channels; ++channel) {
        float sum = 0;
        for (int64_t first = 0; first < sizes.depth; first += blocks.block_size, ++scale) {
          int32_t block = 0;
          for (int64_t i = first; i < first + blocks.block_size; ++i) {
            block += codes[i] * *weights++;
          }
          sum += static_cast<float>(block) * *scale;
        }
        *output++ = Clamp(sum * row_scale + bias[channel], range.min, range.max);
      }
    }
  });
}

KernelOr BuildFloat(const Operands& operands, const Sizes& sizes, const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  const bool has_bias = operands.has_input(2);
  RETURN_IF_ERROR(
      operands.Require(!has_bias || (operands.input_type(2) == schema::TensorType_FLOAT32 &&
                                     operands.input_size(2) == sizes.channels),
                       "the bias must be FLOAT32, one value a channel"));
  return MakeKernel([sizes, range, has_bias](Inputs inputs, Outputs outputs) {
    float* output = Out<float>(outputs, 0);
    for (int64_t row = 0; row < sizes.rows; ++row) {
      const float* values = In<float>(inputs, 0) + row * sizes.depth;
      const float* weights = In<float>(inputs, 1);
      for (int channel = 0; channel < sizes.channels; ++channel, weights += sizes.depth) {
        float sum = 0;
        for (int64_t i = 0; i < sizes.depth; ++i) sum += values[i] * weights[i];
        if (has_bias) sum += In<float>(inputs, 2)[channel];
        *output++ = Clamp(sum, range.min, range.max);
      }
    }
  });
}

}  // namespace

KernelOr BuildFullyConnected(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 3));
  const auto options = OptionsOr(operands.op().builtin_options.AsFullyConnectedOptions());
  RETURN_IF_ERROR(
      operands.Require(options.weights_format == schema::FullyConnectedOptionsWeightsFormat_DEFAULT,
                       "shuffled weights"));
  const WeightedOperator which = {.activation = options.fused_activation_function,
                                  .quantized_bias_type = options.quantized_bias_type};
  ASSIGN_OR_RETURN(const WeightedForm form, FormOf(operands, which));
  ASSIGN_OR_RETURN(const Sizes sizes, MakeSizes(operands));
  switch (form) {
    case WeightedForm::kFloat:
      return BuildFloat(operands, sizes, which);
    case WeightedForm::kInt8:
      return BuildQuantized<int8_t>(operands, sizes, which);
    case WeightedForm::kInt16:
      return BuildQuantized<int16_t>(operands, sizes, which);
    case WeightedForm::kHybrid:
      if (auto blocks = operands.block_scales(which.weights)) {
        return BuildBlocks(operands, sizes, which, *std::move(blocks));
      }
      return BuildHybrid(
          operands, sizes, which,
          options.asymmetric_quantize_inputs ? Symmetry::kAsymmetric : Symmetry::kSymmetric);
  }
  return operands.Unsupported("no such form");
}

}  // namespace octavo::reference
