#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

template <typename Index>
std::unique_ptr<Kernel> UpdateKernel(const StridedCopy& whole, const StridedCopy& update,
                                     const std::vector<int64_t>& last_starts, int element_bytes) {
  return MakeKernel([=](Inputs inputs, Outputs outputs) {
    RunCopy(whole, element_bytes, In<uint8_t>(inputs, 0), outputs[0]);
    StridedCopy placed = update;
    for (size_t axis = 0; axis < last_starts.size(); ++axis) {
      // A start that leaves no room is moved until the update fits.
      const int64_t start = std::clamp<int64_t>(In<Index>(inputs, 2)[axis], 0, last_starts[axis]);
      placed.to += start * update.to_strides[axis];
    }
    RunCopy(placed, element_bytes, In<uint8_t>(inputs, 1), outputs[0]);
  });
}

}  // namespace

// Inputs: the tensor, what replaces a part of it, where that begins.
KernelOr BuildDynamicUpdateSlice(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  RETURN_IF_ERROR(operands.RequireSameType(1, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const Shape& whole = operands.input_shape(0);
  const Shape& part = operands.input_shape(1);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, whole));
  RETURN_IF_ERROR(operands.Require(
      part.size() == whole.size() && operands.input_size(2) == static_cast<int64_t>(whole.size()),
      "an update and a start for each dimension"));
  std::vector<int64_t> last_starts;
  for (size_t axis = 0; axis < whole.size(); ++axis) {
    RETURN_IF_ERROR(operands.Require(part[axis] <= whole[axis], "an update that is too large"));
    last_starts.push_back(whole[axis] - part[axis]);
  }
  StridedCopy copy;
  copy.sizes.assign(whole.begin(), whole.end());
  copy.from_strides = StridesOf(whole);
  copy.to_strides = StridesOf(whole);
  StridedCopy update;
  update.sizes.assign(part.begin(), part.end());
  update.from_strides = StridesOf(part);
  update.to_strides = StridesOf(whole);
  switch (operands.input_type(2)) {
    case schema::TensorType_INT32:
      return UpdateKernel<int32_t>(copy, update, last_starts, element_bytes);
    case schema::TensorType_INT64:
      return UpdateKernel<int64_t>(copy, update, last_starts, element_bytes);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
