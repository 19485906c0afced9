#include "core/runtime/reference/operands.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo::reference {
namespace {

struct IntegerRange {
  int64_t min;
  int64_t max;
};

IntegerRange ZeroPointRange(schema::TensorType type) {
  switch (type) {
    case schema::TensorType_INT8:
      return {-128, 127};
    case schema::TensorType_UINT8:
      return {0, 255};
    case schema::TensorType_INT16:
      return {-32768, 32767};
    default:
      return {0, 0};
  }
}

bool IsScale(float scale) { return std::isfinite(scale) && scale > 0; }

}  // namespace

absl::StatusOr<Operands> Operands::Create(const Model& model, const schema::OperatorT& op) {
  const Operands operands(model, op);
  for (int position = 0; position < operands.num_inputs(); ++position) {
    if (operands.has_input(position)) {
      RETURN_IF_ERROR(operands.CheckTensor(InputOf(op, position)));
    }
  }
  for (int position = 0; position < operands.num_outputs(); ++position) {
    const TensorIndex index = OutputOf(op, position);
    RETURN_IF_ERROR(operands.Require(index != kNoTensor, "an output is left out"));
    RETURN_IF_ERROR(operands.CheckTensor(index));
  }
  return operands;
}

absl::Status Operands::CheckTensor(TensorIndex index) const {
  const schema::TensorT& tensor = model_->tensor(index);
  const auto bytes = TensorBytes(tensor.type, tensor.shape);
  RETURN_IF_ERROR(
      Require(bytes.has_value(), absl::StrCat("tensor '", tensor.name, "' of shape ",
                                              ShapeText(tensor.shape), " has no fixed size")));
  RETURN_IF_ERROR(
      Require(tensor.sparsity == nullptr, absl::StrCat("tensor '", tensor.name, "' is sparse")));
  const int64_t constant_bytes = static_cast<int64_t>(model_->ConstantBytes(index).size());
  return Require(constant_bytes == 0 || constant_bytes == *bytes,
                 absl::StrCat("the constant of tensor '", tensor.name, "' has ", constant_bytes,
                              " bytes, its shape asks for ", *bytes));
}

absl::StatusOr<TensorScale> Operands::ScaleOf(const schema::TensorT& tensor) const {
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  const bool has_one = quantization != nullptr && quantization->scale.size() == 1 &&
                       quantization->zero_point.size() <= 1;
  RETURN_IF_ERROR(
      Require(has_one, absl::StrCat("tensor '", tensor.name, "' has no scale of its own")));
  const float scale = quantization->scale[0];
  RETURN_IF_ERROR(
      Require(IsScale(scale), absl::StrCat("tensor '", tensor.name, "' has the scale ", scale)));
  const int64_t zero_point = quantization->zero_point.empty() ? 0 : quantization->zero_point[0];
  const IntegerRange range = ZeroPointRange(tensor.type);
  RETURN_IF_ERROR(
      Require(zero_point >= range.min && zero_point <= range.max,
              absl::StrCat("tensor '", tensor.name, "' has the zero point ", zero_point)));
  return TensorScale{scale, static_cast<int32_t>(zero_point)};
}

absl::StatusOr<TensorScale> Operands::input_scale(int position) const {
  return ScaleOf(input(position));
}

absl::StatusOr<TensorScale> Operands::output_scale(int position) const {
  return ScaleOf(output(position));
}

absl::StatusOr<std::vector<float>> Operands::channel_scales(int position, int dimension) const {
  const schema::TensorT& tensor = input(position);
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  RETURN_IF_ERROR(Require(quantization != nullptr && !quantization->scale.empty(),
                          absl::StrCat("tensor '", tensor.name, "' has no scale")));
  RETURN_IF_ERROR(Require(dimension < static_cast<int>(tensor.shape.size()),
                          absl::StrCat("tensor '", tensor.name, "' has too few dimensions")));
  for (const int64_t zero_point : quantization->zero_point) {
    RETURN_IF_ERROR(Require(zero_point == 0, "weights with a zero point other than 0"));
  }
  for (const float scale : quantization->scale) {
    RETURN_IF_ERROR(Require(std::isfinite(scale) && scale >= 0,
                            absl::StrCat("tensor '", tensor.name, "' has the scale ", scale)));
  }
  const size_t channels = static_cast<size_t>(tensor.shape[dimension]);
  if (quantization->scale.size() == 1) {
    return std::vector<float>(channels, quantization->scale[0]);
  }
  RETURN_IF_ERROR(Require(
      quantization->scale.size() == channels && quantization->quantized_dimension == dimension,
      absl::StrCat("the scales of '", tensor.name, "' must lie along dimension ", dimension)));
  return quantization->scale;
}

absl::StatusOr<Operands::AxisScales> Operands::axis_scales(bool of_output, int position) const {
  const schema::TensorT& tensor = of_output ? output(position) : input(position);
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  if (quantization == nullptr || quantization->scale.size() <= 1) {
    ASSIGN_OR_RETURN(const TensorScale scale, ScaleOf(tensor));
    return AxisScales{{scale}, 0};
  }
  const int dimension = quantization->quantized_dimension;
  const size_t num_scales = quantization->scale.size();
  const size_t num_zero_points = quantization->zero_point.size();
  const bool fits = dimension >= 0 && dimension < static_cast<int>(tensor.shape.size()) &&
                    num_scales == static_cast<size_t>(tensor.shape[dimension]) &&
                    (num_zero_points <= 1 || num_zero_points == num_scales);
  RETURN_IF_ERROR(
      Require(fits, absl::StrCat("the scales of tensor '", tensor.name, "' do not fit its shape")));
  const IntegerRange range = ZeroPointRange(tensor.type);
  AxisScales result{{}, dimension};
  for (size_t channel = 0; channel < num_scales; ++channel) {
    const int64_t zero_point = num_zero_points == 0   ? 0
                               : num_zero_points == 1 ? quantization->zero_point[0]
                                                      : quantization->zero_point[channel];
    const float scale = quantization->scale[channel];
    RETURN_IF_ERROR(Require(
        std::isfinite(scale) && scale >= 0 && zero_point >= range.min && zero_point <= range.max,
        absl::StrCat("tensor '", tensor.name, "', channel ", channel, ", has the scale ", scale,
                     " and the zero point ", zero_point)));
    result.scales.push_back({scale, static_cast<int32_t>(zero_point)});
  }
  return result;
}

absl::StatusOr<std::vector<int64_t>> Operands::ConstantIntegers(int position) const {
  RETURN_IF_ERROR(RequireConstant(position));
  const TensorIndex index = InputOf(*op_, position);
  if (input_type(position) == schema::TensorType_INT32) {
    const std::span<const int32_t> values = model_->ConstantValues<int32_t>(index);
    return std::vector<int64_t>(values.begin(), values.end());
  }
  RETURN_IF_ERROR(Require(input_type(position) == schema::TensorType_INT64,
                          absl::StrCat("input ", position, " must be INT32 or INT64")));
  const std::span<const int64_t> values = model_->ConstantValues<int64_t>(index);
  return std::vector<int64_t>(values.begin(), values.end());
}

absl::Status Operands::RequireConstant(int position) const {
  if (!has_input(position)) return Unsupported(absl::StrCat("input ", position, " is missing"));
  return Require(is_constant(position) || input_size(position) == 0,
                 absl::StrCat("input ", position, " must be a constant"));
}

absl::Status Operands::Require(bool holds, absl::string_view requirement) const {
  return holds ? absl::OkStatus() : Unsupported(requirement);
}

absl::Status Operands::Unsupported(absl::string_view why) const {
  const std::string name = model_->OperatorName(*op_);
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(name, " (", TypesText(), "): ", why)),
      "OP_UNSUPPORTED", {{"operator", name}});
}

std::string Operands::TypesText() const {
  std::vector<absl::string_view> inputs;
  std::vector<absl::string_view> outputs;
  inputs.reserve(num_inputs());
  outputs.reserve(num_outputs());
  for (int position = 0; position < num_inputs(); ++position) {
    inputs.push_back(has_input(position) ? TypeName(input_type(position)) : "none");
  }
  for (int position = 0; position < num_outputs(); ++position) {
    const bool is_there = OutputOf(*op_, position) != kNoTensor;
    outputs.push_back(is_there ? TypeName(output_type(position)) : "none");
  }
  return absl::StrCat(absl::StrJoin(inputs, ", "), " -> ", absl::StrJoin(outputs, ", "));
}

absl::Status Operands::RequireCounts(int min_inputs, int max_inputs, int outputs) const {
  RETURN_IF_ERROR(
      Require(num_inputs() >= min_inputs && num_inputs() <= max_inputs && num_outputs() == outputs,
              "has another number of operands"));
  for (int position = 0; position < min_inputs; ++position) {
    RETURN_IF_ERROR(Require(has_input(position), absl::StrCat("input ", position, " is missing")));
  }
  return absl::OkStatus();
}

absl::Status Operands::RequireOutputShape(int position, const Shape& shape) const {
  return Require(output_shape(position) == shape,
                 absl::StrCat("output ", position, " has the shape ",
                              ShapeText(output_shape(position)), ", expected ", ShapeText(shape)));
}

absl::Status Operands::RequireRank(int position, int rank) const {
  return Require(
      static_cast<int>(input_shape(position).size()) == rank,
      absl::StrCat("input ", position, " has the shape ", ShapeText(input_shape(position)),
                   ", expected ", rank, " dimensions"));
}

absl::Status Operands::RequireSameType(int input_position, int output_position) const {
  return Require(input_type(input_position) == output_type(output_position),
                 "input and output must have one type");
}

absl::StatusOr<int> Operands::ResolveAxis(int64_t axis, int rank) const {
  RETURN_IF_ERROR(Require(axis >= -rank && axis < rank,
                          absl::StrCat("axis ", axis, " of a tensor of ", rank, " dimensions")));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace octavo::reference
