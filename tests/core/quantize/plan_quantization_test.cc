#include "core/quantize/plan_quantization.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

v1::VariantSpec Spec(v1::Scheme scheme, v1::IoType io_type = v1::IO_TYPE_UNSPECIFIED) {
  v1::VariantSpec spec;
  spec.set_scheme(scheme);
  spec.set_io_type(io_type);
  return spec;
}

// Ranges by tensors' names.
TensorRanges Ranges(const Model& model, const std::map<std::string, Range>& by_name) {
  TensorRanges ranges;
  for (const auto& [name, range] : by_name) ranges[FindTensor(model, name)] = range;
  return ranges;
}

QuantPlan Plan(const Model& model, const TensorRanges& ranges, const v1::VariantSpec& spec) {
  absl::StatusOr<QuantPlan> plan = PlanQuantization(model, ranges, spec);
  EXPECT_THAT(plan, IsOk());
  return plan.ok() ? *std::move(plan) : QuantPlan();
}

const QuantParams& ParamsOf(const Model& model, const QuantPlan& plan, const std::string& name) {
  const TensorIndex tensor = FindTensor(model, name);
  const auto int8 = plan.activations.find({tensor, schema::TensorType_INT8});
  return int8 != plan.activations.end() ? int8->second
                                        : plan.activations.at({tensor, schema::TensorType_INT16});
}

// x -> conv (bias) -> y
Model OneConv() {
  FloatGraph graph;
  graph.Output(graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -2}, {1, 0.25f}, "y"));
  return graph.Build();
}

const std::map<std::string, Range> kOneConvRanges = {{"x", {-1, 1}}, {"y", {-4, 4}}};

TEST(UsualVariants, HaveNamesOfTheirOwn) {
  std::vector<std::string> names;
  for (const v1::VariantSpec& spec : UsualVariants()) {
    EXPECT_EQ(spec.name(), VariantName(spec.scheme(), spec.io_type()));
    names.push_back(spec.name());
  }
  EXPECT_THAT(names, ElementsAre("float32", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                                 "dynamic-int4", "dynamic-int4-block32", "int8", "int8-int8io",
                                 "int8-uint8io", "int8-pertensor", "int16x8", "int16x8-int16io",
                                 "io-float32", "io-int8", "io-uint8", "io-int16"));
  EXPECT_EQ(VariantName(v1::SCHEME_INT8, v1::IO_TYPE_UNSPECIFIED), "int8");
  EXPECT_EQ(VariantName(v1::SCHEME_FLOAT16, v1::IO_TYPE_INT8), "");
}

TEST(PlanQuantization, RefusesASpecThatContradictsItself) {
  const Model model = OneConv();
  const TensorRanges ranges = Ranges(model, kOneConvRanges);
  EXPECT_THAT(PlanQuantization(model, ranges, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("scheme")));
  for (const v1::Scheme scheme :
       {v1::SCHEME_FLOAT32, v1::SCHEME_FLOAT16, v1::SCHEME_DYNAMIC_INT8, v1::SCHEME_INT16X8}) {
    const auto plan = PlanQuantization(model, ranges, Spec(scheme, v1::IO_TYPE_UINT8));
    EXPECT_THAT(plan, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("io_type")));
    EXPECT_EQ(ReasonOf(plan.status()), "FIELD_INVALID");
  }
  v1::VariantSpec spec = Spec(v1::SCHEME_INT8);
  spec.add_keep_float_tensors("y");
  spec.add_keep_float_tensors("nobody");
  EXPECT_THAT(PlanQuantization(model, ranges, spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'nobody'")));
}

TEST(PlanQuantization, NeedsRangesForStaticSchemes) {
  for (const v1::Scheme scheme : {v1::SCHEME_INT8, v1::SCHEME_INT16X8}) {
    EXPECT_TRUE(NeedsCalibration(scheme));
    const auto plan = PlanQuantization(OneConv(), {}, Spec(scheme));
    EXPECT_THAT(plan, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(ReasonOf(plan.status()), "NO_CALIBRATION");
  }
  EXPECT_FALSE(NeedsCalibration(v1::SCHEME_DYNAMIC_INT8));
}

TEST(PlanQuantization, RefusesASchemeThatChangesNothing) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  graph.Output(graph.Op(schema::BuiltinOperator_SIN, {x}, "y", {1, 4}));
  const Model model = graph.Build();
  const TensorRanges ranges = Ranges(model, {{"x", {-1, 1}}, {"y", {-1, 1}}});
  for (const v1::Scheme scheme :
       {v1::SCHEME_FLOAT16, v1::SCHEME_DYNAMIC_INT8, v1::SCHEME_INT8, v1::SCHEME_INT16X8}) {
    const auto plan = PlanQuantization(model, ranges, Spec(scheme));
    EXPECT_THAT(plan, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("leaves every operator in float")));
    EXPECT_EQ(ReasonOf(plan.status()), "OP_UNSUPPORTED");
  }
  EXPECT_THAT(PlanQuantization(model, {}, Spec(v1::SCHEME_FLOAT32)), IsOk());
}

TEST(PlanQuantization, NamesAConstantThatIsNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    FloatGraph graph;
    graph.Output(graph.Conv(graph.Input("x", {1, 2, 2, 2}), {1, bad}, {0, 0}, "y"));
    const Model model = graph.Build();
    for (const v1::Scheme scheme : {v1::SCHEME_FLOAT16, v1::SCHEME_INT8}) {
      const auto plan = PlanQuantization(model, Ranges(model, kOneConvRanges), Spec(scheme));
      EXPECT_THAT(plan, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("'y/weights' is not finite")));
      EXPECT_EQ(ReasonOf(plan.status()), "NOT_FINITE");
    }
  }
}

TEST(PlanInt8, GivesAConvolutionItsParameters) {
  const Model model = OneConv();
  const QuantPlan plan = Plan(model, Ranges(model, kOneConvRanges), Spec(v1::SCHEME_INT8));
  EXPECT_EQ(ParamsOf(model, plan, "x"), Int8ActivationParams({-1, 1}));
  EXPECT_EQ(ParamsOf(model, plan, "y"), Int8ActivationParams({-4, 4}));
  const PlannedConstant& weights = plan.constants.at({0, 1});
  EXPECT_EQ(weights.type, schema::TensorType_INT8);
  EXPECT_EQ(weights.params, (QuantParams{{0.5f / 127, 2.0f / 127}, {0, 0}, 0}));
  const PlannedConstant& bias = plan.constants.at({0, 2});
  EXPECT_EQ(bias.type, schema::TensorType_INT32);
  const float input_scale = 2.0f / 255;
  EXPECT_THAT(bias.params.scales,
              ElementsAre(input_scale * (0.5f / 127), input_scale * (2.0f / 127)));
  ASSERT_THAT(plan.operators, SizeIs(1));
  EXPECT_TRUE(plan.operators[0].quantized);
  EXPECT_EQ(plan.operators[0].version, 3);
  EXPECT_EQ(plan.operators[0].note, "int8 per channel");
  EXPECT_EQ(plan.io_type, schema::TensorType_FLOAT32);
  EXPECT_THAT(plan.requantize, IsEmpty());
}

TEST(PlanInt8, PlansABiasWhereThereIsNone) {
  FloatGraph graph;
  graph.Output(graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -2}, {}, "y"));
  const Model model = graph.Build();
  const QuantPlan plan = Plan(model, Ranges(model, kOneConvRanges), Spec(v1::SCHEME_INT8));
  EXPECT_THAT(plan.constants.at({0, 2}).params.scales, SizeIs(2));
}

TEST(PlanInt8, SaysWhereABiasMadeWeightsCoarser) {
  FloatGraph graph;
  graph.Output(graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0, 1}, {30, 30}, "y"));
  const Model model = graph.Build();
  const QuantPlan plan = Plan(model, Ranges(model, kOneConvRanges), Spec(v1::SCHEME_INT8));
  EXPECT_THAT(plan.operators[0].note, HasSubstr("; 1 channel of weights stored coarser"));
  const QuantParams& weights = plan.constants.at({0, 1}).params;
  const QuantParams& bias = plan.constants.at({0, 2}).params;
  EXPECT_LE(30 / bias.scales[0], std::numeric_limits<int32_t>::max() / 2 * 1.0001);
  EXPECT_FLOAT_EQ(weights.scales[0] * ParamsOf(model, plan, "x").scales[0], bias.scales[0]);
}

// XNNPACK refuses a requantization by 256 or more, and LiteRT then refuses the whole file.
TEST(PlanInt8, LeavesAConvolutionOfAVerySmallOutputInFloat) {
  for (const float largest : {0.03f, 0.0005f}) {
    FloatGraph graph;
    const TensorIndex a = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {1, 8}, {0, 0}, "a");
    graph.Output(graph.Conv(a, {1, 1}, {0, 0}, "y"));
    const Model model = graph.Build();
    const QuantPlan plan =
        Plan(model, Ranges(model, {{"x", {-1, 1}}, {"a", {0, largest}}, {"y", {-1, 1}}}),
             Spec(v1::SCHEME_INT8));
    const double requantization = (2.0 / 255) * (8.0 / 127) / (largest / 255);
    EXPECT_EQ(plan.operators[0].quantized, requantization < 256) << requantization;
    EXPECT_TRUE(plan.operators[1].quantized);
    EXPECT_THAT(plan.operators[0].note,
                HasSubstr(requantization < 256 ? "int8 per channel" : "too small"));
  }
}

TEST(PlanInt8, LeavesWeightsThatItCannotStoreInFloat) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex w = graph.Input("w", {3, 4});
  const TensorIndex y = graph.Op(schema::BuiltinOperator_FULLY_CONNECTED,
                                 schema::FullyConnectedOptionsT(), {x, w, kNoTensor}, "y", {1, 3});
  const TensorIndex fitting = graph.Constant("v", {2, 3}, {1, 2, 3, 4, 5, 6});
  const TensorIndex z =
      graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, schema::FullyConnectedOptionsT(),
               {y, fitting, graph.Constant("b", {1}, {1})}, "z", {1, 2});
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {z}, "r", {1, 2}));
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model,
           Ranges(model,
                  {{"x", {-1, 1}}, {"w", {-1, 1}}, {"y", {-1, 1}}, {"z", {-1, 1}}, {"r", {0, 1}}}),
           Spec(v1::SCHEME_INT8));
  EXPECT_EQ(plan.operators[0].note, "float: its weights are no float32 constant");
  EXPECT_EQ(plan.operators[1].note, "float: its bias does not fit its weights");
  EXPECT_TRUE(plan.operators[2].quantized);
}

TEST(PlanInt8, LeavesOperatorsOfUnexpectedTypesAsTheyAre) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex w = graph.Constant("w", {2, 4}, std::vector<float>(8, 1));
  graph.Output(graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, schema::FullyConnectedOptionsT(),
                        {x, w, kNoTensor}, "integers", {1, 2}, schema::TensorType_INT32));
  const TensorIndex n = graph.Int32Constant("n", {2}, {1, 2});
  graph.Output(graph.Op(schema::BuiltinOperator_ADD, schema::AddOptionsT(), {n, n}, "m", {2},
                        schema::TensorType_INT32));
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {x}, "y", {1, 4}));
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model, Ranges(model, {{"x", {-1, 1}}, {"y", {0, 1}}}), Spec(v1::SCHEME_INT8));
  EXPECT_EQ(plan.operators[0].note, "float: none of its outputs is float32");
  EXPECT_EQ(plan.operators[1].note, "as it was: it computes no float values");
  EXPECT_EQ(plan.operators[1].version, 1);
  EXPECT_TRUE(plan.operators[2].quantized);
}

TEST(PlanInt8, LetsMoversShareTheScaleOfTheirInput) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex c = graph.Conv(x, {1, 1}, {0, 0}, "c");
  schema::Pool2DOptionsT pool;
  pool.stride_h = pool.stride_w = pool.filter_height = pool.filter_width = 2;
  const TensorIndex p = graph.Op(schema::BuiltinOperator_MAX_POOL_2D, pool, {c}, "p", {1, 1, 1, 2});
  const TensorIndex shape = graph.Int32Constant("shape", {2}, {1, 2});
  graph.Output(graph.Op(schema::BuiltinOperator_RESHAPE, {p, shape}, "y", {1, 2}));
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model, Ranges(model, {{"x", {-1, 1}}, {"c", {-3, 5}}, {"p", {-1, 5}}, {"y", {-1, 5}}}),
           Spec(v1::SCHEME_INT8));
  for (const char* name : {"c", "p", "y"}) {
    EXPECT_EQ(ParamsOf(model, plan, name), Int8ActivationParams({-3, 5})) << name;
  }
  EXPECT_EQ(plan.operators[1].version, 2);
  EXPECT_EQ(plan.operators[1].note, "int8, scale of its input");
}

// Two convolutions and a constant -> CONCATENATION -> RELU.
struct Joined {
  Model model;
  TensorRanges ranges;
};

Joined ConcatenationOf(bool sigmoid_first, bool sigmoid_second, bool constant) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  TensorIndex a = graph.Conv(x, {1, 1}, {0, 0}, "a");
  TensorIndex b = graph.Conv(x, {1, 1}, {0, 0}, "b");
  std::map<std::string, Range> ranges = {
      {"x", {-1, 1}}, {"a", {-1, 2}}, {"b", {-3, 1}}, {"y", {-3, 2}}, {"z", {0, 2}}};
  if (sigmoid_first) {
    a = graph.Op(schema::BuiltinOperator_LOGISTIC, {a}, "sa", {1, 2, 2, 2});
    ranges["sa"] = {0.2f, 0.9f};
  }
  if (sigmoid_second) {
    b = graph.Op(schema::BuiltinOperator_LOGISTIC, {b}, "sb", {1, 2, 2, 2});
    ranges["sb"] = {0.1f, 0.8f};
  }
  std::vector<TensorIndex> inputs = {a, b};
  if (constant) inputs.push_back(graph.Constant("k", {1, 2, 2, 1}, {0, 1, 2, 7}));
  schema::ConcatenationOptionsT options;
  options.axis = 3;
  const TensorIndex y = graph.Op(schema::BuiltinOperator_CONCATENATION, options, inputs, "y",
                                 {1, 2, 2, constant ? 5 : 4});
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {y}, "z", {1, 2, 2, constant ? 5 : 4}));
  Joined joined{graph.Build(), {}};
  joined.ranges = Ranges(joined.model, ranges);
  return joined;
}

TEST(PlanInt8, JoinsTheInputsOfAConcatenation) {
  const Joined joined = ConcatenationOf(false, false, true);
  const QuantPlan plan = Plan(joined.model, joined.ranges, Spec(v1::SCHEME_INT8));
  for (const char* name : {"a", "b", "y"}) {
    EXPECT_EQ(ParamsOf(joined.model, plan, name), Int8ActivationParams({-3, 7})) << name;
  }
  EXPECT_EQ(plan.constants.at({2, 2}).params, Int8ActivationParams({-3, 7}));
  EXPECT_EQ(ParamsOf(joined.model, plan, "z"), Int8ActivationParams({0, 2}));
  EXPECT_THAT(plan.requantize, IsEmpty());
}

TEST(PlanInt8, KeepsAFixedScaleThatAllInputsHave) {
  const Joined joined = ConcatenationOf(true, true, false);
  const QuantPlan plan = Plan(joined.model, joined.ranges, Spec(v1::SCHEME_INT8));
  EXPECT_EQ(ParamsOf(joined.model, plan, "y"), (QuantParams{{1.0f / 256}, {-128}}));
  EXPECT_THAT(plan.requantize, IsEmpty());
}

TEST(PlanInt8, RequantizesAnInputOfAFixedScaleAmongOthers) {
  for (const bool first : {true, false}) {
    const Joined joined = ConcatenationOf(first, !first, true);
    const QuantPlan plan = Plan(joined.model, joined.ranges, Spec(v1::SCHEME_INT8));
    const QuantParams& y = ParamsOf(joined.model, plan, "y");
    EXPECT_EQ(y, Int8ActivationParams({-3, 7}));
    EXPECT_EQ(ParamsOf(joined.model, plan, first ? "sa" : "sb"),
              (QuantParams{{1.0f / 256}, {-128}}));
    EXPECT_EQ(ParamsOf(joined.model, plan, first ? "b" : "a"), y);
    ASSERT_THAT(plan.requantize, SizeIs(1));
    EXPECT_EQ(plan.requantize.begin()->first, (Use{3, first ? 0 : 1}));
    EXPECT_EQ(plan.requantize.begin()->second, y);
    EXPECT_THAT(plan.operators[3].note, HasSubstr("requantized"));
  }
}

TEST(PlanInt8, QuantizesConstantsThatAreActivations) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex k = graph.Constant("k", {4}, {-1, 0, 2, 3});
  const TensorIndex s =
      graph.Op(schema::BuiltinOperator_ADD, schema::AddOptionsT(), {x, k}, "s", {1, 4});
  graph.Output(graph.Op(schema::BuiltinOperator_MAXIMUM, schema::MaximumMinimumOptionsT(), {s, k},
                        "m", {1, 4}));
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model, Ranges(model, {{"x", {-1, 1}}, {"s", {-2, 2}}, {"m", {-1, 3}}}),
           Spec(v1::SCHEME_INT8));
  EXPECT_EQ(plan.constants.at({0, 1}).params, Int8ActivationParams({-1, 3}));
  EXPECT_EQ(plan.constants.at({1, 1}).params, Int8ActivationParams({-2, 3}));
  EXPECT_EQ(ParamsOf(model, plan, "s"), Int8ActivationParams({-2, 3}));
  EXPECT_EQ(ParamsOf(model, plan, "m"), Int8ActivationParams({-2, 3}));
}

// conv -> SIN -> RESHAPE -> COS -> RESHAPE -> conv; SIN and COS have no int8 form.
Joined Island() {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {1, 1}, {0, 0}, "a");
  const TensorIndex s = graph.Op(schema::BuiltinOperator_SIN, {a}, "s", {1, 2, 2, 2});
  const TensorIndex flat = graph.Int32Constant("flat", {2}, {1, 8});
  const TensorIndex r = graph.Op(schema::BuiltinOperator_RESHAPE, {s, flat}, "r", {1, 8});
  const TensorIndex c = graph.Op(schema::BuiltinOperator_COS, {r}, "c", {1, 8});
  const TensorIndex square = graph.Int32Constant("square", {4}, {1, 2, 2, 2});
  const TensorIndex q = graph.Op(schema::BuiltinOperator_RESHAPE, {c, square}, "q", {1, 2, 2, 2});
  graph.Output(graph.Conv(q, {1, 1}, {0, 0}, "y"));
  Joined joined{graph.Build(), {}};
  joined.ranges = Ranges(joined.model, {{"x", {-1, 1}},
                                        {"a", {-1, 1}},
                                        {"s", {-1, 1}},
                                        {"r", {-1, 1}},
                                        {"c", {0, 1}},
                                        {"q", {0, 1}},
                                        {"y", {0, 1}}});
  return joined;
}

TEST(PlanInt8, LeavesMoversBetweenFloatOperatorsInFloat) {
  const Joined island = Island();
  const QuantPlan plan = Plan(island.model, island.ranges, Spec(v1::SCHEME_INT8));
  std::vector<bool> quantized;
  for (const OperatorDecision& decision : plan.operators) quantized.push_back(decision.quantized);
  EXPECT_THAT(quantized, ElementsAre(true, false, false, false, true, true));
  EXPECT_EQ(plan.operators[1].note, "float: no int8 form of this operator");
  EXPECT_EQ(plan.operators[2].note, "float: it stands between float operators");
  EXPECT_EQ(plan.operators[2].version, 1);
}

TEST(PlanInt8, KeepsWhatTheSpecWantsInFloat) {
  const Joined island = Island();
  v1::VariantSpec spec = Spec(v1::SCHEME_INT8);
  spec.add_keep_float_tensors("y");
  const QuantPlan plan = Plan(island.model, island.ranges, spec);
  EXPECT_FALSE(plan.operators[5].quantized);
  EXPECT_EQ(plan.operators[5].note, "float: kept on request");
  // Nothing is left that its reshape could serve.
  EXPECT_FALSE(plan.operators[4].quantized);
  EXPECT_TRUE(plan.operators[0].quantized);
}

TEST(PlanInt8, LeavesOperatorsWithoutARangeInFloat) {
  Joined island = Island();
  island.ranges.erase(FindTensor(island.model, "a"));
  const QuantPlan plan = Plan(island.model, island.ranges, Spec(v1::SCHEME_INT8));
  EXPECT_EQ(plan.operators[0].note, "float: no range was measured of 'a'");
  EXPECT_TRUE(plan.operators[5].quantized);

  island.ranges.erase(FindTensor(island.model, "y"));
  const auto refused =
      PlanQuantization(island.model, island.ranges, Spec(v1::SCHEME_INT8, v1::IO_TYPE_INT8));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("'y'")));
}

TEST(PlanInt8, LetsLookersReadWhatIsThere) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {1, 1}, {0, 0}, "a");
  const TensorIndex s = graph.Op(schema::BuiltinOperator_SIN, {a}, "s", {1, 2, 2, 2});
  for (const auto& [tensor, name] : {std::pair{x, "sx"}, {a, "sa"}, {s, "ss"}}) {
    graph.Output(graph.Op(schema::BuiltinOperator_SHAPE, schema::ShapeOptionsT(), {tensor}, name,
                          {4}, schema::TensorType_INT32));
  }
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model, Ranges(model, {{"x", {-1, 1}}, {"a", {-1, 1}}, {"s", {-1, 1}}}),
           Spec(v1::SCHEME_INT8));
  EXPECT_TRUE(plan.operators[2].quantized);
  EXPECT_EQ(plan.operators[2].note, "reads int8");
  EXPECT_TRUE(plan.operators[3].quantized);
  EXPECT_FALSE(plan.operators[4].quantized);
  EXPECT_EQ(plan.operators[4].note, "float: it reads float values");
}

TEST(PlanInt8, GivesFixedScalesAndPassesThemOn) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 4});
  const TensorIndex s =
      graph.Op(schema::BuiltinOperator_SOFTMAX, schema::SoftmaxOptionsT(), {x}, "s", {1, 4});
  const TensorIndex shape = graph.Int32Constant("shape", {1}, {4});
  graph.Output(graph.Op(schema::BuiltinOperator_RESHAPE, {s, shape}, "y", {4}));
  const Model model = graph.Build();
  const TensorRanges ranges =
      Ranges(model, {{"x", {-1, 1}}, {"s", {0.1f, 0.3f}}, {"y", {0.1f, 0.3f}}});
  const QuantPlan int8 = Plan(model, ranges, Spec(v1::SCHEME_INT8));
  EXPECT_EQ(ParamsOf(model, int8, "y"), (QuantParams{{1.0f / 256}, {-128}}));
  const QuantPlan int16 = Plan(model, ranges, Spec(v1::SCHEME_INT16X8));
  EXPECT_EQ(ParamsOf(model, int16, "y"), (QuantParams{{1.0f / 32768}, {0}}));
  EXPECT_EQ(ParamsOf(model, int16, "x"), Int16ActivationParams({-1, 1}));
}

TEST(PlanInt16x8, UsesSixtyFourBitBiasesAndLeavesWhatHasNoInt16Form) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 2, 2, 2});
  const TensorIndex a = graph.Conv(x, {0.5f, 2}, {1, 1}, "a");
  graph.Output(graph.Op(schema::BuiltinOperator_LOG_SOFTMAX, schema::LogSoftmaxOptionsT(), {a}, "y",
                        {1, 2, 2, 2}));
  const Model model = graph.Build();
  const QuantPlan plan =
      Plan(model, Ranges(model, {{"x", {-1, 2}}, {"a", {-4, 1}}, {"y", {-9, 0}}}),
           Spec(v1::SCHEME_INT16X8));
  EXPECT_TRUE(plan.activations.contains({FindTensor(model, "a"), schema::TensorType_INT16}));
  EXPECT_EQ(ParamsOf(model, plan, "a"), Int16ActivationParams({-4, 4}));
  EXPECT_EQ(plan.constants.at({0, 1}).type, schema::TensorType_INT8);
  EXPECT_EQ(plan.constants.at({0, 2}).type, schema::TensorType_INT64);
  EXPECT_EQ(plan.operators[0].note, "int16 activations, int8 weights per channel");
  EXPECT_EQ(plan.operators[1].note, "float: no int16 form of this operator");
}

TEST(PlanInt16x8, LeavesASigmoidOfAVeryWideInputInFloat) {
  for (const auto type : {schema::BuiltinOperator_LOGISTIC, schema::BuiltinOperator_TANH}) {
    FloatGraph graph;
    const TensorIndex a = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, 2}, {1, 1}, "a");
    graph.Output(graph.Op(type, {a}, "y", {1, 2, 2, 2}));
    const Model model = graph.Build();
    const auto note = [&](float widest) {
      const QuantPlan plan =
          Plan(model, Ranges(model, {{"x", {-1, 2}}, {"a", {-4, widest}}, {"y", {-1, 1}}}),
               Spec(v1::SCHEME_INT16X8));
      EXPECT_EQ(plan.operators[1].quantized, widest < 87000);
      return plan.operators[1].note;
    };
    EXPECT_EQ(note(88000), "float: its input's range is too wide for int16");
    EXPECT_EQ(note(86000), "int16, fixed output scale");
  }
}

// x -> conv a -> conv b -> conv y
Model ThreeConvs() {
  FloatGraph graph;
  const TensorIndex a = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, 2}, {1, 1}, "net/a/Relu");
  const TensorIndex b = graph.Conv(a, {0.5f, 2}, {1, 1}, "net/b/Relu");
  graph.Output(graph.Conv(b, {0.5f, 2}, {1, 1}, "net/y"));
  return graph.Build();
}

TensorRanges ThreeConvRanges(const Model& model) {
  return Ranges(
      model, {{"x", {-1, 2}}, {"net/a/Relu", {0, 4}}, {"net/b/Relu", {0, 8}}, {"net/y", {-9, 9}}});
}

v1::VariantSpec Overridden(v1::Scheme scheme, const std::string& pattern,
                           v1::OperatorOverride::Precision precision) {
  v1::VariantSpec spec = Spec(scheme);
  v1::OperatorOverride& one = *spec.add_overrides();
  one.set_pattern(pattern);
  one.set_precision(precision);
  return spec;
}

TEST(Overrides, PutNamedOperatorsInInt16BesideInt8) {
  const Model model = ThreeConvs();
  const QuantPlan plan =
      Plan(model, ThreeConvRanges(model),
           Overridden(v1::SCHEME_INT8, "/b/", v1::OperatorOverride::PRECISION_INT16X8));
  EXPECT_EQ(plan.operators[0].note, "int8 per channel");
  EXPECT_EQ(plan.operators[1].note, "int16 activations, int8 weights per channel");
  EXPECT_EQ(plan.constants.at({1, 2}).type, schema::TensorType_INT64);
  EXPECT_EQ(plan.constants.at({2, 2}).type, schema::TensorType_INT32);
  const TensorIndex a = FindTensor(model, "net/a/Relu");
  EXPECT_TRUE(plan.activations.contains({a, schema::TensorType_INT8}));
  EXPECT_TRUE(plan.activations.contains({a, schema::TensorType_INT16}));
}

TEST(Overrides, MeanTypesInFullAndNamesInPart) {
  const Model model = ThreeConvs();
  const auto count = [&](const std::string& pattern) {
    const QuantPlan plan =
        Plan(model, ThreeConvRanges(model),
             Overridden(v1::SCHEME_INT8, pattern, v1::OperatorOverride::PRECISION_FLOAT32));
    return std::ranges::count_if(
        plan.operators, [](const OperatorDecision& decision) { return !decision.quantized; });
  };
  EXPECT_EQ(count("Relu$"), 2);
  EXPECT_EQ(count("net/[ay]"), 2);
  EXPECT_EQ(count("net/y"), 1);
}

TEST(Overrides, OfAllOperatorsLeaveNothingToDo) {
  const Model model = ThreeConvs();
  EXPECT_THAT(
      PlanQuantization(
          model, ThreeConvRanges(model),
          Overridden(v1::SCHEME_INT8, "CONV_2D", v1::OperatorOverride::PRECISION_FLOAT32)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("every operator in float")));
}

TEST(Overrides, NameWhatIsWrongWithThem) {
  const Model model = ThreeConvs();
  const auto message = [&](const v1::VariantSpec& spec) {
    const auto plan = PlanQuantization(model, ThreeConvRanges(model), spec);
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(plan.status()), "FIELD_INVALID");
    return std::string(plan.status().message());
  };
  EXPECT_THAT(message(Overridden(v1::SCHEME_INT8, "(", v1::OperatorOverride::PRECISION_FLOAT32)),
              HasSubstr("overrides[0].pattern"));
  // CONV matches no type in full.
  EXPECT_THAT(message(Overridden(v1::SCHEME_INT8, "CONV", v1::OperatorOverride::PRECISION_FLOAT32)),
              HasSubstr("'CONV' names no operator"));
  EXPECT_THAT(
      message(Overridden(v1::SCHEME_DYNAMIC_INT8, "/b/", v1::OperatorOverride::PRECISION_INT16X8)),
      HasSubstr("overrides[0].precision"));
  EXPECT_THAT(
      message(Overridden(v1::SCHEME_INT8, "/b/", v1::OperatorOverride::PRECISION_UNSPECIFIED)),
      HasSubstr("overrides[0].precision"));
}

TEST(PlanDynamicInt8, TakesLargeWeightsOnly) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 32});
  const auto connected = [&](TensorIndex input, int32_t in, int32_t out, const char* name) {
    const TensorIndex weights =
        graph.Constant(std::string(name) + "/w", {out, in}, std::vector<float>(in * out, 0.5f));
    return graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, schema::FullyConnectedOptionsT(),
                    {input, weights, kNoTensor}, name, {1, out});
  };
  const TensorIndex a = connected(x, 32, 32, "a");
  graph.Output(connected(a, 32, 31, "b"));
  const QuantPlan plan = Plan(graph.Build(), {}, Spec(v1::SCHEME_DYNAMIC_INT8));
  EXPECT_THAT(plan.constants, SizeIs(1));
  EXPECT_EQ(plan.constants.at({0, 1}).params.scales, std::vector<float>(32, 0.5f / 127));
  EXPECT_EQ(plan.operators[0].version, 12);
  EXPECT_EQ(plan.operators[1].note, "float: it has fewer than 1024 weights");
  EXPECT_THAT(plan.activations, IsEmpty());
}

TEST(PlanWeightInt4, KeepsDepthwiseWeightsInInt8) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 1, 1, 256});
  const TensorIndex filter =
      graph.Constant("filter", {1, 1, 1, 256}, std::vector<float>(256, 0.5f));
  schema::DepthwiseConv2DOptionsT options;
  options.stride_h = options.stride_w = options.depth_multiplier = 1;
  options.dilation_h_factor = options.dilation_w_factor = 1;
  const TensorIndex a = graph.Op(schema::BuiltinOperator_DEPTHWISE_CONV_2D, options,
                                 {x, filter, kNoTensor}, "a", {1, 1, 1, 256});
  graph.Output(graph.Conv(a, std::vector<float>(256, 0.5f), {}, "y"));
  const QuantPlan plan = Plan(graph.Build(), {}, Spec(v1::SCHEME_WEIGHT_INT4));
  EXPECT_EQ(plan.constants.at({0, 1}).type, schema::TensorType_INT8);
  EXPECT_EQ(plan.constants.at({1, 1}).type, schema::TensorType_INT4);
  EXPECT_EQ(plan.operators[0].note, "float: weights stored in int8 per channel");
  EXPECT_EQ(plan.operators[1].note, "float: weights stored in int4 per channel");
}

TEST(PlanFloat16, TakesEveryFloatConstant) {
  const Model model = OneConv();
  const QuantPlan plan = Plan(model, {}, Spec(v1::SCHEME_FLOAT16));
  ASSERT_THAT(plan.constants, SizeIs(2));
  for (const auto& [use, constant] : plan.constants) {
    EXPECT_EQ(constant.type, schema::TensorType_FLOAT16);
    EXPECT_TRUE(constant.dequantize);
  }
  EXPECT_EQ(plan.operators[0].note, "float: constants stored in float16");
}

TEST(PlanFloat32, ChangesNothing) {
  const QuantPlan plan = Plan(OneConv(), {}, Spec(v1::SCHEME_FLOAT32));
  EXPECT_THAT(plan.constants, IsEmpty());
  EXPECT_THAT(plan.activations, IsEmpty());
  EXPECT_THAT(plan.operators[0].note, StartsWith("float"));
}

}  // namespace
}  // namespace octavo
