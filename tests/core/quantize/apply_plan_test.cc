#include "core/quantize/apply_plan.h"

#include <cmath>
#include <memory>

#include "absl/status/status_matchers.h"
#include "core/quantize/plan_quantization.h"
#include "core/tflite/block_scales.h"
#include "core/tflite/model_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every float activation of the main subgraph gets this range.
TensorRanges SameRange(const Model& model, const Range& range = {-2, 2}) {
  TensorRanges ranges;
  for (int32_t i = 0; i < static_cast<int32_t>(model.graph().tensors.size()); ++i) {
    if (model.tensor(TensorIndex{i}).type == schema::TensorType_FLOAT32 &&
        !model.IsConstant(TensorIndex{i})) {
      ranges[TensorIndex{i}] = range;
    }
  }
  return ranges;
}

Model Quantized(const Model& model, v1::Scheme scheme,
                v1::IoType io_type = v1::IO_TYPE_UNSPECIFIED) {
  v1::VariantSpec spec;
  spec.set_scheme(scheme);
  spec.set_io_type(io_type);
  const absl::StatusOr<QuantPlan> plan = PlanQuantization(model, SameRange(model), spec);
  EXPECT_THAT(plan, IsOk());
  const absl::StatusOr<Model> quantized = ApplyPlan(model, *plan);
  EXPECT_THAT(quantized, IsOk());
  return WrittenAndRead(*quantized);
}

schema::TensorType TypeOf(const Model& model, int32_t tensor) {
  return model.tensor(TensorIndex{tensor}).type;
}

int64_t ZeroPointOf(const Model& model, int32_t tensor) {
  return model.tensor(TensorIndex{tensor}).quantization->zero_point[0];
}

Model TwoConvs(const std::vector<float>& first_bias = {0.9f, 0.25f}) {
  FloatGraph graph;
  const TensorIndex a = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -2}, first_bias, "a");
  graph.Output(graph.Conv(a, {1, 3}, {0, 0.5f}, "y"));
  return graph.Build();
}

// Names and places of the border stay, whatever its types.
void ExpectSameBorder(const Model& model) {
  ASSERT_EQ(model.graph().inputs.size(), 1u);
  ASSERT_EQ(model.graph().outputs.size(), 1u);
  EXPECT_EQ(model.TensorName(TensorIndex{model.graph().inputs[0]}), "x");
  EXPECT_EQ(model.TensorName(TensorIndex{model.graph().outputs[0]}), "y");
  const schema::SignatureDefT& signature = *model.tables.signature_defs.at(0);
  EXPECT_EQ(signature.inputs[0]->tensor_index, static_cast<uint32_t>(model.graph().inputs[0]));
  EXPECT_EQ(signature.outputs[0]->tensor_index, static_cast<uint32_t>(model.graph().outputs[0]));
}

TEST(ApplyPlan, PutsConversionsAtAFloatBorder) {
  const Model model = Quantized(TwoConvs(), v1::SCHEME_INT8);
  EXPECT_EQ(OperatorNames(model), "QUANTIZE CONV_2D CONV_2D DEQUANTIZE");
  ExpectSameBorder(model);
  EXPECT_EQ(TypeOf(model, model.graph().inputs[0]), schema::TensorType_FLOAT32);
  EXPECT_EQ(TypeOf(model, model.graph().outputs[0]), schema::TensorType_FLOAT32);
  const schema::OperatorT& conv = *model.graph().operators[1];
  EXPECT_EQ(model.OperatorVersion(conv), 3);
  EXPECT_EQ(TypeOf(model, conv.inputs[0]), schema::TensorType_INT8);
  EXPECT_EQ(TypeOf(model, conv.inputs[1]), schema::TensorType_INT8);
  EXPECT_EQ(TypeOf(model, conv.inputs[2]), schema::TensorType_INT32);
  // Weights [[0.5, 0], [0, -2]] with scales 0.5/127 and 2/127; bias 0.9 and 0.25.
  EXPECT_THAT(model.ConstantValues<int8_t>(TensorIndex{conv.inputs[1]}),
              ElementsAre(127, 0, 0, -127));
  const double input_scale = 4.0 / 255;
  EXPECT_THAT(model.ConstantValues<int32_t>(TensorIndex{conv.inputs[2]}),
              ElementsAre(std::lround(0.9 / (input_scale * 0.5 / 127)),
                          std::lround(0.25 / (input_scale * 2 / 127))));
}

TEST(ApplyPlan, LeavesNoConversionAtAnInt8Border) {
  const Model model = Quantized(TwoConvs(), v1::SCHEME_INT8, v1::IO_TYPE_INT8);
  EXPECT_EQ(OperatorNames(model), "CONV_2D CONV_2D");
  ExpectSameBorder(model);
  EXPECT_EQ(TypeOf(model, model.graph().inputs[0]), schema::TensorType_INT8);
  EXPECT_EQ(TypeOf(model, model.graph().outputs[0]), schema::TensorType_INT8);
}

TEST(ApplyPlan, ShiftsZeroPointsAtAnUint8Border) {
  const Model model = Quantized(TwoConvs(), v1::SCHEME_INT8, v1::IO_TYPE_UINT8);
  EXPECT_EQ(OperatorNames(model), "QUANTIZE CONV_2D CONV_2D QUANTIZE");
  ExpectSameBorder(model);
  const int32_t x = model.graph().inputs[0], y = model.graph().outputs[0];
  EXPECT_EQ(TypeOf(model, x), schema::TensorType_UINT8);
  EXPECT_EQ(TypeOf(model, y), schema::TensorType_UINT8);
  const auto& operators = model.graph().operators;
  EXPECT_EQ(ZeroPointOf(model, x), ZeroPointOf(model, operators.front()->outputs[0]) + 128);
  EXPECT_EQ(ZeroPointOf(model, y), ZeroPointOf(model, operators.back()->inputs[0]) + 128);
  EXPECT_EQ(model.tensor(TensorIndex{x}).quantization->scale,
            model.tensor(TensorIndex{operators.front()->outputs[0]}).quantization->scale);
}

TEST(ApplyPlan, GivesABiasToWhoHasNone) {
  const Model model = Quantized(TwoConvs(/*first_bias=*/{}), v1::SCHEME_INT8);
  const schema::OperatorT& conv = *model.graph().operators[1];
  ASSERT_EQ(conv.inputs.size(), 3u);
  EXPECT_THAT(model.ConstantValues<int32_t>(TensorIndex{conv.inputs[2]}), ElementsAre(0, 0));
}

TEST(ApplyPlan, ConvertsOnceForAllWhoWantTheOtherForm) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {1, 1}, {0, 0}, "a");
  // Two float users of one int8 tensor, and two int8 users of one float tensor.
  const TensorIndex s = graph.Op(schema::BuiltinOperator_SIN, {a}, "s", {1, 2, 2, 2});
  const TensorIndex c = graph.Op(schema::BuiltinOperator_COS, {a}, "c", {1, 2, 2, 2});
  const TensorIndex r = graph.Op(schema::BuiltinOperator_RELU, {s}, "r", {1, 2, 2, 2});
  const TensorIndex t = graph.Op(schema::BuiltinOperator_TANH, {s}, "t", {1, 2, 2, 2});
  for (const TensorIndex output : {a, c, r, t}) graph.Output(output);
  const Model model = Quantized(graph.Build(), v1::SCHEME_INT8, v1::IO_TYPE_INT8);
  EXPECT_EQ(OperatorNames(model), "CONV_2D DEQUANTIZE SIN COS QUANTIZE RELU TANH QUANTIZE");
  const auto& operators = model.graph().operators;
  EXPECT_EQ(operators[2]->inputs, operators[3]->inputs);
  EXPECT_EQ(operators[5]->inputs, operators[6]->inputs);
  for (const int32_t output : model.graph().outputs) {
    EXPECT_EQ(TypeOf(model, output), schema::TensorType_INT8);
  }
}

TEST(ApplyPlan, TakesFloatFromAnUint8BorderThroughInt8) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex s = graph.Op(schema::BuiltinOperator_SIN, {x}, "s", {1, 4});
  const TensorIndex r = graph.Op(schema::BuiltinOperator_RELU, {s}, "r", {1, 4});
  graph.Output(graph.Op(schema::BuiltinOperator_COS, {r}, "y", {1, 4}));
  const Model model = Quantized(graph.Build(), v1::SCHEME_INT8, v1::IO_TYPE_UINT8);
  ExpectSameBorder(model);
  EXPECT_EQ(OperatorNames(model),
            "QUANTIZE DEQUANTIZE SIN QUANTIZE RELU DEQUANTIZE COS QUANTIZE QUANTIZE");
}

TEST(ApplyPlan, RequantizesAnInputOfAFixedScale) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex p = graph.Op(schema::BuiltinOperator_LOGISTIC, {x}, "p", {1, 4});
  schema::ConcatenationOptionsT options;
  options.axis = 1;
  graph.Output(graph.Op(schema::BuiltinOperator_CONCATENATION, options, {x, p, p}, "y", {1, 12}));
  const Model model = Quantized(graph.Build(), v1::SCHEME_INT8, v1::IO_TYPE_INT8);
  EXPECT_EQ(OperatorNames(model), "LOGISTIC QUANTIZE CONCATENATION");
  const schema::OperatorT& join = *model.graph().operators[2];
  EXPECT_EQ(join.inputs[1], join.inputs[2]);
  std::vector<std::vector<float>> scales;
  for (const int32_t input : join.inputs) {
    scales.push_back(model.tensor(TensorIndex{input}).quantization->scale);
  }
  EXPECT_THAT(scales, Each(model.tensor(TensorIndex{join.outputs[0]}).quantization->scale));
}

TEST(ApplyPlan, StoresAConstantAnewForEachKindOfUse) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex k = graph.Constant("k", {4}, {-1, 0, 2, 3});
  const TensorIndex a =
      graph.Op(schema::BuiltinOperator_ADD, schema::AddOptionsT(), {x, k}, "a", {1, 4});
  const TensorIndex p =
      graph.Op(schema::BuiltinOperator_POW, schema::PowOptionsT(), {a, k}, "p", {1, 4});
  graph.Output(graph.Op(schema::BuiltinOperator_MUL, schema::MulOptionsT(), {p, k}, "y", {1, 4}));
  const Model original = graph.Build();
  const Model model = Quantized(original, v1::SCHEME_INT8);
  EXPECT_EQ(OperatorNames(model), "QUANTIZE ADD DEQUANTIZE POW QUANTIZE MUL DEQUANTIZE");
  const auto& operators = model.graph().operators;
  EXPECT_EQ(TypeOf(model, operators[1]->inputs[1]), schema::TensorType_INT8);
  EXPECT_EQ(TypeOf(model, operators[3]->inputs[1]), schema::TensorType_FLOAT32);
  EXPECT_THAT(model.ConstantValues<float>(TensorIndex{operators[3]->inputs[1]}),
              ElementsAre(-1, 0, 2, 3));
  EXPECT_EQ(operators[1]->inputs[1], operators[5]->inputs[1]) << "the same kind of use";
}

TEST(ApplyPlan, EditsNoBufferThatAnotherTensorUses) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {0.5f, -2}, {1, 0.25f}, "a");
  const TensorIndex same = graph.Constant("same", {4}, {0});
  const TensorIndex flat = graph.Int32Constant("flat", {2}, {2, 4});
  const TensorIndex r = graph.Op(schema::BuiltinOperator_RESHAPE, {a, flat}, "r", {2, 4});
  graph.Output(
      graph.Op(schema::BuiltinOperator_POW, schema::PowOptionsT(), {r, same}, "y", {2, 4}));
  Model original = graph.Build();
  // The weights [2, 1, 1, 2] and the exponents [4] lie in one buffer.
  original.tensor(same).buffer = original.tensor(FindTensor(original, "a/weights")).buffer;
  const Model model = Quantized(original, v1::SCHEME_INT8);
  EXPECT_THAT(model.ConstantValues<float>(FindTensor(model, "same")), ElementsAre(0.5f, 0, 0, -2));
  EXPECT_THAT(original.ConstantValues<float>(same), ElementsAre(0.5f, 0, 0, -2));
  EXPECT_THAT(model.ConstantValues<int8_t>(FindTensor(model, "a/weights")),
              ElementsAre(127, 0, 0, -127));
}

TEST(ApplyPlan, PutsEachFloat16ConstantBehindOneDequantize) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex k = graph.Constant("k", {4}, {-1, 0, 65504, 3});
  const TensorIndex a =
      graph.Op(schema::BuiltinOperator_ADD, schema::AddOptionsT(), {x, k}, "a", {1, 4});
  graph.Output(graph.Op(schema::BuiltinOperator_MUL, schema::MulOptionsT(), {a, k}, "y", {1, 4}));
  const Model model = Quantized(graph.Build(), v1::SCHEME_FLOAT16);
  EXPECT_EQ(OperatorNames(model), "DEQUANTIZE ADD MUL");
  const schema::OperatorT& dequantize = *model.graph().operators[0];
  EXPECT_EQ(model.OperatorVersion(dequantize), 3);
  EXPECT_EQ(TypeOf(model, dequantize.inputs[0]), schema::TensorType_FLOAT16);
  EXPECT_EQ(
      static_cast<float>(model.ConstantValues<_Float16>(TensorIndex{dequantize.inputs[0]})[2]),
      65504);
  EXPECT_EQ(model.graph().operators[1]->inputs[1], dequantize.outputs[0]);
  EXPECT_EQ(model.graph().operators[2]->inputs[1], dequantize.outputs[0]);
  EXPECT_EQ(TypeOf(model, dequantize.outputs[0]), schema::TensorType_FLOAT32);
}

TEST(ApplyPlan, SetsTheOptionsThatInt16Needs) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {0.5f, -2}, {}, "a");
  const TensorIndex b =
      graph.Op(schema::BuiltinOperator_ADD, schema::AddOptionsT(), {a, x}, "b", {1, 2, 2, 2});
  graph.Output(
      graph.Op(schema::BuiltinOperator_SUB, schema::SubOptionsT(), {b, x}, "y", {1, 2, 2, 2}));
  const Model model = Quantized(graph.Build(), v1::SCHEME_INT16X8);
  EXPECT_EQ(OperatorNames(model), "QUANTIZE CONV_2D ADD SUB DEQUANTIZE");
  const auto& operators = model.graph().operators;
  EXPECT_EQ(operators[1]->builtin_options.AsConv2DOptions()->quantized_bias_type,
            schema::TensorType_INT64);
  EXPECT_FALSE(operators[2]->builtin_options.AsAddOptions()->pot_scale_int16);
  EXPECT_FALSE(operators[3]->builtin_options.AsSubOptions()->pot_scale_int16);
  EXPECT_EQ(TypeOf(model, operators[1]->inputs[2]), schema::TensorType_INT64);
  for (const auto& tensor : model.graph().tensors) {
    if (tensor->type != schema::TensorType_INT16) continue;
    EXPECT_EQ(tensor->quantization->zero_point[0], 0);
  }
}

TEST(ApplyPlan, QuantizesDynamicInputsAsymmetrically) {
  FloatGraph graph;
  const TensorIndex weights = graph.Constant("w", {32, 32}, std::vector<float>(1024, 0.5f));
  graph.Output(graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, schema::FullyConnectedOptionsT(),
                        {graph.Input("x", {1, 32}), weights, kNoTensor}, "y", {1, 32}));
  const Model model = Quantized(graph.Build(), v1::SCHEME_DYNAMIC_INT8);
  EXPECT_EQ(OperatorNames(model), "FULLY_CONNECTED");
  const schema::OperatorT& op = *model.graph().operators[0];
  EXPECT_EQ(model.OperatorVersion(op), 12);
  EXPECT_TRUE(op.builtin_options.AsFullyConnectedOptions()->asymmetric_quantize_inputs);
  EXPECT_EQ(TypeOf(model, op.inputs[0]), schema::TensorType_FLOAT32);
  EXPECT_THAT(model.ConstantValues<int8_t>(TensorIndex{op.inputs[1]}), Each(127));
}

TEST(ApplyPlan, DropsTheFloatModelsMinAndMax) {
  Model original = TwoConvs();
  auto& tensor = original.tensor(FindTensor(original, "a"));
  tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
  tensor.quantization->min = {-1};
  tensor.quantization->max = {1};
  const Model model = Quantized(original, v1::SCHEME_INT8);
  EXPECT_TRUE(model.tensor(FindTensor(model, "a")).quantization->min.empty());
}

TEST(ApplyPlan, RefusesAPlanOfAnotherModel) {
  const Model model = TwoConvs();
  v1::VariantSpec spec;
  spec.set_scheme(v1::SCHEME_INT8);
  const QuantPlan plan = *PlanQuantization(model, SameRange(model), spec);

  QuantPlan too_few = plan;
  too_few.operators.pop_back();
  EXPECT_THAT(ApplyPlan(model, too_few),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("operators")));
  QuantPlan bad_tensor = plan;
  bad_tensor.activations[{TensorIndex{99}, schema::TensorType_INT8}] = {};
  EXPECT_THAT(ApplyPlan(model, bad_tensor),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("tensor 99")));
  QuantPlan bad_constant = plan;
  bad_constant.constants[{0, 0}] = plan.constants.begin()->second;
  EXPECT_THAT(ApplyPlan(model, bad_constant),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no float constant")));
  QuantPlan bad_use = plan;
  bad_use.requantize[{0, 1}] = plan.activations.begin()->second;
  EXPECT_THAT(ApplyPlan(model, bad_use),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("requantizes")));
}

// Between int8 and int16 lies float.
TEST(ApplyPlan, PutsInt16BesideInt8) {
  const Model model = TwoConvs();
  v1::VariantSpec spec;
  spec.set_scheme(v1::SCHEME_INT8);
  spec.set_io_type(v1::IO_TYPE_UINT8);
  v1::OperatorOverride& one = *spec.add_overrides();
  one.set_pattern("^y$");
  one.set_precision(v1::OperatorOverride::PRECISION_INT16X8);
  const auto plan = PlanQuantization(model, SameRange(model), spec);
  ASSERT_THAT(plan, IsOk());
  const auto mixed = ApplyPlan(model, *plan);
  ASSERT_THAT(mixed, IsOk());
  EXPECT_EQ(OperatorNames(WrittenAndRead(*mixed)),
            "QUANTIZE CONV_2D DEQUANTIZE QUANTIZE CONV_2D DEQUANTIZE QUANTIZE QUANTIZE");
}

// A FULLY_CONNECTED whose weights grow from block to block of 32.
Model OneFullyConnected(int outputs, int inputs) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, inputs});
  std::vector<float> weights(outputs * inputs);
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(i / 32 + 1) * static_cast<float>(static_cast<int>(i % 15) - 7);
  }
  const TensorIndex w = graph.Constant("w", {outputs, inputs}, weights);
  graph.Output(graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, schema::FullyConnectedOptionsT(),
                        {x, w}, "y", {1, outputs}));
  return graph.Build();
}

TEST(ApplyPlan, GivesEachBlockOf32WeightsAScale) {
  v1::VariantSpec spec;
  spec.set_scheme(v1::SCHEME_DYNAMIC_INT4_BLOCK32);
  const Model model = OneFullyConnected(16, 64);
  const QuantPlan plan = *PlanQuantization(model, {}, spec);
  EXPECT_EQ(plan.operators[0].note, "int4 weights per block, activations quantized while it runs");
  const Model written = WrittenAndRead(*ApplyPlan(model, plan));
  const TensorIndex weights = FindTensor(written, "w");
  EXPECT_EQ(written.tensor(weights).type, schema::TensorType_INT4);
  const auto blocks = ReadBlockScales(written, weights);
  ASSERT_TRUE(blocks.has_value());
  EXPECT_EQ(blocks->block_size, 32);
  // The largest magnitudes are 7, 14, 21 ...
  ASSERT_EQ(blocks->scales.size(), 32);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(blocks->scales[i], i + 1);
  EXPECT_EQ(written.tensor(FindTensor(written, "w_scales")).shape, Shape({16, 2}));
  // -7 and -6, two codes a byte.
  EXPECT_EQ(written.ConstantBytes(weights)[0], 0xa9);
}

TEST(ApplyPlan, RefusesBlocksWhereNoneFit) {
  v1::VariantSpec spec;
  spec.set_scheme(v1::SCHEME_DYNAMIC_INT4_BLOCK32);
  EXPECT_THAT(PlanQuantization(OneFullyConnected(2, 1040), {}, spec),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a multiple of 32")));
}

TEST(ApplyPlan, GivesTheSameBytesEachTime) {
  const Model model = TwoConvs();
  for (const v1::VariantSpec& spec : UsualVariants()) {
    const auto plan = PlanQuantization(model, SameRange(model), spec);
    if (!plan.ok() && !NeedsCalibration(spec.scheme())) continue;  // nothing is large enough
    ASSERT_THAT(plan, IsOk());
    EXPECT_EQ(*WriteModel(*ApplyPlan(model, *plan)), *WriteModel(*ApplyPlan(model, *plan)));
  }
}

}  // namespace
}  // namespace octavo
