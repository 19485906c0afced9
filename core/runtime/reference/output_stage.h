// The last step of operators with weights: from exact sums to the output's codes or floats, with
// bias, scale and the fused activation.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_OUTPUT_STAGE_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_OUTPUT_STAGE_H_

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/int16_kernels.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

struct FloatRange {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
};
struct CodeRange {
  int32_t min;
  int32_t max;
};

// The range that a fused activation leaves. OP_UNSUPPORTED: TANH, SIGN_BIT.
absl::StatusOr<FloatRange> ActivationRange(const Operands& operands,
                                           schema::ActivationFunctionType activation);
// The same in the codes of output 0, of INT8, UINT8 or INT16.
absl::StatusOr<CodeRange> ActivationCodes(const Operands& operands,
                                          schema::ActivationFunctionType activation);
CodeRange TypeCodes(schema::TensorType type);
// scale * codes of `real`, to nearest, saturated to int32.
int32_t ToCode(float real, TensorScale scale);

// `factor` for fixed-point multiplication; OP_UNSUPPORTED where CanMultiply says no.
absl::StatusOr<QuantizedMultiplier> MakeMultiplier(const Operands& operands, double factor);

// Which of the operator's inputs are what.
struct WeightedOperator {
  int input = 0;
  int weights = 1;
  int bias = 2;  // may be left out
  int weights_channel_dimension = 0;
  schema::ActivationFunctionType activation = schema::ActivationFunctionType_NONE;
  schema::TensorType quantized_bias_type = schema::TensorType_FLOAT32;
};

// Sums of one pixel to int8, in place of a fully written-out formula per operator:
// code = clamp(zero_point + (sum + bias) * in_scale * weights_scale / out_scale).
struct Int8Stage {
  std::vector<int32_t> bias;
  std::vector<QuantizedMultiplier> multipliers;
  int32_t zero_point = 0;
  CodeRange range{-128, 127};

  void Run(const int64_t* sums, int channel, int count, int8_t* codes) const;
};

// The same to int16, with zero points of 0. A 64-bit bias rounds once with a 15-bit factor; a
// 32-bit one rounds as int8 does.
struct Int16Stage {
  WideRequantization wide;
  bool has_narrow_bias = false;
  std::vector<QuantizedMultiplier> multipliers;

  void Run(const Int16Kernels& kernels, const int64_t* sums, int channel, int count,
           int16_t* codes) const;
};

// Each checks types, scales and the bias' size against `channels`.
absl::StatusOr<Int8Stage> MakeInt8Stage(const Operands& operands, const WeightedOperator& which,
                                        int channels);
absl::StatusOr<Int16Stage> MakeInt16Stage(const Operands& operands, const WeightedOperator& which,
                                          int channels);
absl::StatusOr<FloatRescaling> MakeRescaling(const Operands& operands,
                                             const WeightedOperator& which, int channels);

// The real factors from sums to codes, one a channel: input scale * weights scale / output scale.
absl::StatusOr<std::vector<double>> RequantizationFactors(const Operands& operands,
                                                          const WeightedOperator& which);

// A float bias, or zeros.
absl::StatusOr<std::vector<float>> FloatBias(const Operands& operands,
                                             const WeightedOperator& which, int channels);
// An int32 or int64 bias, or zeros.
absl::StatusOr<std::vector<int64_t>> IntegerBias(const Operands& operands,
                                                 const WeightedOperator& which, int channels);

// What the types of the input, the weights and the output ask for. OP_UNSUPPORTED: anything else.
enum class WeightedForm { kFloat, kInt8, kInt16, kHybrid };
absl::StatusOr<WeightedForm> FormOf(const Operands& operands, const WeightedOperator& which);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_OUTPUT_STAGE_H_
