#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"

namespace octavo::reference {
namespace {

// Codes are brought to a common scale by their own scales, with 8 more bits.
struct ComparableCodes {
  TensorScale scale;
  QuantizedMultiplier multiplier;

  int32_t operator()(int32_t code) const {
    return Multiply(WrapShiftLeft(code - scale.zero_point, 8), multiplier);
  }
};

absl::StatusOr<ComparableCodes> MakeComparable(const Operands& operands, int position) {
  ASSIGN_OR_RETURN(const TensorScale scale, operands.input_scale(position));
  RETURN_IF_ERROR(operands.Require(CanMultiply(scale.scale), "a scale too large to compare by"));
  return ComparableCodes{scale, ToMultiplier(scale.scale)};
}

template <typename T, typename Compare>
KernelOr Plain(const Broadcast& broadcast, Compare compare) {
  return MakeKernel([broadcast, compare](Inputs inputs, Outputs outputs) {
    ForEachPair(broadcast, In<T>(inputs, 0), In<T>(inputs, 1), Out<bool>(outputs, 0),
                [compare](T left, T right) { return compare(left, right); });
  });
}

template <typename T, typename Compare>
KernelOr Quantized(const Operands& operands, const Broadcast& broadcast, Compare compare) {
  ASSIGN_OR_RETURN(const ComparableCodes left, MakeComparable(operands, 0));
  ASSIGN_OR_RETURN(const ComparableCodes right, MakeComparable(operands, 1));
  return MakeKernel([broadcast, compare, left, right](Inputs inputs, Outputs outputs) {
    ForEachPair(broadcast, In<T>(inputs, 0), In<T>(inputs, 1), Out<bool>(outputs, 0),
                [&](T a, T b) { return compare(left(a), right(b)); });
  });
}

template <typename Compare>
KernelOr Build(const Operands& operands, const Broadcast& broadcast, Compare compare) {
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return Plain<float>(broadcast, compare);
    case schema::TensorType_INT32:
      return Plain<int32_t>(broadcast, compare);
    case schema::TensorType_INT64:
      return Plain<int64_t>(broadcast, compare);
    case schema::TensorType_BOOL:
      return Plain<uint8_t>(broadcast, compare);
    case schema::TensorType_INT8:
      return Quantized<int8_t>(operands, broadcast, compare);
    case schema::TensorType_UINT8:
      return Quantized<uint8_t>(operands, broadcast, compare);
    case schema::TensorType_INT16:
      return Quantized<int16_t>(operands, broadcast, compare);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

KernelOr BuildComparison(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.Require(operands.input_type(0) == operands.input_type(1) &&
                                       operands.output_type(0) == schema::TensorType_BOOL,
                                   "two inputs of one type give BOOL"));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_EQUAL:
      return Build(operands, broadcast, std::equal_to<>());
    case schema::BuiltinOperator_NOT_EQUAL:
      return Build(operands, broadcast, std::not_equal_to<>());
    case schema::BuiltinOperator_LESS:
      return Build(operands, broadcast, std::less<>());
    case schema::BuiltinOperator_LESS_EQUAL:
      return Build(operands, broadcast, std::less_equal<>());
    case schema::BuiltinOperator_GREATER:
      return Build(operands, broadcast, std::greater<>());
    case schema::BuiltinOperator_GREATER_EQUAL:
      return Build(operands, broadcast, std::greater_equal<>());
    default:
      return operands.Unsupported("no comparison");
  }
}

}  // namespace octavo::reference
