#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"

namespace octavo::reference {
namespace {

// Cut off toward zero; what the type cannot hold goes to its nearest end, NaN to 0. Integers wrap.
template <typename To, typename From>
To Cast(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const double exact = value;
    if (std::isnan(exact)) return 0;
    // The largest 64-bit integer is no double; the next above it is.
    const double above = std::ldexp(1.0, std::numeric_limits<To>::digits);
    if (exact >= above) return std::numeric_limits<To>::max();
    if (exact <= static_cast<double>(std::numeric_limits<To>::lowest())) {
      return std::numeric_limits<To>::lowest();
    }
    return static_cast<To>(exact);
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
KernelOr CastKernel(int64_t size) {
  return MakeKernel([size](Inputs inputs, Outputs outputs) {
    const From* from = In<From>(inputs, 0);
    To* to = Out<To>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) to[i] = Cast<To>(from[i]);
  });
}

template <typename From>
KernelOr CastFrom(const Operands& operands) {
  const int64_t size = operands.output_size(0);
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return CastKernel<From, float>(size);
    case schema::TensorType_FLOAT64:
      return CastKernel<From, double>(size);
    case schema::TensorType_INT8:
      return CastKernel<From, int8_t>(size);
    case schema::TensorType_UINT8:
      return CastKernel<From, uint8_t>(size);
    case schema::TensorType_INT16:
      return CastKernel<From, int16_t>(size);
    case schema::TensorType_INT32:
      return CastKernel<From, int32_t>(size);
    case schema::TensorType_INT64:
      return CastKernel<From, int64_t>(size);
    case schema::TensorType_BOOL:
      return CastKernel<From, bool>(size);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

KernelOr BuildCast(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  RETURN_IF_ERROR(operands.RequireOutputShape(0, operands.input_shape(0)));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return CastFrom<float>(operands);
    case schema::TensorType_FLOAT64:
      return CastFrom<double>(operands);
    case schema::TensorType_INT8:
      return CastFrom<int8_t>(operands);
    case schema::TensorType_UINT8:
    case schema::TensorType_BOOL:
      return CastFrom<uint8_t>(operands);
    case schema::TensorType_INT16:
      return CastFrom<int16_t>(operands);
    case schema::TensorType_INT32:
      return CastFrom<int32_t>(operands);
    case schema::TensorType_INT64:
      return CastFrom<int64_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
