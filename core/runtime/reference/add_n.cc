#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"

namespace octavo::reference {
namespace {

template <typename T, typename Add>
std::unique_ptr<Kernel> SumKernel(int64_t size, Add add) {
  return MakeKernel([size, add](Inputs inputs, Outputs outputs) {
    T* sums = Out<T>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) {
      T sum{};
      for (size_t input = 0; input < inputs.size(); ++input) {
        sum = add(sum, In<T>(inputs, static_cast<int>(input))[i]);
      }
      sums[i] = sum;
    }
  });
}

}  // namespace

KernelOr BuildAddN(const Operands& operands) {
  const int count = operands.num_inputs();
  RETURN_IF_ERROR(operands.Require(count > 0, "no inputs"));
  RETURN_IF_ERROR(operands.RequireCounts(count, count));
  for (int position = 0; position < count; ++position) {
    RETURN_IF_ERROR(operands.RequireSameType(position, 0));
    RETURN_IF_ERROR(operands.RequireOutputShape(0, operands.input_shape(position)));
  }
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return SumKernel<float>(operands.output_size(0), [](float a, float b) { return a + b; });
    case schema::TensorType_INT32:
      return SumKernel<int32_t>(operands.output_size(0),
                                [](int32_t a, int32_t b) { return WrapAdd(a, b); });
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
