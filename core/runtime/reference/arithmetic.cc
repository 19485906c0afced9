#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>

#include "core/base/status_macros.h"
#include "core/runtime/reference/broadcast.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

struct PairScales {
  TensorScale left;
  TensorScale right;
  TensorScale output;
};

absl::StatusOr<PairScales> MakePairScales(const Operands& operands) {
  PairScales scales;
  ASSIGN_OR_RETURN(scales.left, operands.input_scale(0));
  ASSIGN_OR_RETURN(scales.right, operands.input_scale(1));
  ASSIGN_OR_RETURN(scales.output, operands.output_scale(0));
  const bool is_symmetric =
      scales.left.zero_point == 0 && scales.right.zero_point == 0 && scales.output.zero_point == 0;
  RETURN_IF_ERROR(
      operands.Require(operands.output_type(0) != schema::TensorType_INT16 || is_symmetric,
                       "INT16 needs zero points of 0"));
  return scales;
}

// Inputs brought to a common scale, which is twice the larger of theirs over 2^left_shift; then to
// the output's.
struct CommonScale {
  PairScales scales;
  int left_shift = 0;
  QuantizedMultiplier left;
  QuantizedMultiplier right;
  QuantizedMultiplier output;
  CodeRange range{};

  int32_t Left(int32_t code) const { return Rescale(code, scales.left, left); }
  int32_t Right(int32_t code) const { return Rescale(code, scales.right, right); }
  int32_t Output(int32_t value) const {
    const int32_t code = WrapAdd(Multiply(value, output), scales.output.zero_point);
    return Clamp(code, range.min, range.max);
  }

 private:
  int32_t Rescale(int32_t code, TensorScale scale, QuantizedMultiplier multiplier) const {
    return Multiply(WrapShiftLeft(code - scale.zero_point, left_shift), multiplier);
  }
};

// `power`: to which power of the common scale the result is proportional.
absl::StatusOr<CommonScale> MakeCommonScale(const Operands& operands, int left_shift, int power,
                                            schema::ActivationFunctionType activation) {
  CommonScale common;
  common.left_shift = left_shift;
  ASSIGN_OR_RETURN(common.scales, MakePairScales(operands));
  ASSIGN_OR_RETURN(common.range, ActivationCodes(operands, activation));
  const PairScales& scales = common.scales;
  const double twice_max = 2 * std::max(scales.left.scale, scales.right.scale);
  ASSIGN_OR_RETURN(common.left, MakeMultiplier(operands, scales.left.scale / twice_max));
  ASSIGN_OR_RETURN(common.right, MakeMultiplier(operands, scales.right.scale / twice_max));
  const double result_scale = power == 2 ? twice_max * twice_max : twice_max;
  const float output_steps = static_cast<float>(1 << (power * left_shift)) * scales.output.scale;
  ASSIGN_OR_RETURN(common.output, MakeMultiplier(operands, result_scale / output_steps));
  return common;
}

struct SumOptions {
  schema::ActivationFunctionType activation;
  bool is_difference;
  bool allows_power_of_two_int16;
};

// log2 of a scale that is a power of two, to a thousandth.
bool IsPowerOfTwo(float scale, int* exponent) {
  const float log2 = std::log(scale) * (1.0f / std::log(2.0f));
  const float rounded = std::round(log2);
  *exponent = static_cast<int>(rounded);
  return std::abs(log2 - rounded) < 1e-3f;
}

// int16 whose scales are all powers of two, one input having the output's: shifts and a saturating
// sum.
struct ShiftedSum {
  int left_shift = 0;   // to the right
  int right_shift = 0;  // to the right
  bool is_difference = false;
  CodeRange range{};

  int16_t operator()(int16_t left, int16_t right) const {
    const int32_t a = RoundingDivideByPowerOfTwo(left, left_shift);
    const int32_t b = RoundingDivideByPowerOfTwo(right, right_shift);
    const int32_t sum = Clamp(is_difference ? a - b : a + b, -32768, 32767);
    return static_cast<int16_t>(Clamp(sum, range.min, range.max));
  }
};

absl::StatusOr<ShiftedSum> MakeShiftedSum(const Operands& operands, const PairScales& scales,
                                          const SumOptions& options, bool* applies) {
  int left;
  int right;
  int output;
  // All three, each time: the exponents are their results.
  const bool is_left = IsPowerOfTwo(scales.left.scale, &left);
  const bool is_right = IsPowerOfTwo(scales.right.scale, &right);
  const bool is_output = IsPowerOfTwo(scales.output.scale, &output);
  *applies = options.allows_power_of_two_int16 && is_left && is_right && is_output;
  ShiftedSum sum{.is_difference = options.is_difference};
  if (!*applies) return sum;
  sum.left_shift = output - left;
  sum.right_shift = output - right;
  RETURN_IF_ERROR(operands.Require(
      sum.left_shift >= 0 && sum.right_shift >= 0 && (sum.left_shift == 0 || sum.right_shift == 0),
      "INT16 with scales of powers of two, neither input having the output's"));
  ASSIGN_OR_RETURN(sum.range, ActivationCodes(operands, options.activation));
  return sum;
}

template <typename T>
KernelOr QuantizedSum(const Operands& operands, const Broadcast& broadcast,
                      const SumOptions& options) {
  if (std::is_same_v<T, int16_t>) {
    ASSIGN_OR_RETURN(const PairScales scales, MakePairScales(operands));
    bool applies;
    ASSIGN_OR_RETURN(const ShiftedSum sum, MakeShiftedSum(operands, scales, options, &applies));
    if (applies) return PairKernel<int16_t>(broadcast, sum);
  }
  const int left_shift = std::is_same_v<T, int16_t> ? 15 : 20;
  ASSIGN_OR_RETURN(const CommonScale common,
                   MakeCommonScale(operands, left_shift, 1, options.activation));
  const bool is_difference = options.is_difference;
  return PairKernel<T>(broadcast, [common, is_difference](T left, T right) {
    const int32_t a = common.Left(left);
    const int32_t b = common.Right(right);
    return static_cast<T>(common.Output(is_difference ? WrapSub(a, b) : WrapAdd(a, b)));
  });
}

KernelOr FloatSum(const Operands& operands, const Broadcast& broadcast, const SumOptions& options) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, options.activation));
  const float sign = options.is_difference ? -1.0f : 1.0f;
  return PairKernel<float>(broadcast, [range, sign](float left, float right) {
    return Clamp(left + sign * right, range.min, range.max);
  });
}

// Integers clamped by an activation as if they were reals.
template <typename T>
absl::StatusOr<std::pair<T, T>> IntegerRange(const Operands& operands,
                                             schema::ActivationFunctionType activation) {
  ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, activation));
  return std::pair<T, T>(
      std::isfinite(range.min) ? static_cast<T>(range.min) : std::numeric_limits<T>::min(),
      std::isfinite(range.max) ? static_cast<T>(range.max) : std::numeric_limits<T>::max());
}

template <typename T>
KernelOr IntegerSum(const Operands& operands, const Broadcast& broadcast,
                    const SumOptions& options) {
  ASSIGN_OR_RETURN(const auto range, IntegerRange<T>(operands, options.activation));
  const bool is_difference = options.is_difference;
  return PairKernel<T>(broadcast, [range, is_difference](T left, T right) {
    const T sum = is_difference ? WrapSub(left, right) : WrapAdd(left, right);
    return Clamp(sum, range.first, range.second);
  });
}

KernelOr BuildSum(const Operands& operands, const SumOptions& options) {
  RETURN_IF_ERROR(RequirePair(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return FloatSum(operands, broadcast, options);
    case schema::TensorType_INT8:
      return QuantizedSum<int8_t>(operands, broadcast, options);
    case schema::TensorType_INT16:
      return QuantizedSum<int16_t>(operands, broadcast, options);
    case schema::TensorType_INT32:
      return IntegerSum<int32_t>(operands, broadcast, options);
    case schema::TensorType_INT64:
      return IntegerSum<int64_t>(operands, broadcast, options);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

template <typename T>
KernelOr QuantizedProduct(const Operands& operands, const Broadcast& broadcast,
                          schema::ActivationFunctionType activation) {
  ASSIGN_OR_RETURN(const PairScales scales, MakePairScales(operands));
  ASSIGN_OR_RETURN(const CodeRange range, ActivationCodes(operands, activation));
  // In float, as the format does.
  const float factor = scales.left.scale * scales.right.scale / scales.output.scale;
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier, MakeMultiplier(operands, factor));
  return PairKernel<T>(broadcast, [scales, range, multiplier](T left, T right) {
    const int32_t product =
        WrapMul<int32_t>(left - scales.left.zero_point, right - scales.right.zero_point);
    const int32_t code = WrapAdd(Multiply(product, multiplier), scales.output.zero_point);
    return static_cast<T>(Clamp(code, range.min, range.max));
  });
}

template <typename T>
KernelOr QuantizedQuotient(const Operands& operands, const Broadcast& broadcast,
                           schema::ActivationFunctionType activation) {
  ASSIGN_OR_RETURN(const PairScales scales, MakePairScales(operands));
  ASSIGN_OR_RETURN(const CodeRange range, ActivationCodes(operands, activation));
  const float factor = scales.left.scale / (scales.right.scale * scales.output.scale);
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier, MakeMultiplier(operands, factor));
  return PairKernel<T>(broadcast, [scales, range, multiplier](T left, T right) {
    int32_t dividend = left - scales.left.zero_point;
    int32_t divisor = right - scales.right.zero_point;
    if (divisor < 0) {
      dividend = -dividend;
      divisor = -divisor;
    }
    if (divisor == 0) return static_cast<T>(dividend < 0 ? range.min : range.max);
    const Reciprocal reciprocal = ReciprocalOf(divisor, 31);
    // All the bits that the dividend leaves free.
    const uint32_t bits = static_cast<uint32_t>(dividend < 0 ? ~dividend : dividend);
    const int headroom = std::countl_zero(bits) - 1;
    const int32_t quotient =
        RoundingDoublingHighMul(WrapShiftLeft(dividend, headroom), reciprocal.mantissa);
    const int32_t scaled =
        SaturatingMultiplyByPowerOfTwo(RoundingDoublingHighMul(quotient, multiplier.mantissa),
                                       multiplier.shift - reciprocal.bits_over_unit - headroom);
    const int32_t code = WrapAdd(scaled, scales.output.zero_point);
    return static_cast<T>(Clamp(code, range.min, range.max));
  });
}

// The larger or the smaller of two numbers or of two codes of one scale.
KernelOr BuildExtreme(const Operands& operands, bool is_maximum) {
  RETURN_IF_ERROR(RequirePair(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  const auto kernel = [&](auto zero) -> std::unique_ptr<Kernel> {
    using T = decltype(zero);
    return PairKernel<T>(broadcast, [is_maximum](T left, T right) {
      return is_maximum ? std::max(left, right) : std::min(left, right);
    });
  };
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return kernel(float{});
    case schema::TensorType_INT8:
      return kernel(int8_t{});
    case schema::TensorType_UINT8:
      return kernel(uint8_t{});
    case schema::TensorType_INT16:
      return kernel(int16_t{});
    case schema::TensorType_INT32:
      return kernel(int32_t{});
    case schema::TensorType_INT64:
      return kernel(int64_t{});
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

KernelOr BuildAdd(const Operands& operands) {
  const auto options = OptionsOr(operands.op().builtin_options.AsAddOptions());
  return BuildSum(operands, {options.fused_activation_function, false, options.pot_scale_int16});
}

KernelOr BuildSub(const Operands& operands) {
  const auto options = OptionsOr(operands.op().builtin_options.AsSubOptions());
  return BuildSum(operands, {options.fused_activation_function, true, options.pot_scale_int16});
}

KernelOr BuildMul(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  const auto options = OptionsOr(operands.op().builtin_options.AsMulOptions());
  const schema::ActivationFunctionType activation = options.fused_activation_function;
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32: {
      ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, activation));
      return PairKernel<float>(broadcast, [range](float left, float right) {
        return Clamp(left * right, range.min, range.max);
      });
    }
    case schema::TensorType_INT8:
      return QuantizedProduct<int8_t>(operands, broadcast, activation);
    case schema::TensorType_INT16:
      return QuantizedProduct<int16_t>(operands, broadcast, activation);
    case schema::TensorType_INT32: {
      ASSIGN_OR_RETURN(const auto range, IntegerRange<int32_t>(operands, activation));
      return PairKernel<int32_t>(broadcast, [range](int32_t left, int32_t right) {
        return Clamp(WrapMul(left, right), range.first, range.second);
      });
    }
    case schema::TensorType_INT64: {
      ASSIGN_OR_RETURN(const auto range, IntegerRange<int64_t>(operands, activation));
      return PairKernel<int64_t>(broadcast, [range](int64_t left, int64_t right) {
        return Clamp(WrapMul(left, right), range.first, range.second);
      });
    }
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildDiv(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  const auto options = OptionsOr(operands.op().builtin_options.AsDivOptions());
  const schema::ActivationFunctionType activation = options.fused_activation_function;
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32: {
      ASSIGN_OR_RETURN(const FloatRange range, ActivationRange(operands, activation));
      return PairKernel<float>(broadcast, [range](float left, float right) {
        return Clamp(left / right, range.min, range.max);
      });
    }
    case schema::TensorType_INT8:
      return QuantizedQuotient<int8_t>(operands, broadcast, activation);
    case schema::TensorType_INT16:
      return QuantizedQuotient<int16_t>(operands, broadcast, activation);
    case schema::TensorType_INT32: {
      ASSIGN_OR_RETURN(const auto range, IntegerRange<int32_t>(operands, activation));
      return PairKernel<int32_t>(broadcast, [range](int32_t left, int32_t right) {
        // As 64-bit numbers, so that no quotient overflows; x / 0 is taken as 0.
        const int64_t quotient = right == 0 ? 0 : int64_t{left} / right;
        return static_cast<int32_t>(Clamp<int64_t>(quotient, range.first, range.second));
      });
    }
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildMaximum(const Operands& operands) { return BuildExtreme(operands, true); }

KernelOr BuildMinimum(const Operands& operands) { return BuildExtreme(operands, false); }

KernelOr BuildSquaredDifference(const Operands& operands) {
  RETURN_IF_ERROR(RequirePair(operands));
  ASSIGN_OR_RETURN(const Broadcast broadcast, MakeBroadcast(operands));
  switch (operands.output_type(0)) {
    case schema::TensorType_FLOAT32:
      return PairKernel<float>(
          broadcast, [](float left, float right) { return (left - right) * (left - right); });
    case schema::TensorType_INT8: {
      ASSIGN_OR_RETURN(const CommonScale common,
                       MakeCommonScale(operands, 7, 2, schema::ActivationFunctionType_NONE));
      return PairKernel<int8_t>(broadcast, [common](int8_t left, int8_t right) {
        const int32_t difference = WrapSub(common.Left(left), common.Right(right));
        return static_cast<int8_t>(common.Output(WrapMul(difference, difference)));
      });
    }
    case schema::TensorType_INT32:
      return PairKernel<int32_t>(broadcast, [](int32_t left, int32_t right) {
        const int32_t difference = WrapSub(left, right);
        return WrapMul(difference, difference);
      });
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
