#include "core/runtime/reference/output_stage.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo::reference {

absl::StatusOr<FloatRange> ActivationRange(const Operands& operands,
                                           schema::ActivationFunctionType activation) {
  switch (activation) {
    case schema::ActivationFunctionType_NONE:
      return FloatRange{};
    case schema::ActivationFunctionType_RELU:
      return FloatRange{.min = 0};
    case schema::ActivationFunctionType_RELU6:
      return FloatRange{0, 6};
    case schema::ActivationFunctionType_RELU_N1_TO_1:
      return FloatRange{-1, 1};
    default:
      return operands.Unsupported(absl::StrCat("the fused activation ",
                                               schema::EnumNameActivationFunctionType(activation)));
  }
}

CodeRange TypeCodes(schema::TensorType type) {
  switch (type) {
    case schema::TensorType_INT8:
      return {-128, 127};
    case schema::TensorType_UINT8:
      return {0, 255};
    case schema::TensorType_INT16:
      return {-32768, 32767};
    default:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

int32_t ToCode(float real, TensorScale scale) {
  // As a double, so that the sum neither rounds nor leaves what an integer holds.
  const double code = double{std::round(real / scale.scale)} + scale.zero_point;
  const double above = code > -2147483648.0 ? code : -2147483648.0;
  return static_cast<int32_t>(above < 2147483647.0 ? above : 2147483647.0);
}

absl::StatusOr<CodeRange> ActivationCodes(const Operands& operands,
                                          schema::ActivationFunctionType activation) {
  ASSIGN_OR_RETURN(const FloatRange reals, ActivationRange(operands, activation));
  ASSIGN_OR_RETURN(const TensorScale scale, operands.output_scale(0));
  CodeRange codes = TypeCodes(operands.output_type(0));
  if (std::isfinite(reals.min)) codes.min = std::max(codes.min, ToCode(reals.min, scale));
  if (std::isfinite(reals.max)) codes.max = std::min(codes.max, ToCode(reals.max, scale));
  RETURN_IF_ERROR(operands.Require(codes.min <= codes.max,
                                   "the fused activation leaves no value of the output"));
  return codes;
}

absl::StatusOr<QuantizedMultiplier> MakeMultiplier(const Operands& operands, double factor) {
  RETURN_IF_ERROR(
      operands.Require(CanMultiply(factor), absl::StrCat("its scales give the factor ", factor)));
  return ToMultiplier(factor);
}

absl::StatusOr<std::vector<double>> RequantizationFactors(const Operands& operands,
                                                          const WeightedOperator& which) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(which.input));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  ASSIGN_OR_RETURN(const std::vector<float> weights,
                   operands.channel_scales(which.weights, which.weights_channel_dimension));
  std::vector<double> factors;
  factors.reserve(weights.size());
  for (const float scale : weights) {
    const double factor = double{input.scale} * double{scale} / double{output.scale};
    RETURN_IF_ERROR(
        operands.Require(CanMultiply(factor), absl::StrCat("its scales give the factor ", factor)));
    factors.push_back(factor);
  }
  return factors;
}

absl::StatusOr<std::vector<float>> FloatBias(const Operands& operands,
                                             const WeightedOperator& which, int channels) {
  if (!operands.has_input(which.bias)) return std::vector<float>(channels, 0.0f);
  RETURN_IF_ERROR(operands.Require(operands.input_type(which.bias) == schema::TensorType_FLOAT32,
                                   "the bias must be FLOAT32"));
  RETURN_IF_ERROR(operands.Require(operands.input_size(which.bias) == channels,
                                   "the bias must have one value a channel"));
  ASSIGN_OR_RETURN(const std::span<const float> values, operands.Constant<float>(which.bias));
  return std::vector<float>(values.begin(), values.end());
}

absl::StatusOr<std::vector<int64_t>> IntegerBias(const Operands& operands,
                                                 const WeightedOperator& which, int channels) {
  if (!operands.has_input(which.bias)) return std::vector<int64_t>(channels, 0);
  RETURN_IF_ERROR(operands.Require(operands.input_size(which.bias) == channels,
                                   "the bias must have one value a channel"));
  return operands.ConstantIntegers(which.bias);
}

absl::StatusOr<Int8Stage> MakeInt8Stage(const Operands& operands, const WeightedOperator& which,
                                        int channels) {
  RETURN_IF_ERROR(operands.Require(!operands.has_input(which.bias) ||
                                       operands.input_type(which.bias) == schema::TensorType_INT32,
                                   "the bias must be INT32"));
  ASSIGN_OR_RETURN(const std::vector<double> factors, RequantizationFactors(operands, which));
  ASSIGN_OR_RETURN(const std::vector<int64_t> bias, IntegerBias(operands, which, channels));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  Int8Stage stage;
  ASSIGN_OR_RETURN(stage.range, ActivationCodes(operands, which.activation));
  stage.zero_point = output.zero_point;
  stage.bias.assign(bias.begin(), bias.end());
  for (const double factor : factors) stage.multipliers.push_back(ToMultiplier(factor));
  return stage;
}

void Int8Stage::Run(const int64_t* sums, int channel, int count, int8_t* codes) const {
  for (int i = 0; i < count; ++i) {
    const int32_t sum = WrapAdd(static_cast<int32_t>(sums[i]), bias[channel + i]);
    const int32_t code = WrapAdd(Multiply(sum, multipliers[channel + i]), zero_point);
    codes[i] = static_cast<int8_t>(Clamp(code, range.min, range.max));
  }
}

absl::StatusOr<Int16Stage> MakeInt16Stage(const Operands& operands, const WeightedOperator& which,
                                          int channels) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(which.input));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(input.zero_point == 0 && output.zero_point == 0,
                                   "INT16 needs zero points of 0"));
  ASSIGN_OR_RETURN(const std::vector<double> factors, RequantizationFactors(operands, which));
  ASSIGN_OR_RETURN(const CodeRange range, ActivationCodes(operands, which.activation));
  Int16Stage stage;
  ASSIGN_OR_RETURN(stage.wide.bias, IntegerBias(operands, which, channels));
  // Options that ask for an INT32 bias ask for 32-bit sums, even where there is none.
  stage.has_narrow_bias = operands.has_input(which.bias)
                              ? operands.input_type(which.bias) == schema::TensorType_INT32
                              : which.quantized_bias_type == schema::TensorType_INT32;
  stage.wide.min = range.min;
  stage.wide.max = range.max;
  for (const double factor : factors) {
    const QuantizedMultiplier multiplier = ToMultiplier(factor);
    RETURN_IF_ERROR(operands.Require(stage.has_narrow_bias || multiplier.shift <= kMaxWideShift,
                                     absl::StrCat("its scales give the factor ", factor)));
    const WideMultiplier wide = ToWide(multiplier);
    stage.multipliers.push_back(multiplier);
    stage.wide.mantissa.push_back(wide.mantissa);
    stage.wide.right_shift.push_back(std::max(wide.right_shift, 1));
  }
  return stage;
}

void Int16Stage::Run(const Int16Kernels& kernels, const int64_t* sums, int channel, int count,
                     int16_t* codes) const {
  if (!has_narrow_bias) {
    kernels.requantize(sums, wide, channel, count, codes);
    return;
  }
  for (int i = 0; i < count; ++i) {
    const int32_t sum = static_cast<int32_t>(WrapAdd(sums[i], wide.bias[channel + i]));
    const int32_t code = Multiply(sum, multipliers[channel + i]);
    codes[i] = static_cast<int16_t>(Clamp(code, wide.min, wide.max));
  }
}

absl::StatusOr<FloatRescaling> MakeRescaling(const Operands& operands,
                                             const WeightedOperator& which, int channels) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, which.activation));
  FloatRescaling rescaling = {.scale = {}, .bias = {}, .min = range.min, .max = range.max};
  ASSIGN_OR_RETURN(rescaling.bias, FloatBias(operands, which, channels));
  ASSIGN_OR_RETURN(rescaling.scale,
                   operands.channel_scales(which.weights, which.weights_channel_dimension));
  return rescaling;
}

absl::StatusOr<WeightedForm> FormOf(const Operands& operands, const WeightedOperator& which) {
  const schema::TensorType input = operands.input_type(which.input);
  const schema::TensorType weights = operands.input_type(which.weights);
  RETURN_IF_ERROR(
      operands.Require(operands.output_type(0) == input, "input and output must have one type"));
  if (input == schema::TensorType_FLOAT32 && weights == schema::TensorType_FLOAT32) {
    return WeightedForm::kFloat;
  }
  if (weights == schema::TensorType_INT8) {
    if (input == schema::TensorType_INT8) return WeightedForm::kInt8;
    if (input == schema::TensorType_INT16) return WeightedForm::kInt16;
    if (input == schema::TensorType_FLOAT32) return WeightedForm::kHybrid;
  }
  return operands.Unsupported("no kernel for these types");
}

}  // namespace octavo::reference
