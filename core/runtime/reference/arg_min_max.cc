#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"

namespace octavo::reference {
namespace {

// The axis with what lies before and behind it.
struct Line {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t inner = 1;
};

// The place of the first of the best.
template <typename T, typename Index, typename Better>
KernelOr Best(const Line& line, Better better) {
  return MakeKernel([line, better](Inputs inputs, Outputs outputs) {
    Index* places = Out<Index>(outputs, 0);
    for (int64_t outer = 0; outer < line.outer; ++outer) {
      const T* values = In<T>(inputs, 0) + outer * line.size * line.inner;
      for (int64_t inner = 0; inner < line.inner; ++inner) {
        int64_t best = 0;
        for (int64_t i = 1; i < line.size; ++i) {
          if (better(values[i * line.inner + inner], values[best * line.inner + inner])) best = i;
        }
        *places++ = static_cast<Index>(best);
      }
    }
  });
}

template <typename T>
KernelOr BestOf(const Operands& operands, const Line& line) {
  const bool is_max = operands.operator_type() == schema::BuiltinOperator_ARG_MAX;
  if (operands.output_type(0) == schema::TensorType_INT32) {
    return is_max ? Best<T, int32_t>(line, std::greater<T>())
                  : Best<T, int32_t>(line, std::less<T>());
  }
  return is_max ? Best<T, int64_t>(line, std::greater<T>())
                : Best<T, int64_t>(line, std::less<T>());
}

}  // namespace

KernelOr BuildArgMinMax(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.Require(operands.output_type(0) == schema::TensorType_INT32 ||
                                       operands.output_type(0) == schema::TensorType_INT64,
                                   "the output must be INT32 or INT64"));
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, operands.ConstantIntegers(1));
  RETURN_IF_ERROR(operands.Require(axes.size() == 1, "one axis"));
  const Shape& input = operands.input_shape(0);
  ASSIGN_OR_RETURN(const int axis, operands.ResolveAxis(axes[0], static_cast<int>(input.size())));
  Shape output = input;
  output.erase(output.begin() + axis);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  Line line;
  line.size = input[axis];
  RETURN_IF_ERROR(operands.Require(line.size > 0, "an empty axis"));
  for (int i = 0; i < axis; ++i) line.outer *= input[i];
  for (size_t i = axis + 1; i < input.size(); ++i) line.inner *= input[i];
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return BestOf<float>(operands, line);
    case schema::TensorType_INT8:
      return BestOf<int8_t>(operands, line);
    case schema::TensorType_UINT8:
      return BestOf<uint8_t>(operands, line);
    case schema::TensorType_INT16:
      return BestOf<int16_t>(operands, line);
    case schema::TensorType_INT32:
      return BestOf<int32_t>(operands, line);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
