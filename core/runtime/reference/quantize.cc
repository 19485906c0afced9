#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/half_float.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

// scale_of[i / inner % scales]: which scale an element has.
struct ScaleOfElement {
  std::vector<TensorScale> scales;
  int64_t inner = 1;

  const TensorScale& At(int64_t i) const {
    return scales.size() == 1 ? scales[0] : scales[i / inner % scales.size()];
  }
};

absl::StatusOr<ScaleOfElement> MakeScales(const Operands& operands, bool of_output) {
  ASSIGN_OR_RETURN(Operands::AxisScales axis, operands.axis_scales(of_output, 0));
  const Shape& shape = of_output ? operands.output_shape(0) : operands.input_shape(0);
  ScaleOfElement result{std::move(axis.scales), 1};
  for (size_t i = axis.dimension + 1; i < shape.size(); ++i) result.inner *= shape[i];
  return result;
}

template <typename To>
KernelOr FromFloat(const Operands& operands) {
  ASSIGN_OR_RETURN(const ScaleOfElement scales, MakeScales(operands, /*of_output=*/true));
  for (const TensorScale& scale : scales.scales) {
    RETURN_IF_ERROR(operands.Require(scale.scale > 0, "a scale of 0"));
  }
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MakeKernel(
      [scales, range, size = operands.output_size(0)](Inputs inputs, Outputs outputs) {
        const float* values = In<float>(inputs, 0);
        To* codes = Out<To>(outputs, 0);
        for (int64_t i = 0; i < size; ++i) {
          codes[i] = static_cast<To>(Clamp(ToCode(values[i], scales.At(i)), range.min, range.max));
        }
      });
}

template <typename From, typename To>
KernelOr Requantize(const Operands& operands) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier,
                   MakeMultiplier(operands, double{input.scale} / double{output.scale}));
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MakeKernel([input, output, multiplier, range, size = operands.output_size(0)](
                        Inputs inputs, Outputs outputs) {
    const From* from = In<From>(inputs, 0);
    To* to = Out<To>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) {
      const int32_t code = Multiply(from[i] - input.zero_point, multiplier);
      to[i] = static_cast<To>(Clamp(WrapAdd(code, output.zero_point), range.min, range.max));
    }
  });
}

template <typename From>
KernelOr QuantizeFrom(const Operands& operands) {
  switch (operands.output_type(0)) {
    case schema::TensorType_INT8:
      return Requantize<From, int8_t>(operands);
    case schema::TensorType_UINT8:
      return Requantize<From, uint8_t>(operands);
    case schema::TensorType_INT16:
      return Requantize<From, int16_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr QuantizeFloat(const Operands& operands) {
  switch (operands.output_type(0)) {
    case schema::TensorType_INT8:
      return FromFloat<int8_t>(operands);
    case schema::TensorType_UINT8:
      return FromFloat<uint8_t>(operands);
    case schema::TensorType_INT16:
      return FromFloat<int16_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

template <typename From>
KernelOr ToFloat(const Operands& operands) {
  ASSIGN_OR_RETURN(const ScaleOfElement scales, MakeScales(operands, /*of_output=*/false));
  return MakeKernel([scales, size = operands.output_size(0)](Inputs inputs, Outputs outputs) {
    const From* codes = In<From>(inputs, 0);
    float* values = Out<float>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) {
      const TensorScale& scale = scales.At(i);
      values[i] = static_cast<float>(double{scale.scale} * (int64_t{codes[i]} - scale.zero_point));
    }
  });
}

KernelOr WidenHalf(const Operands& operands) {
  return MakeKernel([size = operands.output_size(0)](Inputs inputs, Outputs outputs) {
    const uint16_t* halves = In<uint16_t>(inputs, 0);
    float* values = Out<float>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) values[i] = HalfToFloat(halves[i]);
  });
}

// Two codes a byte, the first in the low bits.
KernelOr WidenInt4(const Operands& operands) {
  ASSIGN_OR_RETURN(const ScaleOfElement scales, MakeScales(operands, /*of_output=*/false));
  return MakeKernel([scales, size = operands.output_size(0)](Inputs inputs, Outputs outputs) {
    const uint8_t* bytes = In<uint8_t>(inputs, 0);
    float* values = Out<float>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) {
      const int bits = i % 2 == 0 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4;
      const int code = bits >= 8 ? bits - 16 : bits;
      const TensorScale& scale = scales.At(i);
      values[i] = static_cast<float>(double{scale.scale} * (code - scale.zero_point));
    }
  });
}

}  // namespace

KernelOr BuildQuantize(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  RETURN_IF_ERROR(operands.RequireOutputShape(0, operands.input_shape(0)));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return QuantizeFloat(operands);
    case schema::TensorType_INT8:
      return QuantizeFrom<int8_t>(operands);
    case schema::TensorType_UINT8:
      return QuantizeFrom<uint8_t>(operands);
    case schema::TensorType_INT16:
      return QuantizeFrom<int16_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildDequantize(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  RETURN_IF_ERROR(operands.RequireOutputShape(0, operands.input_shape(0)));
  RETURN_IF_ERROR(operands.Require(operands.output_type(0) == schema::TensorType_FLOAT32,
                                   "the output must be FLOAT32"));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT16:
      return WidenHalf(operands);
    case schema::TensorType_INT4:
      return WidenInt4(operands);
    case schema::TensorType_INT8:
      return ToFloat<int8_t>(operands);
    case schema::TensorType_UINT8:
      return ToFloat<uint8_t>(operands);
    case schema::TensorType_INT16:
      return ToFloat<int16_t>(operands);
    case schema::TensorType_INT32:
      return ToFloat<int32_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
