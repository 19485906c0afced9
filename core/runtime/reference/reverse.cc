#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {

KernelOr BuildReverse(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, operands.ConstantIntegers(1));
  const Shape& shape = operands.input_shape(0);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, shape));
  StridedCopy copy;
  copy.sizes.assign(shape.begin(), shape.end());
  copy.from_strides = StridesOf(shape);
  copy.to_strides = copy.from_strides;
  for (const int64_t value : axes) {
    ASSIGN_OR_RETURN(const int axis, operands.ResolveAxis(value, static_cast<int>(shape.size())));
    RETURN_IF_ERROR(
        operands.Require(copy.from_strides[axis] == copy.to_strides[axis], "an axis named twice"));
    copy.from += (shape[axis] - 1) * copy.from_strides[axis];
    copy.from_strides[axis] = -copy.from_strides[axis];
  }
  return CopyKernel({copy}, element_bytes);
}

}  // namespace octavo::reference
