#include "core/import/learn_ranges.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/tflite/learned_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class QatBuilder : public ModelBuilder {
 public:
  void FakeQuant(TensorIndex from, TensorIndex to, float min, float max, int num_bits = 8,
                 bool narrow = false) {
    schema::FakeQuantOptionsT options;
    options.min = min;
    options.max = max;
    options.num_bits = num_bits;
    options.narrow_range = narrow;
    Op(schema::BuiltinOperator_FAKE_QUANT, {from}, {to}, options);
  }
  TensorIndex FakeQuant(TensorIndex from, const std::string& to, float min, float max,
                        int num_bits = 8) {
    const TensorIndex tensor = Tensor(to, model().tensor(from).shape);
    FakeQuant(from, tensor, min, max, num_bits);
    return tensor;
  }
  TensorIndex Relu(TensorIndex from, const std::string& to) {
    const TensorIndex tensor = Tensor(to, model().tensor(from).shape);
    Op(schema::BuiltinOperator_RELU, {from}, {tensor});
    return tensor;
  }
};

std::vector<std::string> Operators(const Model& model) {
  std::vector<std::string> operators;
  for (const auto& op : model.graph().operators) {
    std::string text = model.OperatorName(*op);
    for (const int32_t input : op->inputs) text += " " + model.graph().tensors[input]->name;
    text += " ->";
    for (const int32_t output : op->outputs) text += " " + model.graph().tensors[output]->name;
    operators.push_back(text);
  }
  return operators;
}

const schema::TensorT& Named(const Model& model, const std::string& name) {
  for (const auto& tensor : model.graph().tensors) {
    if (tensor->name == name) return *tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return *model.graph().tensors[0];
}

const LearnedParams kMinus1To2{3.0f / 255, 85 - 128};

TEST(LearnRanges, TakesTheRangesOntoTheTensors) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  const TensorIndex y = builder.Relu(builder.FakeQuant(x, "x_fq", -1, 2), "y");
  const TensorIndex z = builder.Relu(builder.FakeQuant(y, "y_fq", 0, 2.55f), "z");
  builder.Output(builder.FakeQuant(z, "z_fq", -1, 2));
  const Model model = LearnRanges(builder.Build());
  EXPECT_THAT(Operators(model), ElementsAre("RELU x -> y", "RELU y -> z_fq"));
  EXPECT_THAT(LearnedParamsOf(Named(model, "x")), Optional(kMinus1To2));
  EXPECT_THAT(LearnedParamsOf(Named(model, "y")), Optional(LearnedParams{2.55f / 255, -128}));
  EXPECT_THAT(LearnedParamsOf(Named(model, "z_fq")), Optional(kMinus1To2));
}

TEST(LearnRanges, GivesConstantsTheValuesBehindThem) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  const TensorIndex weights = builder.Floats("w", {3, 2}, {1, -1, 0.3f, 0.004f, -0.5f, 2});
  const TensorIndex rounded = builder.Tensor("w_fq", {3, 2});
  builder.FakeQuant(weights, rounded, -1.27f, 1.27f, 8, /*narrow=*/true);
  const TensorIndex y = builder.Tensor("y", {1, 3});
  builder.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, rounded, kNoTensor}, {y},
             schema::FullyConnectedOptionsT());
  builder.Output(y);
  const Model model = LearnRanges(builder.Build());
  ASSERT_EQ(model.graph().operators.size(), 1u);
  const TensorIndex stored = InputOf(*model.graph().operators[0], 1);
  using ::testing::FloatNear;
  EXPECT_THAT(model.ConstantValues<float>(stored),
              ElementsAre(FloatNear(1, 1e-6f), FloatNear(-1, 1e-6f), FloatNear(0.3f, 1e-6f),
                          FloatNear(0, 1e-6f), FloatNear(-0.5f, 1e-6f), FloatNear(1.27f, 1e-6f)));
  EXPECT_THAT(LearnedParamsOf(model.tensor(stored)), Optional(LearnedParams{2.54f / 254, 0}));
}

TEST(LearnRanges, HoldsAllRangesOfATensor) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  builder.Output(builder.Relu(builder.FakeQuant(x, "a", -1, 1.5f), "y"));
  builder.Output(builder.Relu(builder.FakeQuant(x, "b", 0, 2), "z"));
  const auto params = LearnedParamsOf(Named(LearnRanges(builder.Build()), "x"));
  ASSERT_TRUE(params.has_value());
  EXPECT_NEAR(params->min(), -1, 0.01);
  EXPECT_NEAR(params->max(), 2, 0.01);
}

TEST(LearnRanges, LearnsNoRangeThatIsWiderThanFloats) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  builder.Output(builder.Relu(builder.FakeQuant(x, "a", -3e38f, 0.1e38f), "y"));
  builder.Output(builder.Relu(builder.FakeQuant(x, "b", -0.1e38f, 3e38f), "z"));
  const auto params = LearnedParamsOf(Named(LearnRanges(builder.Build()), "x"));
  ASSERT_TRUE(params.has_value());
  EXPECT_TRUE(std::isnormal(params->scale));
}

TEST(LearnRanges, TakesOutChainsBehindOneAnother) {
  QatBuilder builder;
  const TensorIndex y = builder.Relu(builder.Input("x", {1, 2}), "y");
  builder.Output(builder.FakeQuant(builder.FakeQuant(y, "a", -1, 2), "b", -1, 2));
  const Model model = LearnRanges(builder.Build());
  EXPECT_THAT(Operators(model), ElementsAre("RELU x -> b"));
  EXPECT_THAT(LearnedParamsOf(Named(model, "b")), Optional(kMinus1To2));
}

TEST(LearnRanges, LearnsNothingFromOtherNumbersOfBits) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  builder.Output(builder.Relu(builder.FakeQuant(x, "a", -1, 2, 4), "y"));
  const Model model = LearnRanges(builder.Build());
  EXPECT_THAT(Operators(model), ElementsAre("RELU x -> y"));
  EXPECT_EQ(LearnedParamsOf(Named(model, "x")), std::nullopt);
}

TEST(LearnRanges, LeavesOneBetweenAnInputAndAnOutput) {
  QatBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  builder.Output(builder.FakeQuant(x, "y", -1, 2));
  const TensorIndex z = builder.Relu(x, "z");
  builder.Output(z);
  builder.Output(builder.FakeQuant(z, "w", -1, 2));
  EXPECT_THAT(Operators(LearnRanges(builder.Build())),
              ElementsAre("FAKE_QUANT x -> y", "RELU x -> z", "FAKE_QUANT z -> w"));
}

}  // namespace
}  // namespace octavo
