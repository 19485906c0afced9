#include "tests/core/runtime/reference/operator_model.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace octavo {
namespace {

TensorIndex Add(Model* model, const Operand& operand) {
  schema::TensorT tensor;
  tensor.name = "t" + std::to_string(model->graph().tensors.size());
  tensor.type = operand.type;
  tensor.shape = operand.shape;
  if (!operand.scales.empty()) {
    tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
    tensor.quantization->scale = operand.scales;
    tensor.quantization->zero_point = operand.zero_points;
    if (operand.zero_points.empty()) tensor.quantization->zero_point.resize(operand.scales.size());
    tensor.quantization->quantized_dimension = operand.quantized_dimension;
  }
  return model->AddTensor(std::move(tensor), SharedBytes::Own(operand.constant));
}

}  // namespace

Model OperatorModel(schema::BuiltinOperator type, const std::vector<Operand>& inputs,
                    const std::vector<Operand>& outputs) {
  Model model;
  model.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  model.AddBuffer({});
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model.OperatorCodeIndex(type, 1);
  for (const Operand& operand : inputs) {
    const int32_t index = static_cast<int32_t>(Add(&model, operand));
    op->inputs.push_back(index);
    if (operand.constant.empty()) model.graph().inputs.push_back(index);
  }
  for (const Operand& operand : outputs) {
    op->outputs.push_back(static_cast<int32_t>(Add(&model, operand)));
  }
  model.graph().outputs = op->outputs;
  model.graph().operators.push_back(std::move(op));
  return model;
}

}  // namespace octavo
