#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/map.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

void NormalizeFloat(const float* values, int64_t depth, float* result) {
  constexpr float kLeastNorm = 1e-6f;
  float sum = 0;
  for (int64_t i = 0; i < depth; ++i) sum += values[i] * values[i];
  const float norm = std::max(std::sqrt(sum), kLeastNorm);
  for (int64_t i = 0; i < depth; ++i) result[i] = values[i] / norm;
}

// To codes of 1/128.
void NormalizeInt8(int32_t zero_point, const int8_t* codes, int64_t depth, int8_t* result) {
  int32_t sum = 0;
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t value = codes[i] - zero_point;
    sum = WrapAdd(sum, value * value);
  }
  QuantizedMultiplier inverse_norm = InverseSqrt(sum);
  inverse_norm.shift += 7;
  for (int64_t i = 0; i < depth; ++i) {
    const int32_t code = Multiply(codes[i] - zero_point, inverse_norm);
    result[i] = static_cast<int8_t>(Clamp(code, -128, 127));
  }
}

}  // namespace

KernelOr BuildL2Normalization(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  RETURN_IF_ERROR(operands.Require(!operands.input_shape(0).empty(), "a scalar"));
  const auto options = OptionsOr(operands.op().builtin_options.AsL2NormOptions());
  RETURN_IF_ERROR(
      operands.Require(options.fused_activation_function == schema::ActivationFunctionType_NONE,
                       "a fused activation"));
  const int64_t depth = operands.input_shape(0).back();
  const int64_t rows = depth == 0 ? 0 : operands.input_size(0) / depth;
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return MakeKernel([rows, depth](Inputs inputs, Outputs outputs) {
        for (int64_t row = 0; row < rows; ++row) {
          NormalizeFloat(In<float>(inputs, 0) + row * depth, depth,
                         Out<float>(outputs, 0) + row * depth);
        }
      });
    case schema::TensorType_INT8: {
      ASSIGN_OR_RETURN(const MapScales scales, MakeMapScales(operands));
      RETURN_IF_ERROR(
          operands.Require(scales.output.scale == 1.0f / 128 && scales.output.zero_point == 0,
                           "the output's scale must be 1/128, its zero point 0"));
      return MakeKernel(
          [rows, depth, zero_point = scales.input.zero_point](Inputs inputs, Outputs outputs) {
            for (int64_t row = 0; row < rows; ++row) {
              NormalizeInt8(zero_point, In<int8_t>(inputs, 0) + row * depth, depth,
                            Out<int8_t>(outputs, 0) + row * depth);
            }
          });
    }
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
