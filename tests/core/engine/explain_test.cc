#include "core/engine/explain.h"

#include <string>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

v1::VariantReport VariantOf(v1::Scheme scheme) {
  v1::VariantReport report;
  report.mutable_spec()->set_scheme(scheme);
  report.set_observer(v1::OBSERVER_KIND_MIN_MAX);
  return report;
}

v1::OperatorReport& AddOperator(v1::VariantReport& report, double alone_db) {
  v1::OperatorReport& op = *report.add_operators();
  op.set_index(report.operators_size() - 1);
  op.set_name("layer");
  op.set_quantized(true);
  op.set_sqnr_alone_db(alone_db);
  return op;
}

TEST(AdviseOperators, IsSilentOfWhatCostsLittle) {
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  AddOperator(report, 45);
  v1::OperatorReport& unknown = AddOperator(report, 0);
  unknown.clear_sqnr_alone_db();
  v1::OperatorReport& in_float = AddOperator(report, 5);
  in_float.set_quantized(false);
  AdviseOperators(report);
  for (const v1::OperatorReport& op : report.operators()) EXPECT_THAT(op.advice(), IsEmpty());
}

TEST(AdviseOperators, TellsCausesApart) {
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  AddOperator(report, 20).set_saturated(0.999);
  AddOperator(report, 20).set_weights_sqnr_db(21);
  AddOperator(report, 20).set_weights_sqnr_db(45);
  AdviseOperators(report);
  EXPECT_THAT(report.operators(0).advice(), StartsWith("99.9 % of its values are outside"));
  EXPECT_THAT(report.operators(0).advice(), HasSubstr("calibrate on more examples"));
  EXPECT_THAT(report.operators(1).advice(), HasSubstr("Its weights lose most (21.0 dB)"));
  // To be copied as it ends.
  EXPECT_THAT(report.operators(1).advice(), EndsWith("--keep-float '^layer$'"));
  EXPECT_THAT(report.operators(2).advice(), HasSubstr("--observer auto, int16x8"));
}

TEST(AdviseOperators, DoesNotBlameCalibrationForAFixedRange) {
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  for (const char* type : {"CONV_2D", "SOFTMAX", "LOGISTIC"}) {
    v1::OperatorReport& op = AddOperator(report, 50);
    op.set_type(type);
    op.set_saturated(0.25);
  }
  AdviseOperators(report);
  EXPECT_THAT(report.operators(0).advice(), HasSubstr("calibration"));
  EXPECT_THAT(report.operators(1).advice(), IsEmpty());
  EXPECT_THAT(report.operators(2).advice(), IsEmpty());
}

TEST(AdviseOperators, KnowsTheScheme) {
  v1::VariantReport int4 = VariantOf(v1::SCHEME_WEIGHT_INT4);
  v1::OperatorReport& weights = AddOperator(int4, 8);
  weights.set_quantized(false);
  weights.set_weights_sqnr_db(18);
  AdviseOperators(int4);
  EXPECT_THAT(int4.operators(0).advice(), HasSubstr("try weights in int8"));

  v1::VariantReport per_tensor = VariantOf(v1::SCHEME_INT8_PER_TENSOR);
  AddOperator(per_tensor, 4).set_weights_sqnr_db(37);
  AdviseOperators(per_tensor);
  EXPECT_THAT(per_tensor.operators(0).advice(), HasSubstr("try int8, which has a scale for each"));

  v1::VariantReport percentile = VariantOf(v1::SCHEME_INT8);
  percentile.set_observer(v1::OBSERVER_KIND_PERCENTILE);
  AddOperator(percentile, 20).set_saturated(0.01);
  AdviseOperators(percentile);
  EXPECT_THAT(percentile.operators(0).advice(), HasSubstr("--observer min-max"));
}

TEST(AdviseOperators, QuotesNamesForAShellAndLeavesLongOnesOut) {
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  AddOperator(report, 20).set_name("a'; rm -rf /");
  AddOperator(report, 20).set_name(std::string(100'000, 'x'));
  AdviseOperators(report);
  EXPECT_THAT(report.operators(0).advice(),
              HasSubstr(R"(--keep-float '^a\'\''\;\ rm\ \-rf\ \/$')"));
  EXPECT_LT(report.operators(1).advice().size(), 300u);
}

TEST(AdviseOperators, AdvisesTheWorstTwentyOnly) {
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  for (int i = 0; i < 100; ++i) AddOperator(report, 1 + i * 0.1);
  AdviseOperators(report);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(!report.operators(i).advice().empty(), i < 20) << i;
}

TEST(ExplainOperators, SeesWhatIsSaturatedBehindAConversionToFloat) {
  const Model float32 = ReadFixture("models/mnist_cnn/float.tflite");
  Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  const schema::OperatorT& last = *int8.graph().operators.back();
  ASSERT_EQ(int8.OperatorType(last), schema::BuiltinOperator_DEQUANTIZE);
  const std::string name(int8.TensorName(OutputOf(last, 0)));
  schema::TensorT& codes = int8.tensor(InputOf(last, 0));
  // As the quantizer names it, and with half the range.
  codes.name = absl::StrCat(name, "_quantized");
  codes.quantization->scale[0] /= 2;
  v1::VariantReport report = VariantOf(v1::SCHEME_INT8);
  AddOperator(report, 0).set_name(name);
  ASSERT_THAT(ExplainOperators(float32, int8, MnistImages(8), 1, report), IsOk());
  const v1::OperatorReport& op = report.operators(0);
  EXPECT_GT(op.saturated(), 0.001);
  EXPECT_LT(op.range_min(), op.range_max());
  EXPECT_THAT(op.advice(), HasSubstr("calibrate on more examples"));
}

TEST(DescribeDelegate, PutsWhatBreaksFirst) {
  const v1::DelegateEstimate estimate =
      DescribeDelegate(FixtureModel("reference/mnist_cnn/int8_uint8_io.tflite"));
  EXPECT_EQ(estimate.parts(), 2);
  EXPECT_EQ(estimate.operators() - estimate.delegated(), estimate.undelegated_size());
  ASSERT_GT(estimate.undelegated_size(), 2);
  EXPECT_TRUE(estimate.undelegated(0).breaks());
  EXPECT_FALSE(estimate.undelegated().rbegin()->breaks());
  EXPECT_THAT(estimate.undelegated(0).name(), Not(IsEmpty()));
}

TEST(DescribeDelegate, ListsFiftyOfAnyNumber) {
  const v1::DelegateEstimate estimate =
      DescribeDelegate(FixtureModel("reference/hard_vit/int16x8.tflite"));
  EXPECT_GT(estimate.operators(), 50);
  EXPECT_EQ(estimate.delegated(), 0);
  EXPECT_THAT(estimate.undelegated(), SizeIs(50));
}

TEST(DescribeBackends, PutsTheWorstFirstAndLeavesOutOneCode) {
  const Model model = FixtureModel("reference/mnist_cnn/int8_int8_io.tflite");
  BackendDifferences differences;
  differences.operators = {{.op = 0, .max_codes = 1},
                           {.op = 1, .max_codes = 2, .share = 0.1},
                           {.op = 2, .max_codes = 7, .share = 0.01}};
  differences.examples = 4;
  const v1::BackendComparison comparison = DescribeBackends(model, differences);
  EXPECT_EQ(comparison.operators(), 3);
  ASSERT_THAT(comparison.differences(), SizeIs(2));
  EXPECT_EQ(comparison.differences(0).index(), 2);
  EXPECT_EQ(comparison.differences(0).max_codes(), 7);
  EXPECT_EQ(comparison.differences(1).share(), 0.1);
}

}  // namespace
}  // namespace octavo
