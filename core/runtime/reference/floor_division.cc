#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"

namespace octavo::reference {
namespace {

// Toward minus infinity; x / 0 is taken as 0.
template <typename T>
T FloorQuotient(T left, T right) {
  if (right == 0) return 0;
  if (right == -1) return WrapSub<T>(0, left);
  const T quotient = left / right;
  return static_cast<T>((left % right != 0 && (left < 0) != (right < 0)) ? quotient - 1 : quotient);
}

// Of the sign of the divisor; x mod 0 is taken as 0.
template <typename T>
T FloorRemainder(T left, T right) {
  if (right == 0 || right == -1) return 0;
  const T remainder = left % right;
  return static_cast<T>((remainder != 0 && (remainder < 0) != (right < 0)) ? remainder + right
                                                                           : remainder);
}

float FloorQuotient(float left, float right) { return std::floor(left / right); }

float FloorRemainder(float left, float right) {
  const float remainder = std::fmod(left, right);
  return (remainder != 0 && (remainder < 0) != (right < 0)) ? remainder + right : remainder;
}

template <typename T>
KernelOr Build(const Operands& operands, const Broadcast& broadcast) {
  if (operands.operator_type() == schema::BuiltinOperator_FLOOR_DIV) {
    return PairKernel<T>(broadcast, [](T left, T right) { return FloorQuotient(left, right); });
  }
  return PairKernel<T>(broadcast, [](T left, T right) { return FloorRemainder(left, right); });
}

}  // namespace

// FLOOR_DIV, FLOOR_MOD.
KernelOr BuildFloorDivision(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return Build<float>(operands, broadcast);
    case schema::TensorType_INT32:
      return Build<int32_t>(operands, broadcast);
    case schema::TensorType_INT64:
      return Build<int64_t>(operands, broadcast);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
