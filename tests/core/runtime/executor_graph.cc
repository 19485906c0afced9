#include "tests/core/runtime/executor_graph.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

template <typename T>
void FillWithCodes(TensorValue& value, std::mt19937& random) {
  std::uniform_int_distribution<int> code(std::numeric_limits<T>::min(),
                                          std::numeric_limits<T>::max());
  for (T& element : value.mutable_values<T>()) element = static_cast<T>(code(random));
}

}  // namespace

GraphBuilder::GraphBuilder() {
  model_.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  model_.AddBuffer(SharedBytes());  // by the format's custom the first one is empty
}

TensorIndex GraphBuilder::Add(schema::TensorType type, Shape shape, Quantization quantization,
                              SharedBytes bytes) {
  schema::TensorT tensor;
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.name = absl::StrCat("t", model_.graph().tensors.size());
  if (!quantization.scales.empty()) {
    tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
    tensor.quantization->zero_point.assign(quantization.scales.size(), quantization.zero_point);
    tensor.quantization->scale = std::move(quantization.scales);
    tensor.quantization->quantized_dimension = quantization.axis;
  }
  return model_.AddTensor(std::move(tensor), std::move(bytes));
}

TensorIndex GraphBuilder::Input(schema::TensorType type, Shape shape, Quantization quantization) {
  const TensorIndex tensor = Tensor(type, std::move(shape), std::move(quantization));
  model_.graph().inputs.push_back(static_cast<int32_t>(tensor));
  return tensor;
}

TensorIndex GraphBuilder::Tensor(schema::TensorType type, Shape shape, Quantization quantization) {
  return Add(type, std::move(shape), std::move(quantization), SharedBytes());
}

schema::OperatorT* GraphBuilder::AddOp(schema::BuiltinOperator type,
                                       const std::vector<TensorIndex>& inputs,
                                       const std::vector<TensorIndex>& outputs) {
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model_.OperatorCodeIndex(type, /*version=*/1);
  for (TensorIndex input : inputs) op->inputs.push_back(static_cast<int32_t>(input));
  for (TensorIndex output : outputs) op->outputs.push_back(static_cast<int32_t>(output));
  model_.graph().operators.push_back(std::move(op));
  return model_.graph().operators.back().get();
}

void GraphBuilder::Output(TensorIndex tensor) {
  model_.graph().outputs.push_back(static_cast<int32_t>(tensor));
}

TensorValue RandomValue(const schema::TensorT& tensor, std::mt19937& random) {
  TensorValue value{.type = tensor.type, .shape = tensor.shape, .bytes = {}};
  value.bytes.resize(*TensorBytes(tensor.type, tensor.shape));
  if (tensor.type == schema::TensorType_FLOAT32) {
    std::normal_distribution<float> normal;
    for (float& element : value.mutable_values<float>()) element = normal(random);
  } else if (tensor.type == schema::TensorType_INT8) {
    FillWithCodes<int8_t>(value, random);
  } else if (tensor.type == schema::TensorType_UINT8) {
    FillWithCodes<uint8_t>(value, random);
  } else if (tensor.type == schema::TensorType_INT16) {
    FillWithCodes<int16_t>(value, random);
  }
  return value;
}

std::vector<TensorValue> RandomInputs(const Model& model, std::mt19937& random) {
  std::vector<TensorValue> inputs;
  for (int32_t input : model.graph().inputs) {
    inputs.push_back(RandomValue(model.tensor(TensorIndex{input}), random));
  }
  return inputs;
}

std::vector<TensorView> ViewsOf(const std::vector<TensorValue>& values) {
  std::vector<TensorView> views;
  for (const TensorValue& value : values) views.push_back(value.view());
  return views;
}

}  // namespace octavo
