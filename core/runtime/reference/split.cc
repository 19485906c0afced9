#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// Input `position` cut along `axis` into pieces as large as the outputs.
KernelOr Cut(const Operands& operands, int position, int64_t axis_value) {
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, position));
  const Shape& input = operands.input_shape(position);
  ASSIGN_OR_RETURN(const int axis,
                   operands.ResolveAxis(axis_value, static_cast<int>(input.size())));
  std::vector<StridedCopy> copies;
  int64_t along = 0;
  for (int output = 0; output < operands.num_outputs(); ++output) {
    RETURN_IF_ERROR(operands.RequireSameType(position, output));
    const Shape& shape = operands.output_shape(output);
    RETURN_IF_ERROR(operands.Require(shape.size() == input.size(), "outputs of another rank"));
    Shape expected = input;
    expected[axis] = shape[axis];
    RETURN_IF_ERROR(operands.RequireOutputShape(output, expected));
    StridedCopy copy = {.input = position, .output = output};
    copy.sizes.assign(shape.begin(), shape.end());
    copy.from_strides = StridesOf(input);
    copy.from = along * copy.from_strides[axis];
    copy.to_strides = StridesOf(shape);
    along += shape[axis];
    copies.push_back(std::move(copy));
  }
  RETURN_IF_ERROR(operands.Require(along == input[axis], "the pieces do not fill the axis"));
  return CopyKernel(std::move(copies), element_bytes);
}

absl::StatusOr<int64_t> OneInteger(const Operands& operands, int position) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, operands.ConstantIntegers(position));
  RETURN_IF_ERROR(operands.Require(values.size() == 1, "one axis"));
  return values[0];
}

}  // namespace

KernelOr BuildSplit(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2, operands.num_outputs()));
  ASSIGN_OR_RETURN(const int64_t axis, OneInteger(operands, 0));
  for (int output = 1; output < operands.num_outputs(); ++output) {
    RETURN_IF_ERROR(operands.RequireOutputShape(output, operands.output_shape(0)));
  }
  return Cut(operands, 1, axis);
}

KernelOr BuildSplitV(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3, operands.num_outputs()));
  // The sizes are those of the outputs.
  ASSIGN_OR_RETURN(const int64_t axis, OneInteger(operands, 2));
  return Cut(operands, 0, axis);
}

KernelOr BuildUnpack(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1, operands.num_outputs()));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsUnpackOptions());
  const Shape& input = operands.input_shape(0);
  ASSIGN_OR_RETURN(const int axis,
                   operands.ResolveAxis(options.axis, static_cast<int>(input.size())));
  RETURN_IF_ERROR(operands.Require(input[axis] == operands.num_outputs(),
                                   "as many outputs as the axis is long"));
  Shape expected = input;
  expected.erase(expected.begin() + axis);
  std::vector<StridedCopy> copies;
  for (int output = 0; output < operands.num_outputs(); ++output) {
    RETURN_IF_ERROR(operands.RequireSameType(0, output));
    RETURN_IF_ERROR(operands.RequireOutputShape(output, expected));
    StridedCopy copy = {.output = output};
    copy.sizes.assign(expected.begin(), expected.end());
    copy.from_strides = StridesOf(input);
    copy.from = output * copy.from_strides[axis];
    copy.from_strides.erase(copy.from_strides.begin() + axis);
    copy.to_strides = StridesOf(expected);
    copies.push_back(std::move(copy));
  }
  return CopyKernel(std::move(copies), element_bytes);
}

}  // namespace octavo::reference
