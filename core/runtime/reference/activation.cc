#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/map.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

// Real range of each rectifier.
FloatRange ReluRange(schema::BuiltinOperator type) {
  switch (type) {
    case schema::BuiltinOperator_RELU6:
      return {0, 6};
    case schema::BuiltinOperator_RELU_N1_TO_1:
      return {-1, 1};
    default:
      return {.min = 0};
  }
}

template <typename T>
KernelOr QuantizedRelu(const Operands& operands, FloatRange reals) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier,
                   MakeMultiplier(operands, scales.input.scale / scales.output.scale));
  CodeRange range = TypeCodes(operands.output_type(0));
  range.min = std::max(range.min, ToCode(reals.min, scales.output));
  if (std::isfinite(reals.max)) range.max = std::min(range.max, ToCode(reals.max, scales.output));
  return MapKernel<T>(operands, [scales, multiplier, range](T code) {
    const int32_t rescaled = Multiply(code - scales.input.zero_point, multiplier);
    return static_cast<T>(Clamp(WrapAdd(rescaled, scales.output.zero_point), range.min, range.max));
  });
}

struct LeakySlopes {
  MapScales scales;
  QuantizedMultiplier identity;
  QuantizedMultiplier slope;
  bool is_slope_negative = false;
};

template <typename T>
KernelOr QuantizedLeakyRelu(const Operands& operands, const LeakySlopes& slopes) {
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MapKernel<T>(operands, [slopes, range](T code) {
    const int32_t value = code - slopes.scales.input.zero_point;
    int32_t result = Multiply(value, value >= 0 ? slopes.identity : slopes.slope);
    if (value < 0 && slopes.is_slope_negative) result = WrapSub(0, result);
    return static_cast<T>(
        Clamp(WrapAdd(result, slopes.scales.output.zero_point), range.min, range.max));
  });
}

template <typename T>
KernelOr QuantizedPrelu(const Operands& operands, const Broadcast& broadcast) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  ASSIGN_OR_RETURN(const TensorScale alpha, operands.input_scale(1));
  ASSIGN_OR_RETURN(const QuantizedMultiplier identity,
                   MakeMultiplier(operands, scales.input.scale / scales.output.scale));
  ASSIGN_OR_RETURN(
      const QuantizedMultiplier slope,
      MakeMultiplier(operands, scales.input.scale * alpha.scale / scales.output.scale));
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MakeKernel([=](Inputs inputs, Outputs outputs) {
    ForEachPair(broadcast, In<T>(inputs, 0), In<int8_t>(inputs, 1), Out<T>(outputs, 0),
                [&](T code, int8_t alpha_code) {
                  const int32_t value = code - scales.input.zero_point;
                  const int32_t result =
                      value >= 0 ? Multiply(value, identity)
                                 : Multiply(value * (alpha_code - alpha.zero_point), slope);
                  return static_cast<T>(
                      Clamp(WrapAdd(result, scales.output.zero_point), range.min, range.max));
                });
  });
}

// 16-bit fixed point, for HARD_SWISH.

int16_t Narrow(int32_t value) { return static_cast<int16_t>(Clamp(value, -32768, 32767)); }

int16_t SaturatingShiftLeft(int16_t value, int bits) {
  if (bits > 16) return value == 0 ? 0 : value > 0 ? 32767 : -32768;
  return static_cast<int16_t>(Clamp<int64_t>(int64_t{value} * (int64_t{1} << bits), -32768, 32767));
}

int16_t RoundingDoublingHighMul16(int16_t a, int16_t b) {
  const int32_t product = int32_t{a} * b;
  const int32_t nudge = product >= 0 ? (1 << 14) : 1 - (1 << 14);
  return Narrow((product + nudge) / (1 << 15));
}

int16_t ToMantissa16(QuantizedMultiplier multiplier) {
  if (multiplier.mantissa >= std::numeric_limits<int32_t>::max() - (1 << 15)) return 32767;
  return static_cast<int16_t>((multiplier.mantissa + (1 << 15)) >> 16);
}

struct HardSwish {
  TensorScale input;
  TensorScale output;
  int16_t output_mantissa;
  int output_shift;
  int16_t relu_mantissa;
  int relu_shift;

  int8_t operator()(int8_t code) const {
    const int16_t value = static_cast<int16_t>((code - input.zero_point) * 128);
    const int16_t on_output_scale = RoundingDoublingHighMul16(value, output_mantissa);
    // x / 3 in [-1, 1], saturating; the last bit of a left shift after the multiplication.
    int16_t gate = value;
    if (relu_shift > 0) gate = SaturatingShiftLeft(gate, relu_shift - 1);
    gate = RoundingDoublingHighMul16(gate, relu_mantissa);
    if (relu_shift > 0) gate = SaturatingShiftLeft(gate, 1);
    if (relu_shift < 0) {
      gate = static_cast<int16_t>(RoundingDivideByPowerOfTwo(gate, -relu_shift));
    }
    // To [0, 1]; this product is cut off, not rounded, which cancels the bias of the roundings
    // before.
    gate = static_cast<int16_t>((gate + (1 << 15)) >> 1);
    const int16_t product = Narrow(int32_t{gate} * on_output_scale / (1 << 15));
    const int32_t rescaled = RoundingDivideByPowerOfTwo(product, -output_shift);
    return static_cast<int8_t>(Clamp(rescaled + output.zero_point, -128, 127));
  }
};

absl::StatusOr<HardSwish> MakeHardSwish(const Operands& operands) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const float fine_scale = 1.0f / 128.0f * scales.input.scale;
  ASSIGN_OR_RETURN(const QuantizedMultiplier output,
                   MakeMultiplier(operands, fine_scale / scales.output.scale));
  ASSIGN_OR_RETURN(const QuantizedMultiplier relu,
                   MakeMultiplier(operands, fine_scale / (3.0f / 32768.0f)));
  RETURN_IF_ERROR(operands.Require(output.shift <= 0, "the output's scale is too fine"));
  return HardSwish{scales.input, scales.output,      ToMantissa16(output),
                   output.shift, ToMantissa16(relu), relu.shift};
}

}  // namespace

KernelOr BuildRelu(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  const FloatRange range = ReluRange(operands.operator_type());
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return MapKernel<float>(operands,
                              [range](float x) { return Clamp(x, range.min, range.max); });
    case schema::TensorType_INT8:
      return QuantizedRelu<int8_t>(operands, range);
    case schema::TensorType_INT16:
      return QuantizedRelu<int16_t>(operands, range);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildLeakyRelu(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  const auto options = OptionsOr(operands.op().builtin_options.AsLeakyReluOptions());
  if (operands.input_type(0) == schema::TensorType_FLOAT32) {
    return MapKernel<float>(operands,
                            [alpha = options.alpha](float x) { return x > 0 ? x : x * alpha; });
  }
  LeakySlopes slopes;
  ASSIGN_OR_RETURN(slopes.scales, MakeMapScales(operands));
  const MapScales& scales = slopes.scales;
  slopes.is_slope_negative = options.alpha < 0;
  const float slope = scales.input.scale * options.alpha / scales.output.scale;
  ASSIGN_OR_RETURN(slopes.slope, MakeMultiplier(operands, std::abs(slope)));
  ASSIGN_OR_RETURN(slopes.identity,
                   MakeMultiplier(operands, scales.input.scale / scales.output.scale));
  switch (operands.input_type(0)) {
    case schema::TensorType_INT8:
      return QuantizedLeakyRelu<int8_t>(operands, slopes);
    case schema::TensorType_INT16:
      return QuantizedLeakyRelu<int16_t>(operands, slopes);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildPrelu(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  RETURN_IF_ERROR(operands.RequireOutputShape(0, operands.input_shape(0)));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  if (operands.input_type(0) == schema::TensorType_FLOAT32 &&
      operands.input_type(1) == schema::TensorType_FLOAT32) {
    return MakeKernel([broadcast](Inputs inputs, Outputs outputs) {
      ForEachPair(broadcast, In<float>(inputs, 0), In<float>(inputs, 1), Out<float>(outputs, 0),
                  [](float x, float alpha) { return x >= 0 ? x : x * alpha; });
    });
  }
  RETURN_IF_ERROR(operands.Require(operands.input_type(1) == schema::TensorType_INT8,
                                   "the slopes must be INT8"));
  switch (operands.input_type(0)) {
    case schema::TensorType_INT8:
      return QuantizedPrelu<int8_t>(operands, broadcast);
    case schema::TensorType_INT16:
      return QuantizedPrelu<int16_t>(operands, broadcast);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildHardSwish(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return MapKernel<float>(operands,
                              [](float x) { return x * Clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; });
    case schema::TensorType_INT8: {
      ASSIGN_OR_RETURN(const HardSwish hard_swish, MakeHardSwish(operands));
      return MapKernel<int8_t>(operands, hard_swish);
    }
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
