#include <cmath>
#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"

namespace octavo::reference {
namespace {

// By squaring, cut off toward zero; it wraps.
int32_t IntegerPower(int32_t base, int32_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  int32_t power = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1) power = WrapMul(power, base);
    base = WrapMul(base, base);
    exponent /= 2;
  }
  return power;
}

}  // namespace

KernelOr BuildPower(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return PairKernel<float>(broadcast,
                               [](float base, float exponent) { return std::pow(base, exponent); });
    case schema::TensorType_INT32:
      return PairKernel<int32_t>(broadcast, IntegerPower);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
