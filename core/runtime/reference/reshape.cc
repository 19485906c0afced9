#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"

namespace octavo::reference {

KernelOr BuildReshape(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  RETURN_IF_ERROR(operands.Require(operands.input_size(0) == operands.output_size(0),
                                   "another number of elements"));
  const int64_t bytes = *TensorBytes(operands.input_type(0), operands.input_shape(0));
  return MakeKernel([bytes](Inputs inputs, Outputs outputs) {
    if (bytes > 0) std::memcpy(outputs[0], inputs[0].bytes.data(), bytes);
  });
}

KernelOr BuildShape(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  const Shape& shape = operands.input_shape(0);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, {static_cast<int32_t>(shape.size())}));
  const bool is_wide = operands.output_type(0) == schema::TensorType_INT64;
  RETURN_IF_ERROR(operands.Require(is_wide || operands.output_type(0) == schema::TensorType_INT32,
                                   "the output must be INT32 or INT64"));
  return MakeKernel([shape, is_wide](Inputs, Outputs outputs) {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (is_wide) {
        Out<int64_t>(outputs, 0)[i] = shape[i];
      } else {
        Out<int32_t>(outputs, 0)[i] = shape[i];
      }
    }
  });
}

}  // namespace octavo::reference
