#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {

// Input 0 is the shape, input 1 the one value.
KernelOr BuildFill(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(1, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 1));
  RETURN_IF_ERROR(operands.Require(operands.input_size(1) == 1, "one value to fill with"));
  const StridedCopy copy = {
      .input = 1, .sizes = {operands.output_size(0)}, .from_strides = {0}, .to_strides = {1}};
  return CopyKernel({copy}, element_bytes);
}

}  // namespace octavo::reference
