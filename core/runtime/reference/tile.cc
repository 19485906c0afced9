#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {

KernelOr BuildTile(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> times, operands.ConstantIntegers(1));
  const Shape& input = operands.input_shape(0);
  RETURN_IF_ERROR(operands.Require(times.size() == input.size(), "a count for each dimension"));
  Shape output(input.size());
  for (size_t axis = 0; axis < input.size(); ++axis) {
    RETURN_IF_ERROR(operands.Require(
        times[axis] >= 0 && times[axis] <= INT32_MAX && times[axis] * input[axis] <= INT32_MAX,
        "a count out of range"));
    output[axis] = static_cast<int32_t>(times[axis] * input[axis]);
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  // Each dimension becomes two: the repetitions, which do not move in the input, and the input's
  // own.
  const std::vector<int64_t> from_strides = StridesOf(input);
  const std::vector<int64_t> to_strides = StridesOf(output);
  StridedCopy copy;
  for (size_t axis = 0; axis < input.size(); ++axis) {
    copy.sizes.insert(copy.sizes.end(), {times[axis], input[axis]});
    copy.from_strides.insert(copy.from_strides.end(), {0, from_strides[axis]});
    copy.to_strides.insert(copy.to_strides.end(),
                           {to_strides[axis] * input[axis], to_strides[axis]});
  }
  return CopyKernel({copy}, element_bytes);
}

KernelOr BuildBroadcastTo(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const Shape& output = operands.output_shape(0);
  StridedCopy copy;
  copy.sizes.assign(output.begin(), output.end());
  copy.to_strides = StridesOf(output);
  ASSIGN_OR_RETURN(copy.from_strides, BroadcastStrides(operands, operands.input_shape(0)));
  return CopyKernel({copy}, element_bytes);
}

}  // namespace octavo::reference
