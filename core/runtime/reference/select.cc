#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// SELECT's condition may have but one dimension: the first of the others'.
absl::StatusOr<std::vector<int64_t>> ConditionStrides(const Operands& operands) {
  const Shape& condition = operands.input_shape(0);
  const Shape& output = operands.output_shape(0);
  const bool is_by_row = operands.operator_type() == schema::BuiltinOperator_SELECT &&
                         condition.size() == 1 && output.size() > 1 && condition[0] == output[0];
  if (!is_by_row) return BroadcastStrides(operands, condition);
  std::vector<int64_t> strides(output.size(), 0);
  strides[0] = 1;
  return strides;
}

template <typename T>
KernelOr Build(const Operands& operands) {
  const Shape& output = operands.output_shape(0);
  ASSIGN_OR_RETURN(const std::vector<int64_t> condition, ConditionStrides(operands));
  ASSIGN_OR_RETURN(const std::vector<int64_t> when_true,
                   BroadcastStrides(operands, operands.input_shape(1)));
  ASSIGN_OR_RETURN(const std::vector<int64_t> when_false,
                   BroadcastStrides(operands, operands.input_shape(2)));
  return MakeKernel([=, sizes = std::vector<int64_t>(output.begin(), output.end()),
                     total = operands.output_size(0)](Inputs inputs, Outputs outputs) {
    std::vector<int64_t> place(sizes.size(), 0);
    int64_t offsets[3] = {0, 0, 0};
    const std::vector<int64_t>* strides[3] = {&condition, &when_true, &when_false};
    for (int64_t i = 0; i < total; ++i) {
      const bool is_true = In<uint8_t>(inputs, 0)[offsets[0]] != 0;
      Out<T>(outputs, 0)[i] = is_true ? In<T>(inputs, 1)[offsets[1]] : In<T>(inputs, 2)[offsets[2]];
      for (size_t axis = sizes.size(); axis-- > 0;) {
        const bool wraps = ++place[axis] == sizes[axis];
        for (int operand = 0; operand < 3; ++operand) {
          const int64_t stride = (*strides[operand])[axis];
          offsets[operand] += wraps ? -stride * (sizes[axis] - 1) : stride;
        }
        if (!wraps) break;
        place[axis] = 0;
      }
    }
  });
}

}  // namespace

// Inputs: the condition, what is taken where it holds, what where it does not.
KernelOr BuildSelect(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  RETURN_IF_ERROR(operands.Require(operands.input_type(0) == schema::TensorType_BOOL,
                                   "the condition must be BOOL"));
  RETURN_IF_ERROR(operands.RequireSameType(1, 0));
  RETURN_IF_ERROR(operands.RequireSameType(2, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 1));
  switch (element_bytes) {
    case 1:
      return Build<uint8_t>(operands);
    case 2:
      return Build<uint16_t>(operands);
    case 4:
      return Build<uint32_t>(operands);
    case 8:
      return Build<uint64_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
