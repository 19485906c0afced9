#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/lookup_table.h"
#include "core/runtime/reference/map.h"

namespace octavo::reference {
namespace {

// The last axis is normalised.
struct Rows {
  int64_t count = 0;
  int64_t depth = 0;
};

absl::StatusOr<Rows> MakeRows(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  RETURN_IF_ERROR(operands.Require(!operands.input_shape(0).empty(), "a scalar"));
  const int64_t depth = operands.input_shape(0).back();
  return Rows{depth == 0 ? 0 : operands.input_size(0) / depth, depth};
}

template <typename T, typename F>
std::unique_ptr<Kernel> RowKernel(const Rows& rows, F f) {
  return MakeKernel([rows, f](Inputs inputs, Outputs outputs) {
    for (int64_t row = 0; row < rows.count; ++row) {
      f(In<T>(inputs, 0) + row * rows.depth, rows.depth, Out<T>(outputs, 0) + row * rows.depth);
    }
  });
}

// Codes to exponents of Q5.26: factor = scale * beta * 2^26, capped, at least 1.
struct ExponentScale {
  QuantizedMultiplier multiplier;
  int least_difference;  // below it exp() is 0

  int32_t Exponent(int32_t difference) const { return Multiply(difference, multiplier); }
};

absl::StatusOr<ExponentScale> MakeExponentScale(const Operands& operands, double beta) {
  ASSIGN_OR_RETURN(const TensorScale scale, operands.input_scale(0));
  const double factor = std::min(beta * scale.scale * (1 << 26), 2147483647.0);
  RETURN_IF_ERROR(operands.Require(factor > 1, "beta or the input's scale is too small"));
  const QuantizedMultiplier multiplier = ToMultiplier(factor);
  const double radius = 31.0 * static_cast<double>(int64_t{1} << 26) /
                        static_cast<double>(int64_t{1} << multiplier.shift);
  return ExponentScale{multiplier, -static_cast<int>(std::floor(radius))};
}

// The sum of the exponentials, as Q12.19, saturated.
int32_t SumOfExponentials(const ExponentScale& scale, const int8_t* codes, int64_t depth,
                          int32_t max) {
  int64_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t difference = codes[i] - max;
    if (difference < scale.least_difference) continue;
    sum += RoundingDivideByPowerOfTwo(ExpOfNegative(scale.Exponent(difference)), 12);
  }
  return static_cast<int32_t>(std::min<int64_t>(sum, std::numeric_limits<int32_t>::max()));
}

void SoftmaxInt8(const ExponentScale& scale, const int8_t* codes, int64_t depth,
                 int8_t* probabilities) {
  const int32_t max = *std::max_element(codes, codes + depth);
  const Reciprocal reciprocal = ReciprocalOf(SumOfExponentials(scale, codes, depth, max), 12);
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t difference = codes[i] - max;
    if (difference < scale.least_difference) {
      probabilities[i] = -128;
      continue;
    }
    const int32_t product =
        RoundingDoublingHighMul(reciprocal.mantissa, ExpOfNegative(scale.Exponent(difference)));
    const int32_t steps = RoundingDivideByPowerOfTwo(product, reciprocal.bits_over_unit + 23);
    probabilities[i] = static_cast<int8_t>(Clamp(steps - 128, -128, 127));
  }
}

struct Int16Softmax {
  QuantizedMultiplier multiplier;  // codes to steps of 10 / 65535
  Int16Table exponential;          // of [-10, 0]
  Int16Table reciprocal;           // 1 / (1 + x) of [0, 1]

  void operator()(const int16_t* codes, int64_t depth, int16_t* probabilities) const {
    const int32_t max = *std::max_element(codes, codes + depth);
    int32_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t steps = WrapAdd(Multiply(codes[i] - max, multiplier), 32767);
      probabilities[i] = exponential[static_cast<int16_t>(Clamp(steps, -32768, 32767))];
      sum = WrapAdd<int32_t>(sum, probabilities[i]);
    }
    // sum = 2^(17 - zeros) (1 + x); x on the codes of the table.
    const int zeros = std::countl_zero(static_cast<uint32_t>(sum));
    const int64_t normal = int64_t{sum} << (zeros - 1);
    const int32_t x = static_cast<int32_t>((normal + (1 << 13)) >> 14) - (1 << 15) - (1 << 16);
    const int64_t inverse = reciprocal[static_cast<int16_t>(Clamp(x, -32768, 32767))];
    const int shift = 31 - zeros;
    for (int64_t i = 0; i < depth; ++i) {
      const int64_t product = probabilities[i] * inverse + (int64_t{1} << (shift - 1));
      probabilities[i] = static_cast<int16_t>(Clamp<int64_t>(product >> shift, 0, 32767));
    }
  }
};

KernelOr BuildInt16Softmax(const Operands& operands, const Rows& rows, float beta) {
  ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
  // More exponentials of 1 would leave the 32 bits of their sum.
  RETURN_IF_ERROR(operands.Require(rows.depth < 65536, "more than 65535 classes"));
  RETURN_IF_ERROR(operands.Require(std::abs(scales.output.scale * 32768.0f - 1.0f) <= 0.001f,
                                   "the output's scale must be 1/32768"));
  const double factor = double{scales.input.scale * beta} / (10.0 / 65535.0);
  RETURN_IF_ERROR(operands.Require(CanMultiply(factor), "beta or the input's scale"));
  const Int16Softmax softmax = {ToMultiplier(factor),
                                Int16Table::Make<double>(10.0 / 65535, 32767, 2.0 / 65535, 0,
                                                         [](double x) { return std::exp(x); }),
                                Int16Table::Make<double>(1.0 / 65535, -32768, 2.0 / 65535, 0,
                                                         [](double x) { return 1.0 / (1.0 + x); })};
  return RowKernel<int16_t>(rows, softmax);
}

KernelOr BuildInt8Softmax(const Operands& operands, const Rows& rows, float beta) {
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(
      output.zero_point == -128 && std::abs(output.scale * 256.0f - 1.0f) <= 0.001f,
      "the output's scale must be 1/256, its zero point -128"));
  ASSIGN_OR_RETURN(const ExponentScale scale, MakeExponentScale(operands, beta));
  return RowKernel<int8_t>(rows, [scale](const int8_t* codes, int64_t depth, int8_t* result) {
    SoftmaxInt8(scale, codes, depth, result);
  });
}

void SoftmaxFloat(float beta, const float* values, int64_t depth, float* probabilities) {
  const float max = *std::max_element(values, values + depth);
  float sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    probabilities[i] = std::exp((values[i] - max) * beta);
    sum += probabilities[i];
  }
  for (int64_t i = 0; i < depth; ++i) probabilities[i] /= sum;
}

void LogSoftmaxFloat(const float* values, int64_t depth, float* result) {
  const float max = *std::max_element(values, values + depth);
  float sum = 0;
  for (int64_t i = 0; i < depth; ++i) sum += std::exp(values[i] - max);
  const float log_sum = std::log(sum);
  for (int64_t i = 0; i < depth; ++i) result[i] = values[i] - max - log_sum;
}

struct Int8LogSoftmax {
  ExponentScale scale;
  QuantizedMultiplier reverse;  // exponents back to codes

  void operator()(const int8_t* codes, int64_t depth, int8_t* result) const {
    const int32_t max = *std::max_element(codes, codes + depth);
    const int32_t log_sum = LogOfAtLeastOne(SumOfExponentials(scale, codes, depth, max));
    const int32_t lowest = WrapAdd(log_sum, std::numeric_limits<int32_t>::min());
    const int32_t least = std::max(scale.least_difference - 1, Multiply(lowest, reverse));
    for (int64_t i = 0; i < depth; ++i) {
      const int32_t difference = codes[i] - max;
      if (difference <= least) {
        result[i] = -128;
        continue;
      }
      const int32_t log = WrapSub(scale.Exponent(difference), log_sum);
      result[i] = static_cast<int8_t>(Clamp(RoundingDivideByPowerOfTwo(log, 22) + 127, -128, 127));
    }
  }
};

absl::StatusOr<Int8LogSoftmax> MakeInt8LogSoftmax(const Operands& operands) {
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(output.scale == 16.0f / 256 && output.zero_point == 127,
                                   "the output's scale must be 1/16, its zero point 127"));
  Int8LogSoftmax log_softmax;
  ASSIGN_OR_RETURN(log_softmax.scale, MakeExponentScale(operands, 1.0));
  const QuantizedMultiplier& forward = log_softmax.scale.multiplier;
  const double reverse = static_cast<double>(int64_t{1} << (31 - forward.shift)) /
                         static_cast<double>(forward.mantissa);
  log_softmax.reverse = ToMultiplier(reverse);
  return log_softmax;
}

}  // namespace

KernelOr BuildSoftmax(const Operands& operands) {
  ASSIGN_OR_RETURN(const Rows rows, MakeRows(operands));
  const float beta = OptionsOr(operands.op().builtin_options.AsSoftmaxOptions()).beta;
  RETURN_IF_ERROR(operands.Require(std::isfinite(beta), "beta is not finite"));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return RowKernel<float>(rows, [beta](const float* values, int64_t depth, float* result) {
        SoftmaxFloat(beta, values, depth, result);
      });
    case schema::TensorType_INT8:
      return BuildInt8Softmax(operands, rows, beta);
    case schema::TensorType_INT16:
      return BuildInt16Softmax(operands, rows, beta);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildLogSoftmax(const Operands& operands) {
  ASSIGN_OR_RETURN(const Rows rows, MakeRows(operands));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return RowKernel<float>(rows, LogSoftmaxFloat);
    case schema::TensorType_INT8: {
      ASSIGN_OR_RETURN(const Int8LogSoftmax log_softmax, MakeInt8LogSoftmax(operands));
      return RowKernel<int8_t>(rows, log_softmax);
    }
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
