#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {

KernelOr BuildTranspose(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> order, operands.ConstantIntegers(1));
  const Shape& input = operands.input_shape(0);
  const int rank = static_cast<int>(input.size());
  RETURN_IF_ERROR(
      operands.Require(static_cast<int>(order.size()) == rank, "one place for each dimension"));
  const std::vector<int64_t> strides = StridesOf(input);
  std::vector<bool> is_used(rank, false);
  Shape output(rank);
  StridedCopy copy;
  for (int axis = 0; axis < rank; ++axis) {
    ASSIGN_OR_RETURN(const int source, operands.ResolveAxis(order[axis], rank));
    RETURN_IF_ERROR(operands.Require(!is_used[source], "a dimension is named twice"));
    is_used[source] = true;
    output[axis] = input[source];
    copy.from_strides.push_back(strides[source]);
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  copy.sizes.assign(output.begin(), output.end());
  copy.to_strides = StridesOf(output);
  return CopyKernel({copy}, element_bytes);
}

}  // namespace octavo::reference
