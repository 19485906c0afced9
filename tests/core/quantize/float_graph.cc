#include "tests/core/quantize/float_graph.h"

#include <span>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_join.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"

namespace octavo {

FloatGraph::FloatGraph() {
  model_.tables.version = 3;
  model_.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  model_.AddBuffer(SharedBytes());  // the format's buffer 0 is empty
}

TensorIndex FloatGraph::Add(const std::string& name, Shape shape, schema::TensorType type,
                            SharedBytes bytes) {
  schema::TensorT tensor;
  tensor.name = name;
  tensor.shape = std::move(shape);
  tensor.type = type;
  return model_.AddTensor(std::move(tensor), std::move(bytes));
}

TensorIndex FloatGraph::Input(const std::string& name, Shape shape) {
  const TensorIndex tensor = Add(name, std::move(shape), schema::TensorType_FLOAT32, {});
  model_.graph().inputs.push_back(static_cast<int32_t>(tensor));
  return tensor;
}

TensorIndex FloatGraph::Constant(const std::string& name, Shape shape,
                                 const std::vector<float>& values) {
  return Add(name, std::move(shape), schema::TensorType_FLOAT32,
             SharedBytes::OwnValues(std::span<const float>(values)));
}

TensorIndex FloatGraph::Int32Constant(const std::string& name, Shape shape,
                                      const std::vector<int32_t>& values) {
  return Add(name, std::move(shape), schema::TensorType_INT32,
             SharedBytes::OwnValues(std::span<const int32_t>(values)));
}

TensorIndex FloatGraph::Op(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
                           const std::string& output, Shape shape, schema::TensorType output_type) {
  const TensorIndex tensor = Add(output, std::move(shape), output_type, {});
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model_.OperatorCodeIndex(type, 1);
  for (const TensorIndex input : inputs) op->inputs.push_back(static_cast<int32_t>(input));
  op->outputs.push_back(static_cast<int32_t>(tensor));
  model_.graph().operators.push_back(std::move(op));
  return tensor;
}

TensorIndex FloatGraph::Conv(TensorIndex input, const std::vector<float>& factors,
                             const std::vector<float>& bias, const std::string& output) {
  const auto channels = static_cast<int32_t>(factors.size());
  std::vector<float> weights(factors.size() * factors.size());
  for (size_t i = 0; i < factors.size(); ++i) weights[i * factors.size() + i] = factors[i];
  std::vector<TensorIndex> inputs = {
      input, Constant(output + "/weights", {channels, 1, 1, channels}, weights)};
  if (!bias.empty()) inputs.push_back(Constant(output + "/bias", {channels}, bias));
  schema::Conv2DOptionsT options;
  options.padding = schema::Padding_VALID;
  options.stride_h = options.stride_w = 1;
  return Op(schema::BuiltinOperator_CONV_2D, options, inputs, output, {1, 2, 2, channels});
}

void FloatGraph::Output(TensorIndex tensor) {
  model_.graph().outputs.push_back(static_cast<int32_t>(tensor));
}

Model FloatGraph::Build() const {
  Model model = model_;
  auto signature = std::make_unique<schema::SignatureDefT>();
  signature->signature_key = "serving_default";
  const auto map_of = [&](int32_t tensor) {
    auto map = std::make_unique<schema::TensorMapT>();
    map->name = std::string(model.TensorName(TensorIndex{tensor}));
    map->tensor_index = tensor;
    return map;
  };
  for (const int32_t input : model.graph().inputs) signature->inputs.push_back(map_of(input));
  for (const int32_t output : model.graph().outputs) signature->outputs.push_back(map_of(output));
  model.tables.signature_defs.push_back(std::move(signature));
  return model;
}

TensorIndex FindTensor(const Model& model, const std::string& name) {
  TensorIndex found = kNoTensor;
  for (int32_t i = 0; i < static_cast<int32_t>(model.graph().tensors.size()); ++i) {
    if (model.TensorName(TensorIndex{i}) != name) continue;
    CHECK(found == kNoTensor) << "two tensors are named " << name;
    found = TensorIndex{i};
  }
  CHECK(found != kNoTensor) << "no tensor is named " << name;
  return found;
}

const schema::OperatorT& MakerOf(const Model& model, TensorIndex tensor) {
  for (const auto& op : model.graph().operators) {
    for (const int32_t output : op->outputs) {
      if (TensorIndex{output} == tensor) return *op;
    }
  }
  LOG(FATAL) << "no operator makes " << model.TensorName(tensor);
}

std::string OperatorNames(const Model& model) {
  return absl::StrJoin(model.graph().operators, " ",
                       [&](std::string* out, const auto& op) { *out += model.OperatorName(*op); });
}

Model WrittenAndRead(const Model& model) {
  auto bytes = WriteModel(model);
  CHECK_OK(bytes.status());
  auto read = ReadModel(std::make_shared<const std::vector<uint8_t>>(*std::move(bytes)));
  CHECK_OK(read.status());
  return *std::move(read);
}

}  // namespace octavo
