#include "tests/testing/model_builder.h"

#include <memory>

namespace octavo {

ModelBuilder::ModelBuilder() {
  model_.tables.version = 3;
  model_.AddBuffer(SharedBytes());
  model_.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
}

TensorIndex ModelBuilder::Input(std::string name, Shape shape, schema::TensorType type) {
  const TensorIndex tensor = Tensor(std::move(name), std::move(shape), type);
  model_.graph().inputs.push_back(static_cast<int32_t>(tensor));
  return tensor;
}

TensorIndex ModelBuilder::Tensor(std::string name, Shape shape, schema::TensorType type) {
  return Add(std::move(name), std::move(shape), type, SharedBytes());
}

TensorIndex ModelBuilder::Floats(std::string name, Shape shape, const std::vector<float>& values) {
  return Constant(std::move(name), std::move(shape), schema::TensorType_FLOAT32, values);
}

TensorIndex ModelBuilder::Ints(std::string name, const std::vector<int32_t>& values) {
  return Constant(std::move(name), {static_cast<int32_t>(values.size())}, schema::TensorType_INT32,
                  values);
}

TensorIndex ModelBuilder::Add(std::string name, Shape shape, schema::TensorType type,
                              SharedBytes bytes) {
  schema::TensorT tensor;
  tensor.name = std::move(name);
  tensor.shape = std::move(shape);
  tensor.type = type;
  tensor.has_rank = true;
  return model_.AddTensor(std::move(tensor), std::move(bytes));
}

schema::OperatorT& ModelBuilder::AddOp(schema::BuiltinOperator type,
                                       const std::vector<TensorIndex>& inputs,
                                       const std::vector<TensorIndex>& outputs) {
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model_.OperatorCodeIndex(type, /*version=*/1);
  for (const TensorIndex tensor : inputs) op->inputs.push_back(static_cast<int32_t>(tensor));
  for (const TensorIndex tensor : outputs) op->outputs.push_back(static_cast<int32_t>(tensor));
  model_.graph().operators.push_back(std::move(op));
  return *model_.graph().operators.back();
}

Model WithCustomOperator(std::string name) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 4});
  const TensorIndex y = builder.Tensor("y", {1, 4});
  builder.Op(schema::BuiltinOperator_CUSTOM, {x}, {y});
  builder.model().tables.operator_codes.back()->custom_code = std::move(name);
  builder.Output(y);
  return builder.Build();
}

Model TinyDense() {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  builder.model().tensor(x).shape_signature = {-1, 2};
  const TensorIndex weights = builder.Floats("weights", {3, 2}, {1, -2, 3, 4, -5, 6});
  const TensorIndex bias = builder.Floats("bias", {3}, {0.5f, 0, -1});
  const TensorIndex y = builder.Tensor("y", {1, 3});
  builder.model().tensor(y).shape_signature = {-1, 3};
  schema::FullyConnectedOptionsT options;
  options.fused_activation_function = schema::ActivationFunctionType_RELU;
  builder.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, weights, bias}, {y}, options);
  builder.Output(y);
  return builder.Build();
}

}  // namespace octavo
