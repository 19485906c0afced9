#include "core/quantize/learned_ranges.h"

#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/plan_quantization.h"
#include "core/tflite/learned_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::VariantSpec Spec(v1::Scheme scheme) {
  v1::VariantSpec spec;
  spec.set_scheme(scheme);
  return spec;
}

void Learn(Model& model, const std::string& name, float scale, int64_t zero_point) {
  SetLearnedParams({scale, zero_point}, model.tensor(FindTensor(model, name)));
}

// x -> conv -> y -> max pool -> z
Model ConvAndPool() {
  FloatGraph graph;
  const TensorIndex y = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -0.25f}, {1, 0.25f}, "y");
  schema::Pool2DOptionsT pool;
  pool.stride_w = pool.stride_h = pool.filter_width = pool.filter_height = 2;
  graph.Output(graph.Op(schema::BuiltinOperator_MAX_POOL_2D, pool, {y}, "z", {1, 1, 1, 2}));
  return graph.Build();
}

TensorIndex WeightsOf(const Model& model, const std::string& output) {
  return InputOf(MakerOf(model, FindTensor(model, output)), 1);
}

QuantPlan Plan(const Model& model, const TensorRanges& ranges, v1::Scheme scheme) {
  absl::StatusOr<QuantPlan> plan = PlanQuantization(model, ranges, Spec(scheme));
  EXPECT_THAT(plan, IsOk());
  return plan.ok() ? *std::move(plan) : QuantPlan();
}

QuantParams ParamsOf(const QuantPlan& plan, TensorIndex tensor) {
  return plan.activations.at({tensor, schema::TensorType_INT8});
}

TEST(LearnedRanges, CountAgainstMeasuredOnes) {
  Model model = ConvAndPool();
  const TensorIndex y = FindTensor(model, "y");
  Learn(model, "y", 0.1f, -28);
  const TensorRanges measured = {
      {FindTensor(model, "x"), {-1, 1}}, {y, {-99, 99}}, {FindTensor(model, "z"), {-7, 99}}};
  const TensorRanges ranges = WithLearnedRanges(model, measured);
  EXPECT_THAT(ranges.at(y).min, FloatEq(-10));
  EXPECT_THAT(ranges.at(y).max, FloatEq(15.5));
  const QuantPlan plan = Plan(model, measured, v1::SCHEME_INT8);
  EXPECT_EQ(ParamsOf(plan, y), (QuantParams{{0.1f}, {-28}}));
  EXPECT_EQ(ParamsOf(plan, FindTensor(model, "z")), (QuantParams{{0.1f}, {-28}}));
  EXPECT_THAT(plan.operators[0].note, HasSubstr("range as it was trained"));
}

TEST(LearnedRanges, NeedNoCalibrationWhereTheyAreAll) {
  Model model = ConvAndPool();
  Learn(model, "x", 0.05f, 3);
  EXPECT_EQ(CountLearned(model).without_range, 2);
  Learn(model, "z", 0.1f, -28);
  const LearnedCount count = CountLearned(model);
  EXPECT_EQ(count.activations, 3);
  EXPECT_EQ(count.learned, 2);
  EXPECT_EQ(count.without_range, 0);
  const QuantPlan plan = Plan(model, {}, v1::SCHEME_INT8);
  EXPECT_EQ(ParamsOf(plan, FindTensor(model, "x")), (QuantParams{{0.05f}, {3}}));
  EXPECT_EQ(ParamsOf(plan, FindTensor(model, "y")), (QuantParams{{0.1f}, {-28}}));
  EXPECT_THAT(plan.operators, ElementsAre(testing::Field(&OperatorDecision::quantized, true),
                                          testing::Field(&OperatorDecision::quantized, true)));
}

TEST(LearnedRanges, AreNoneOfAnOrdinaryModel) {
  const Model model = ConvAndPool();
  EXPECT_THAT(WithLearnedRanges(model, {}), IsEmpty());
  const auto plan = PlanQuantization(model, {}, Spec(v1::SCHEME_INT8));
  EXPECT_THAT(plan, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(plan.status()), "NO_CALIBRATION");
}

TEST(LearnedRanges, KeepTheScaleOfWeightsThatFit) {
  Model model = ConvAndPool();
  Learn(model, "x", 0.05f, 3);
  Learn(model, "y", 0.1f, -28);
  const TensorIndex weights = WeightsOf(model, "y");
  SetLearnedParams({0.01f, 0}, model.tensor(weights));
  for (const v1::Scheme scheme : {v1::SCHEME_INT8, v1::SCHEME_INT8_PER_TENSOR}) {
    EXPECT_THAT(Plan(model, {}, scheme).constants.at({0, 1}).params.scales, Each(0.01f));
  }
  // 0.5 / 0.003 is no code, 0.25 / 0.003 is.
  SetLearnedParams({0.003f, 0}, model.tensor(weights));
  EXPECT_THAT(Plan(model, {}, v1::SCHEME_INT8).constants.at({0, 1}).params.scales,
              ElementsAre(FloatEq(0.5f / 127), 0.003f));
}

// y is the input a beside b, which a convolution makes of it.
Model JoinOfTwo() {
  FloatGraph graph;
  const TensorIndex a = graph.Input("a", {1, 2, 2, 2});
  const TensorIndex b = graph.Conv(a, {1, 2}, {}, "b");
  schema::ConcatenationOptionsT options;
  options.axis = 3;
  graph.Output(graph.Op(schema::BuiltinOperator_CONCATENATION, options, {a, b}, "y", {1, 2, 2, 4}));
  return graph.Build();
}

TEST(LearnedRanges, BringInputsOfAJoinToWhatTheOutputLearned) {
  Model model = JoinOfTwo();
  const TensorIndex a = FindTensor(model, "a"), b = FindTensor(model, "b");
  Learn(model, "a", 0.1f, 0);
  Learn(model, "b", 0.2f, 0);
  Learn(model, "y", 0.2f, 0);
  const QuantPlan plan = Plan(model, {}, v1::SCHEME_INT8);
  EXPECT_EQ(ParamsOf(plan, a), (QuantParams{{0.1f}, {0}}));
  EXPECT_EQ(ParamsOf(plan, b), (QuantParams{{0.2f}, {0}}));
  EXPECT_THAT(plan.requantize, ElementsAre(testing::Pair(Use{1, 0}, QuantParams{{0.2f}, {0}})));
}

TEST(LearnedRanges, OfOneInputOfAJoinCutNoOther) {
  Model model = JoinOfTwo();
  const TensorIndex a = FindTensor(model, "a"), b = FindTensor(model, "b");
  Learn(model, "a", 0.1f, 0);
  const TensorIndex y = FindTensor(model, "y");
  const QuantPlan wide =
      Plan(model, {{a, {-99, 99}}, {b, {-50, 52}}, {y, {-99, 99}}}, v1::SCHEME_INT8);
  EXPECT_THAT(ParamsOf(wide, b).scales, ElementsAre(FloatEq(102.0f / 255)));
  EXPECT_EQ(ParamsOf(wide, y), ParamsOf(wide, b));
  const QuantPlan narrow =
      Plan(model, {{a, {-99, 99}}, {b, {-5, 5}}, {y, {-99, 99}}}, v1::SCHEME_INT8);
  EXPECT_EQ(ParamsOf(narrow, y), (QuantParams{{0.1f}, {0}}));
}

TEST(LearnedRanges, SpreadIntoInt16) {
  Model model = ConvAndPool();
  Learn(model, "x", 0.05f, 0);
  Learn(model, "y", 0.1f, 0);
  const QuantPlan plan = Plan(model, {}, v1::SCHEME_INT16X8);
  const QuantParams& params =
      plan.activations.at({FindTensor(model, "y"), schema::TensorType_INT16});
  EXPECT_THAT(params.scales, ElementsAre(FloatEq(12.8f / 32767)));
}

TEST(LearnedRanges, AreNotWritten) {
  Model model = ConvAndPool();
  Learn(model, "x", 0.05f, 0);
  Learn(model, "y", 0.1f, 0);
  const auto written = ApplyPlan(model, Plan(model, {}, v1::SCHEME_FLOAT32));
  ASSERT_THAT(written, IsOk());
  for (const auto& tensor : written->graph().tensors) {
    EXPECT_EQ(LearnedParamsOf(*tensor), std::nullopt);
  }
}

}  // namespace
}  // namespace octavo
