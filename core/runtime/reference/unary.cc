// Functions of one value: by a table for quantized types, where the format does so.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/lookup_table.h"
#include "core/runtime/reference/map.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

using Function = float (*)(float);

float Logistic(float x) { return 1.0f / (1.0f + std::exp(-x)); }
float Elu(float x) { return x < 0.0f ? std::expm1(x) : x; }
float Square(float x) { return x * x; }
float InverseRoot(float x) { return 1.0f / std::sqrt(x); }
float Negate(float x) { return -x; }
float Gelu(float x) { return 0.5f * x * std::erfc(x * -0.70710678118654752440f); }
float GeluByTanh(float x) {
  return 0.5f * x * (1.0f + std::tanh(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
}

template <typename F>
KernelOr Int8ByTable(const Operands& operands, const F& f) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const Int8Table table(scales.input, scales.output, f);
  return MapKernel<int8_t>(operands, [table](int8_t code) { return table[code]; });
}

template <typename F>
KernelOr Int16ByTable(const Operands& operands, const F& f) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const Int16Table table =
      Int16Table::Make<float>(scales.input.scale, 0, scales.output.scale, 0, f);
  return MapKernel<int16_t>(operands, [table](int16_t code) { return table[code]; });
}

// LOGISTIC and TANH of int16: one table of the logistic function at k/24, and straight lines
// between.

// Sixteen-bit samples, each lifted by half of what a straight line loses in its middle.
std::array<uint16_t, 256> MakeSigmoidTable() {
  std::array<uint16_t, 256> table;
  constexpr double kStep = 1.0 / 24.0;
  for (int i = 0; i < 256; ++i) {
    const double s = 1.0 / (1.0 + std::exp(-i * kStep));
    const double curvature = s * (1 - s) * (1 - 2 * s);
    table[i] = static_cast<uint16_t>(std::round(65536.0 * (s - curvature * kStep * kStep / 16)));
  }
  table[255] = 65535;
  return table;
}

struct SigmoidInput {
  int32_t multiplier = 0;
  int shift = 0;

  // The code at the scale 1 / (3 * 4096).
  int32_t operator()(int16_t code) const {
    const int32_t half = shift > 0 ? 1 << (shift - 1) : 0;
    return WrapAdd(WrapMul<int32_t>(code, multiplier), half) >> shift;
  }
};

// `most_doublings`: how much finer than 2^-12 a power of two may be to be taken as one.
absl::StatusOr<SigmoidInput> MakeSigmoidInput(const Operands& operands, int most_doublings) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  RETURN_IF_ERROR(operands.Require(scales.output.scale == 1.0f / 32768.0f,
                                   "the output's scale must be 1/32768"));
  const float log2 = std::log(scales.input.scale) * (1.0f / std::log(2.0f));
  const int doublings = 12 + static_cast<int>(std::round(log2));
  if (std::abs(log2 - std::round(log2)) < 1e-3f && doublings >= 0 && doublings <= most_doublings) {
    return SigmoidInput{3 << doublings, 0};
  }
  double multiplier = scales.input.scale * 4096.0 * 3.0;
  RETURN_IF_ERROR(operands.Require(multiplier < 32768.0, "the input's scale is too large"));
  SigmoidInput input;
  while (multiplier <= 32767.0 / 2.0 && input.shift <= 30) {
    ++input.shift;
    multiplier *= 2.0;
  }
  input.multiplier = static_cast<int32_t>(multiplier);
  return input;
}

// The table at `magnitude`, with `bits` bits between samples, as 16.bits fixed point.
uint32_t Interpolate(const std::array<uint16_t, 256>& table, uint32_t magnitude, int bits,
                     uint32_t saturated) {
  const uint32_t index = magnitude >> bits;
  if (index >= 255) return saturated;
  const uint32_t here = table[index];
  const uint32_t rest = magnitude & ((1u << bits) - 1);
  return (here << bits) + rest * (table[index + 1] - here);
}

uint32_t Magnitude(int32_t value) {
  return value < 0 ? 0u - static_cast<uint32_t>(value) : static_cast<uint32_t>(value);
}

KernelOr Int16Logistic(const Operands& operands) {
  ASSIGN_OR_RETURN(const SigmoidInput input, MakeSigmoidInput(operands, 0));
  return MapKernel<int16_t>(operands, [input, table = MakeSigmoidTable()](int16_t code) {
    const int32_t x = input(code);
    const uint32_t y = Interpolate(table, Magnitude(x), 9, 0x7fffu << 10);
    const uint32_t half = 1u << 9;
    const uint32_t result = x >= 0 ? y + half : (1u << 25) - y + half - 1;
    return static_cast<int16_t>(result >> 10);
  });
}

KernelOr Int16Tanh(const Operands& operands) {
  ASSIGN_OR_RETURN(const SigmoidInput input, MakeSigmoidInput(operands, 1));
  return MapKernel<int16_t>(operands, [input, table = MakeSigmoidTable()](int16_t code) {
    const int32_t x = input(code);
    const int32_t y = static_cast<int32_t>(Interpolate(table, Magnitude(x), 8, 0xffffu << 8));
    // tanh(x) = 2 sigmoid(2x) - 1
    const int32_t one = 1 << 23;
    const int32_t half = 1 << 7;
    const int32_t result = x >= 0 ? y - one + half : one - y + half - 1;
    return static_cast<int16_t>(result >> 8);
  });
}

template <typename T>
KernelOr QuantizedAbs(const Operands& operands) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const bool is_rescaled = scales.input.scale != scales.output.scale;
  const float factor = scales.input.scale / scales.output.scale;
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier, MakeMultiplier(operands, factor));
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MapKernel<T>(operands, [=](T code) {
    const int32_t value = std::abs(code - scales.input.zero_point);
    const int32_t rescaled = is_rescaled ? Multiply(value, multiplier) : value;
    return static_cast<T>(Clamp(WrapAdd(rescaled, scales.output.zero_point), range.min, range.max));
  });
}

// The format cuts the quotient off, toward zero. Below zero there is no root; it is taken as 0.
template <typename T>
KernelOr QuantizedSqrt(const Operands& operands) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MapKernel<T>(operands, [=](T code) {
    const float x = scales.input.scale * static_cast<float>(code - scales.input.zero_point);
    const float root = x > 0 ? std::sqrt(x) / scales.output.scale : 0.0f;
    const float limited = root < 65536.0f ? root : 65536.0f;
    return static_cast<T>(
        Clamp(static_cast<int32_t>(limited) + scales.output.zero_point, range.min, range.max));
  });
}

// Below or at zero: the largest code.
KernelOr Int8InverseRoot(const Operands& operands) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const double factor = 1.0 / (std::sqrt(scales.input.scale) * scales.output.scale);
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier, MakeMultiplier(operands, factor));
  return MapKernel<int8_t>(operands, [=](int8_t code) -> int8_t {
    const int32_t value = code - scales.input.zero_point;
    if (value <= 0) return 127;
    constexpr int kExtraBits = 20;
    QuantizedMultiplier root = InverseSqrt(value);
    root.shift += kExtraBits;
    QuantizedMultiplier rest = multiplier;
    rest.shift -= kExtraBits;
    const int32_t result = Multiply(Multiply(1, root), rest);
    return static_cast<int8_t>(Clamp(WrapAdd(result, scales.output.zero_point), -128, 127));
  });
}

KernelOr Int16InverseRoot(const Operands& operands) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const float most = 32767.0f * scales.output.scale;
  return Int16ByTable(operands, [most](float x) { return x <= 0.0f ? most : InverseRoot(x); });
}

template <int kLeast>
KernelOr QuantizedLog(const Operands& operands, bool is_int8) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  const float least = static_cast<float>(kLeast - scales.output.zero_point) * scales.output.scale;
  const auto log = [least](float x) { return x <= 0.0f ? least : std::log(x); };
  return is_int8 ? Int8ByTable(operands, log) : Int16ByTable(operands, log);
}

Function FunctionOf(const Operands& operands) {
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_LOGISTIC:
      return Logistic;
    case schema::BuiltinOperator_TANH:
      return [](float x) { return std::tanh(x); };
    case schema::BuiltinOperator_ELU:
      return Elu;
    case schema::BuiltinOperator_EXP:
      return [](float x) { return std::exp(x); };
    case schema::BuiltinOperator_LOG:
      return [](float x) { return std::log(x); };
    case schema::BuiltinOperator_SQRT:
      return [](float x) { return std::sqrt(x); };
    case schema::BuiltinOperator_RSQRT:
      return InverseRoot;
    case schema::BuiltinOperator_SQUARE:
      return Square;
    case schema::BuiltinOperator_ABS:
      return [](float x) { return std::abs(x); };
    case schema::BuiltinOperator_NEG:
      return Negate;
    case schema::BuiltinOperator_FLOOR:
      return [](float x) { return std::floor(x); };
    case schema::BuiltinOperator_CEIL:
      return [](float x) { return std::ceil(x); };
    case schema::BuiltinOperator_ROUND:
      return [](float x) { return std::nearbyint(x); };
    case schema::BuiltinOperator_SIN:
      return [](float x) { return std::sin(x); };
    case schema::BuiltinOperator_COS:
      return [](float x) { return std::cos(x); };
    case schema::BuiltinOperator_GELU: {
      const auto options = OptionsOr(operands.op().builtin_options.AsGeluOptions());
      return options.approximate ? GeluByTanh : Gelu;
    }
    default:
      return nullptr;
  }
}

KernelOr BuildInt8(const Operands& operands, Function function) {
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_LOGISTIC:
    case schema::BuiltinOperator_TANH:
    case schema::BuiltinOperator_EXP:
    case schema::BuiltinOperator_GELU:
    case schema::BuiltinOperator_ELU:
      return Int8ByTable(operands, function);
    case schema::BuiltinOperator_LOG:
      return QuantizedLog<-128>(operands, /*is_int8=*/true);
    case schema::BuiltinOperator_ABS:
      return QuantizedAbs<int8_t>(operands);
    case schema::BuiltinOperator_SQRT:
      return QuantizedSqrt<int8_t>(operands);
    case schema::BuiltinOperator_RSQRT:
      return Int8InverseRoot(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildInt16(const Operands& operands, Function function) {
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_LOGISTIC:
      return Int16Logistic(operands);
    case schema::BuiltinOperator_TANH:
      return Int16Tanh(operands);
    case schema::BuiltinOperator_EXP:
    case schema::BuiltinOperator_GELU:
      return Int16ByTable(operands, function);
    case schema::BuiltinOperator_LOG:
      return QuantizedLog<-32768>(operands, /*is_int8=*/false);
    case schema::BuiltinOperator_ABS:
      return QuantizedAbs<int16_t>(operands);
    case schema::BuiltinOperator_SQRT:
      return QuantizedSqrt<int16_t>(operands);
    case schema::BuiltinOperator_RSQRT:
      return Int16InverseRoot(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

template <typename T>
KernelOr BuildInteger(const Operands& operands) {
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_ABS:
      return MapKernel<T>(operands, [](T x) { return x < 0 ? WrapSub<T>(0, x) : x; });
    case schema::BuiltinOperator_NEG:
      return MapKernel<T>(operands, [](T x) { return WrapSub<T>(0, x); });
    case schema::BuiltinOperator_SQUARE:
      return MapKernel<T>(operands, [](T x) { return WrapMul<T>(x, x); });
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

KernelOr BuildUnary(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  const Function function = FunctionOf(operands);
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return MapKernel<float>(operands, function);
    case schema::TensorType_INT8:
      return BuildInt8(operands, function);
    case schema::TensorType_INT16:
      return BuildInt16(operands, function);
    case schema::TensorType_INT32:
      return BuildInteger<int32_t>(operands);
    case schema::TensorType_INT64:
      return BuildInteger<int64_t>(operands);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
