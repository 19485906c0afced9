#include "core/tflite/learned_params.h"

#include <memory>

namespace octavo {

std::optional<LearnedParams> LearnedParamsOf(const schema::TensorT& tensor) {
  const schema::QuantizationParametersT* params = tensor.quantization.get();
  if (tensor.type != schema::TensorType_FLOAT32 || params == nullptr || params->scale.empty() ||
      params->zero_point.empty()) {
    return std::nullopt;
  }
  return LearnedParams{params->scale[0], params->zero_point[0]};
}

void SetLearnedParams(const LearnedParams& params, schema::TensorT& tensor) {
  tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
  tensor.quantization->scale = {params.scale};
  tensor.quantization->zero_point = {params.zero_point};
}

void ClearLearnedParams(Model& model) {
  for (const auto& tensor : model.graph().tensors) {
    if (tensor->type != schema::TensorType_FLOAT32 || tensor->quantization == nullptr) continue;
    tensor->quantization->scale.clear();
    tensor->quantization->zero_point.clear();
  }
}

}  // namespace octavo
