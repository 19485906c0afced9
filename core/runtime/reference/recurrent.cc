#include "core/runtime/reference/recurrent.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace octavo::reference {

absl::StatusOr<Activation> ActivationOf(const Operands& operands,
                                        schema::ActivationFunctionType type) {
  switch (type) {
    case schema::ActivationFunctionType_NONE:
      return [](float value) { return value; };
    case schema::ActivationFunctionType_RELU:
      return [](float value) { return std::max(value, 0.0f); };
    case schema::ActivationFunctionType_RELU_N1_TO_1:
      return [](float value) { return std::clamp(value, -1.0f, 1.0f); };
    case schema::ActivationFunctionType_RELU6:
      return [](float value) { return std::clamp(value, 0.0f, 6.0f); };
    case schema::ActivationFunctionType_TANH:
      return [](float value) { return std::tanh(value); };
    default:
      return operands.Unsupported(
          absl::StrCat("the fused activation ", schema::EnumNameActivationFunctionType(type)));
  }
}

float Dot(const float* a, const float* b, int64_t count) {
  // Sums of their own do not wait for one another.
  constexpr int kSums = 8;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int lane = 0; lane < kSums; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float rest = 0;
  for (; i < count; ++i) rest += a[i] * b[i];
  for (const float sum : sums) rest += sum;
  return rest;
}

absl::Status RequireFloat(const Operands& operands) {
  for (int position = 0; position < operands.num_inputs(); ++position) {
    if (!operands.has_input(position)) continue;
    RETURN_IF_ERROR(operands.Require(operands.input_type(position) == schema::TensorType_FLOAT32,
                                     absl::StrCat("input ", position, " is not FLOAT32")));
  }
  for (int position = 0; position < operands.num_outputs(); ++position) {
    RETURN_IF_ERROR(operands.Require(operands.output_type(position) == schema::TensorType_FLOAT32,
                                     "the output is not FLOAT32"));
  }
  return absl::OkStatus();
}

}  // namespace octavo::reference
