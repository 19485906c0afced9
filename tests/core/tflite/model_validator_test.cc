#include "core/tflite/model_validator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Tensors of TinyDense.
constexpr TensorIndex kX{0};
constexpr TensorIndex kWeights{1};
constexpr TensorIndex kY{3};

struct Damage {
  const char* name;
  std::function<void(Model& model)> apply;
  std::string message;
};

schema::OperatorT& Dense(Model& model) { return *model.graph().operators[0]; }

void Quantize(schema::TensorT& tensor, std::vector<float> scale, std::vector<int64_t> zero_point,
              int32_t axis = 0) {
  tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
  tensor.quantization->scale = std::move(scale);
  tensor.quantization->zero_point = std::move(zero_point);
  tensor.quantization->quantized_dimension = axis;
}

void AddSignature(Model& model, uint32_t subgraph, uint32_t tensor) {
  auto signature = std::make_unique<schema::SignatureDefT>();
  signature->signature_key = "serve";
  signature->subgraph_index = subgraph;
  signature->outputs.push_back(std::make_unique<schema::TensorMapT>());
  signature->outputs[0]->name = "logits";
  signature->outputs[0]->tensor_index = tensor;
  model.tables.signature_defs.push_back(std::move(signature));
}

// A second operator behind the first: y -> z.
schema::OperatorT& AddRelu(Model& model, int32_t input, int32_t output) {
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model.OperatorCodeIndex(schema::BuiltinOperator_RELU, 1);
  op->inputs = {input};
  op->outputs = {output};
  model.graph().operators.push_back(std::move(op));
  return *model.graph().operators.back();
}

TensorIndex AddTensor(Model& model, const char* name) {
  schema::TensorT tensor;
  tensor.name = name;
  tensor.shape = {1, 3};
  return model.AddTensor(tensor, SharedBytes());
}

const Damage kDamages[] = {
    {"NoSubgraph", [](Model& m) { m.tables.subgraphs.clear(); }, "the model has no subgraph"},
    {"InputIndexPastTheTensors", [](Model& m) { Dense(m).inputs[1] = 99; },
     "operator 0 (FULLY_CONNECTED) of tensor 3 'y': its input 99 is no tensor"},
    {"NegativeInputIndex", [](Model& m) { Dense(m).inputs[1] = -2; }, "its input -2 is no tensor"},
    {"OutputIndexPastTheTensors", [](Model& m) { Dense(m).outputs[0] = 4; },
     "its output 4 is no tensor"},
    {"NegativeOutputIndex", [](Model& m) { Dense(m).outputs[0] = -1; },
     "its output -1 is no tensor"},
    {"IntermediateIndex", [](Model& m) { Dense(m).intermediates = {77}; },
     "its intermediate 77 is no tensor"},
    {"OperatorCodeIndex", [](Model& m) { Dense(m).opcode_index = 5; },
     "operator 0: there is no operator code 5"},
    {"HugeOperatorCodeIndex", [](Model& m) { Dense(m).opcode_index = 0xffffffff; },
     "there is no operator code 4294967295"},
    {"NegativeOperatorCode",
     [](Model& m) {
       m.tables.operator_codes[0]->builtin_code = static_cast<schema::BuiltinOperator>(-3);
       m.tables.operator_codes[0]->deprecated_builtin_code = -3;
     },
     "operator code 0 is -3"},
    {"OperatorVersion0", [](Model& m) { m.tables.operator_codes[0]->version = 0; }, "of version 0"},
    {"BufferIndex", [](Model& m) { m.tensor(kWeights).buffer = 12; },
     "tensor 1 'weights': there is no buffer 12"},
    {"GraphInputIndex", [](Model& m) { m.graph().inputs[0] = 31; }, "input 31 is no tensor"},
    {"GraphOutputIndex", [](Model& m) { m.graph().outputs[0] = -1; }, "output -1 is no tensor"},
    {"SignatureTensorIndex", [](Model& m) { AddSignature(m, 0, 8); },
     "signature 'serve': 'logits' is tensor 8"},
    {"SignatureSubgraphIndex", [](Model& m) { AddSignature(m, 3, 0); }, "there is no subgraph 3"},
    {"MetadataBufferIndex",
     [](Model& m) {
       m.tables.metadata.push_back(std::make_unique<schema::MetadataT>());
       m.tables.metadata[0]->name = "notes";
       m.tables.metadata[0]->buffer = 40;
     },
     "metadata 'notes': there is no buffer 40"},
    {"SubgraphOfAnIf",
     [](Model& m) {
       schema::OperatorT& op = AddRelu(m, 3, static_cast<int32_t>(AddTensor(m, "z")));
       op.opcode_index = m.OperatorCodeIndex(schema::BuiltinOperator_IF, 1);
       schema::IfOptionsT options;
       options.then_subgraph_index = 2;
       op.builtin_options.Set(options);
     },
     "operator 1 (IF) of tensor 4 'z': it runs subgraph 2 of 1"},

    {"ConstantTooShort", [](Model& m) { m.tensor(kWeights).shape = {4, 2}; },
     "tensor 1 'weights': a constant of 24 bytes for FLOAT32[4, 2]"},
    {"ConstantOfAnotherType", [](Model& m) { m.tensor(kWeights).type = schema::TensorType_INT8; },
     "a constant of 24 bytes for INT8[3, 2]"},
    {"NegativeDimension", [](Model& m) { m.tensor(kX).shape = {-1, 2}; }, "the shape is [-1, 2]"},
    {"OverflowingShape", [](Model& m) { m.tensor(kX).shape = {1 << 30, 1 << 30, 1 << 30}; },
     "tensor 0 'x': the shape is"},
    {"SignatureOfAnotherRank", [](Model& m) { m.tensor(kX).shape_signature = {-1}; },
     "its signature [-1]"},
    {"SignatureBelowMinus1", [](Model& m) { m.tensor(kX).shape_signature = {-7, 2}; }, "signature"},
    {"UnknownElementType",
     [](Model& m) { m.tensor(kX).type = static_cast<schema::TensorType>(90); },
     "the element type is 90"},
    {"NameThatIsNoText", [](Model& m) { m.tensor(kX).name = "\xff\xfe"; },
     "the name of tensor 0 is no text"},

    {"NothingMakesTheOutput",
     [](Model& m) { m.graph().outputs[0] = static_cast<int32_t>(AddTensor(m, "z")); },
     "nothing makes the output tensor 4 'z'"},
    {"UsedBeforeItIsMade",
     [](Model& m) {
       AddRelu(m, 3, static_cast<int32_t>(AddTensor(m, "z")));
       std::swap(m.graph().operators[0], m.graph().operators[1]);
     },
     "operator 0 (RELU) of tensor 4 'z': its input tensor 3 'y' is used before it is made"},
    {"Cycle",
     [](Model& m) {
       const auto z = static_cast<int32_t>(AddTensor(m, "z"));
       Dense(m).inputs[0] = z;
       AddRelu(m, 3, z);
     },
     "its input tensor 4 'z' is used before it is made"},
    {"UsesItself", [](Model& m) { Dense(m).inputs[0] = 3; }, "'y' is used before it is made"},
    {"MadeTwice", [](Model& m) { AddRelu(m, 0, 3); }, "tensor 3 'y' is made twice"},
    {"InputTwice", [](Model& m) { m.graph().inputs.push_back(0); }, "tensor 0 'x' is made twice"},
    {"InputIsMade", [](Model& m) { m.graph().inputs.push_back(3); }, "tensor 3 'y' is made twice"},
    {"InputIsConstant", [](Model& m) { m.graph().inputs.push_back(1); },
     "tensor 1 'weights' is a constant"},
    {"OutputIsConstant", [](Model& m) { AddRelu(m, 0, 2); }, "tensor 2 'bias' is a constant"},

    {"NanScale", [](Model& m) { Quantize(m.tensor(kX), {std::nanf("")}, {0}); },
     "tensor 0 'x': a scale is nan"},
    {"InfiniteScale",
     [](Model& m) { Quantize(m.tensor(kX), {std::numeric_limits<float>::infinity()}, {0}); },
     "a scale is inf"},
    {"NegativeScale", [](Model& m) { Quantize(m.tensor(kX), {-0.5f}, {0}); }, "a scale is -0.5"},
    {"TooFewScales", [](Model& m) { Quantize(m.tensor(kWeights), {1, 1}, {0, 0}); },
     "2 scales along axis 0 of [3, 2]"},
    {"QuantizedDimensionPastTheAxes",
     [](Model& m) { Quantize(m.tensor(kWeights), {1, 1, 1}, {}, 2); }, "3 scales along axis 2"},
    {"NegativeQuantizedDimension", [](Model& m) { Quantize(m.tensor(kWeights), {1}, {}, -1); },
     "the quantized dimension is -1"},
    {"ZeroPointsOfAnotherNumber", [](Model& m) { Quantize(m.tensor(kWeights), {1, 1, 1}, {0, 0}); },
     "3 scales, 2 zero points"},
    {"ZeroPointOutOfRange",
     [](Model& m) {
       m.tensor(kX).type = schema::TensorType_INT8;
       Quantize(m.tensor(kX), {1}, {128});
     },
     "a zero point of INT8 is 128"},
    {"BlockwiseScalesIndex",
     [](Model& m) {
       Quantize(m.tensor(kX), {}, {});
       schema::BlockwiseQuantizationT details;
       details.scales = 50;
       m.tensor(kX).quantization->details.Set(details);
     },
     "its scales are tensor 50"},

    {"NoOptions", [](Model& m) { Dense(m).builtin_options.Reset(); }, "there are no options"},
    {"OptionsOfAnotherOperator",
     [](Model& m) { Dense(m).builtin_options.Set(schema::AddOptionsT()); },
     "the options are AddOptions, another operator's"},
    {"TooFewInputs", [](Model& m) { Dense(m).inputs.resize(1); }, "there are 1 inputs"},
    {"TooManyInputs", [](Model& m) { Dense(m).inputs = {0, 1, 2, 1}; }, "there are 4 inputs"},
    {"MissingWeights", [](Model& m) { Dense(m).inputs[1] = -1; }, "input 1 is missing"},
    {"NoOutputs", [](Model& m) { Dense(m).outputs.clear(); }, "there are 0 outputs"},
    {"UnknownFusedActivation",
     [](Model& m) {
       Dense(m).builtin_options.AsFullyConnectedOptions()->fused_activation_function =
           static_cast<schema::ActivationFunctionType>(17);
     },
     "the fused activation is 17"},
};

class DamagedModel : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedModel, IsRefusedByNameWhenItIsRead) {
  Model model = TinyDense();
  GetParam().apply(model);
  const auto file = WriteModel(model);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(ReadModel(ToFile(*file)),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)),
                    HasReason("MODEL_MALFORMED")));
}

INSTANTIATE_TEST_SUITE_P(ModelValidator, DamagedModel, ::testing::ValuesIn(kDamages),
                         [](const auto& info) { return info.param.name; });

TEST(ModelValidator, RefusesWindowsThatDoNotSlide) {
  const Model model = FixtureModel("models/mnist_cnn/float_static.tflite");
  for (const auto& op : model.graph().operators) {
    if (model.OperatorName(*op) != "CONV_2D") continue;
    for (const int32_t value : {0, -1, 1 << 16, std::numeric_limits<int32_t>::min()}) {
      Model damaged = model;
      schema::Conv2DOptionsT& options = *damaged.graph()
                                             .operators[&op - model.graph().operators.data()]
                                             ->builtin_options.AsConv2DOptions();
      options.stride_w = value;
      EXPECT_THAT(ValidateModel(damaged),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the stride is")));
      options.stride_w = 1;
      options.dilation_h_factor = value;
      EXPECT_THAT(ValidateModel(damaged),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the dilation is")));
      options.dilation_h_factor = 1;
      options.padding = static_cast<schema::Padding>(9);
      EXPECT_THAT(ValidateModel(damaged),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the padding is 9")));
    }
  }
}

TEST(ModelValidator, LetsThroughWhatTheFormatAllows) {
  Model model = TinyDense();
  // A missing bias, a tensor without elements that nothing makes, a scale of 0, an unused tensor.
  Dense(model).inputs[2] = -1;
  Quantize(model.tensor(kY), {0}, {0});
  const TensorIndex empty = AddTensor(model, "empty");
  model.tensor(empty).shape = {0};
  AddRelu(model, static_cast<int32_t>(empty), static_cast<int32_t>(AddTensor(model, "z")));
  EXPECT_THAT(ValidateModel(model), IsOk());
  // A sparse constant has fewer bytes than its shape.
  model.tensor(kWeights).shape = {30, 20};
  model.tensor(kWeights).sparsity = std::make_unique<schema::SparsityParametersT>();
  EXPECT_THAT(ValidateModel(model), IsOk());
}

}  // namespace
}  // namespace octavo
