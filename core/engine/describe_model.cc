#include "core/engine/describe_model.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.h"

namespace octavo {
namespace {

// Activations that the model computes with: integer ones with a scale make it a quantized model.
bool IsFloat(const Model& model) {
  bool has_float_activation = false;
  for (const auto& op : model.graph().operators) {
    for (const int32_t output : op->outputs) {
      const schema::TensorT& tensor = *model.graph().tensors[output];
      const bool has_scale = tensor.quantization != nullptr && !tensor.quantization->scale.empty();
      if (has_scale && tensor.type != schema::TensorType_FLOAT32) return false;
      has_float_activation |= tensor.type == schema::TensorType_FLOAT32;
    }
  }
  return has_float_activation;
}

void CountOperators(const Model& model, v1::ModelInfo& info) {
  std::map<std::pair<std::string, int>, int> counts;
  for (const auto& graph : model.tables.subgraphs) {
    for (const auto& op : graph->operators) {
      ++counts[{model.OperatorName(*op), model.OperatorVersion(*op)}];
    }
  }
  for (const auto& [key, count] : counts) {
    v1::OperatorCount& row = *info.add_operators();
    row.set_name(key.first);
    row.set_version(key.second);
    row.set_count(count);
  }
}

// Each buffer once, however many tensors share it.
void CountConstants(const Model& model, v1::ModelInfo& info) {
  std::set<uint32_t> counted;
  for (const auto& graph : model.tables.subgraphs) {
    info.set_tensors(info.tensors() + static_cast<int32_t>(graph->tensors.size()));
    for (const auto& tensor : graph->tensors) {
      if (model.buffers[tensor->buffer].empty() || !counted.insert(tensor->buffer).second) continue;
      info.set_parameters(info.parameters() + NumElements(tensor->shape).value_or(0));
      info.set_constant_bytes(info.constant_bytes() +
                              static_cast<int64_t>(model.buffers[tensor->buffer].get().size()));
    }
  }
}

}  // namespace

v1::TensorInfo DescribeTensor(const Model& model, TensorIndex index) {
  const schema::TensorT& tensor = model.tensor(index);
  v1::TensorInfo info;
  info.set_name(tensor.name);
  info.set_type(std::string(TypeName(tensor.type)));
  // The signature holds -1 where any size will do; the shape only an example of it.
  const bool has_signature = tensor.shape_signature.size() == tensor.shape.size();
  for (const int32_t size : has_signature ? tensor.shape_signature : tensor.shape) {
    info.add_shape(size);
  }
  if (tensor.quantization != nullptr && tensor.quantization->scale.size() == 1) {
    info.set_scale(tensor.quantization->scale[0]);
    if (!tensor.quantization->zero_point.empty()) {
      info.set_zero_point(tensor.quantization->zero_point[0]);
    }
  }
  return info;
}

v1::ModelInfo DescribeModel(const Model& source, std::span<const uint8_t> file) {
  v1::ModelInfo info;
  info.set_format("tflite");
  info.set_size_bytes(static_cast<int64_t>(file.size()));
  info.set_digest(Sha256Hex(file));
  for (const int32_t input : source.graph().inputs) {
    *info.add_inputs() = DescribeTensor(source, TensorIndex{input});
  }
  for (const int32_t output : source.graph().outputs) {
    *info.add_outputs() = DescribeTensor(source, TensorIndex{output});
  }
  CountOperators(source, info);
  CountConstants(source, info);
  info.set_description(source.tables.description);
  info.set_is_float(IsFloat(source));
  return info;
}

}  // namespace octavo
