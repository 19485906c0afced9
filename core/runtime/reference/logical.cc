#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/map.h"

namespace octavo::reference {
namespace {

absl::Status RequireBool(const Operands& operands) {
  return operands.Require(operands.output_type(0) == schema::TensorType_BOOL,
                          "no kernel for these types");
}

}  // namespace

// LOGICAL_AND, LOGICAL_OR.
KernelOr BuildLogicalPair(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  RETURN_IF_ERROR(RequireBool(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  if (operands.operator_type() == schema::BuiltinOperator_LOGICAL_AND) {
    return PairKernel<uint8_t>(broadcast, [](uint8_t left, uint8_t right) {
      return static_cast<uint8_t>(left != 0 && right != 0);
    });
  }
  return PairKernel<uint8_t>(broadcast, [](uint8_t left, uint8_t right) {
    return static_cast<uint8_t>(left != 0 || right != 0);
  });
}

KernelOr BuildLogicalNot(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  RETURN_IF_ERROR(RequireBool(operands));
  return MapKernel<uint8_t>(operands,
                            [](uint8_t value) { return static_cast<uint8_t>(value == 0); });
}

}  // namespace octavo::reference
