#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

bool IsQuantized(schema::TensorType type) {
  return type == schema::TensorType_INT8 || type == schema::TensorType_UINT8 ||
         type == schema::TensorType_INT16;
}

// Inputs of the output's type and, if it is quantized, scale: the kernel moves codes.
absl::Status RequireInputs(const Operands& operands, int num_outputs) {
  const int count = operands.num_inputs();
  RETURN_IF_ERROR(operands.Require(count > 0, "no inputs"));
  RETURN_IF_ERROR(operands.RequireCounts(count, count, num_outputs));
  const auto output = operands.output_scale(0);
  for (int position = 0; position < count; ++position) {
    RETURN_IF_ERROR(operands.RequireSameType(position, 0));
    if (!IsQuantized(operands.input_type(position)) || !output.ok()) continue;
    ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(position));
    RETURN_IF_ERROR(
        operands.Require(input.scale == output->scale && input.zero_point == output->zero_point,
                         absl::StrCat("input ", position, " has another scale than the output")));
  }
  return absl::OkStatus();
}

}  // namespace

KernelOr BuildConcatenation(const Operands& operands) {
  RETURN_IF_ERROR(RequireInputs(operands, 1));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsConcatenationOptions());
  RETURN_IF_ERROR(
      operands.Require(options.fused_activation_function == schema::ActivationFunctionType_NONE,
                       "a fused activation"));
  const Shape& first = operands.input_shape(0);
  ASSIGN_OR_RETURN(const int axis,
                   operands.ResolveAxis(options.axis, static_cast<int>(first.size())));
  Shape output = first;
  int64_t along = 0;
  for (int position = 0; position < operands.num_inputs(); ++position) {
    const Shape& input = operands.input_shape(position);
    RETURN_IF_ERROR(operands.Require(input.size() == first.size(), "inputs of different ranks"));
    along += input[axis];
    Shape like_first = input;
    like_first[axis] = first[axis];
    RETURN_IF_ERROR(operands.Require(like_first == first, "inputs of different shapes"));
  }
  RETURN_IF_ERROR(operands.Require(along <= INT32_MAX, "an axis too long"));
  output[axis] = static_cast<int32_t>(along);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  std::vector<StridedCopy> copies;
  int64_t to = 0;
  for (int position = 0; position < operands.num_inputs(); ++position) {
    const Shape& input = operands.input_shape(position);
    StridedCopy copy = {.input = position, .to = to};
    copy.sizes.assign(input.begin(), input.end());
    copy.from_strides = StridesOf(input);
    copy.to_strides = StridesOf(output);
    to += input[axis] * copy.to_strides[axis];
    copies.push_back(std::move(copy));
  }
  return CopyKernel(std::move(copies), element_bytes);
}

KernelOr BuildPack(const Operands& operands) {
  RETURN_IF_ERROR(RequireInputs(operands, 1));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsPackOptions());
  const Shape& input = operands.input_shape(0);
  ASSIGN_OR_RETURN(const int axis,
                   operands.ResolveAxis(options.axis, static_cast<int>(input.size()) + 1));
  Shape output = input;
  output.insert(output.begin() + axis, operands.num_inputs());
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  std::vector<StridedCopy> copies;
  for (int position = 0; position < operands.num_inputs(); ++position) {
    RETURN_IF_ERROR(
        operands.Require(operands.input_shape(position) == input, "inputs of different shapes"));
    StridedCopy copy = {.input = position};
    copy.sizes.assign(input.begin(), input.end());
    copy.from_strides = StridesOf(input);
    copy.to_strides = StridesOf(output);
    copy.to = position * copy.to_strides[axis];
    copy.to_strides.erase(copy.to_strides.begin() + axis);
    copies.push_back(std::move(copy));
  }
  return CopyKernel(std::move(copies), element_bytes);
}

}  // namespace octavo::reference
