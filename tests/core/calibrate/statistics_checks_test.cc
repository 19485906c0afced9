#include "core/calibrate/statistics_checks.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Reasons(const std::vector<v1::Warning>& warnings) {
  std::vector<std::string> reasons;
  for (const v1::Warning& warning : warnings) reasons.push_back(warning.reason());
  return reasons;
}

// relu(x * factor), or relu(x) for a factor of 1.
Model Net(float factor) {
  FloatGraph graph;
  TensorIndex x = graph.Input("x", {1, 3});
  if (factor != 1) {
    x = graph.Op(schema::BuiltinOperator_MUL, schema::MulOptionsT(),
                 {x, graph.Constant("factor", {1}, {factor})}, "y", {1, 3});
  }
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {x}, "z", {1, 3}));
  return graph.Build();
}

std::vector<v1::Warning> CheckInput(const Model& model, Range seen, int64_t examples = 100) {
  return CheckStatistics(model, {{FindTensor(model, "x"), {.min_max = seen}}}, examples);
}

TEST(CheckStatistics, HasNothingToSayOfWhatIsUsual) {
  EXPECT_THAT(CheckInput(Net(1), {0, 1}), IsEmpty());
  EXPECT_THAT(CheckInput(Net(1), {-1, 1}), IsEmpty());
  EXPECT_THAT(CheckInput(Net(1 / 255.0f), {0, 255}), IsEmpty());
}

TEST(CheckStatistics, WarnsOfFewExamples) {
  EXPECT_THAT(Reasons(CheckInput(Net(1), {0, 1}, 49)), ElementsAre("FEW_EXAMPLES"));
}

TEST(CheckStatistics, WarnsOfAConstantInput) {
  const auto warnings = CheckInput(Net(1), {0.5f, 0.5f});
  ASSERT_THAT(Reasons(warnings), ElementsAre("CONSTANT_INPUT"));
  EXPECT_THAT(warnings[0].message(), HasSubstr("'x' is 0.5"));
}

TEST(CheckStatistics, WarnsOfPixelsThatNobodyScales) {
  const auto warnings = CheckInput(Net(1), {0, 255});
  ASSERT_THAT(Reasons(warnings), ElementsAre("INPUT_RANGE"));
  EXPECT_THAT(warnings[0].message(), HasSubstr("--scale 1/255"));
}

TEST(CheckStatistics, WarnsOfPixelsThatAreScaledTwice) {
  const auto warnings = CheckInput(Net(1 / 255.0f), {0, 1});
  ASSERT_THAT(Reasons(warnings), ElementsAre("INPUT_RANGE"));
  EXPECT_THAT(warnings[0].message(), HasSubstr("leave --scale out"));
}

TEST(CheckStatistics, WarnsOfDeadActivations) {
  const Model model = Net(1);
  const auto warnings = CheckStatistics(model,
                                        {{FindTensor(model, "x"), {.min_max = {-1, 0}}},
                                         {FindTensor(model, "z"), {.min_max = {0, 0}}}},
                                        100);
  ASSERT_THAT(Reasons(warnings), ElementsAre("DEAD_ACTIVATIONS"));
  EXPECT_THAT(warnings[0].message(), HasSubstr("'z'"));
}

TEST(CheckWeights, CountsDeadChannels) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2});
  schema::FullyConnectedOptionsT options;
  const TensorIndex y = graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, options,
                                 {x, graph.Constant("w", {3, 2}, {1, 0, 0, 0, 0, 2})}, "y", {1, 3});
  graph.Output(y);
  const auto warnings = CheckWeights(graph.Build());
  ASSERT_THAT(Reasons(warnings), ElementsAre("DEAD_CHANNELS"));
  EXPECT_THAT(warnings[0].message(), HasSubstr("1 channel of weights"));
  EXPECT_THAT(CheckWeights(Net(2)), IsEmpty());
}

}  // namespace
}  // namespace octavo
