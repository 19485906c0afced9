#include "core/report/report_builder.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/core/report/sample_report.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

v1::Report ReportOf(const std::string& goals, const std::vector<SampleFigures>& variants) {
  v1::Report report;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(goals, report.mutable_spec()->mutable_goals()));
  for (const SampleFigures& figures : variants) *report.add_variants() = SampleVariant(figures);
  return report;
}

const SampleFigures kFloat = {"float32", v1::SCHEME_FLOAT32, 1000, 0.90, kInfinity, 0.0091};
const SampleFigures kHalf = {"float16", v1::SCHEME_FLOAT16, 500, 0.90, 70, 0.0091};
const SampleFigures kGood = {"good", v1::SCHEME_INT8, 300, 0.898, 40, 0.005};
const SampleFigures kSmall = {"small", v1::SCHEME_DYNAMIC_INT8, 250, 0.88, 30, 0.006};

TEST(JudgeReport, FillsRatiosAndDrops) {
  v1::Report report = ReportOf("", {kFloat, kGood});
  JudgeReport(report);
  EXPECT_DOUBLE_EQ(report.variants(0).size_ratio(), 1);
  EXPECT_DOUBLE_EQ(report.variants(1).size_ratio(), 0.3);
  EXPECT_NEAR(report.variants(1).accuracy().drop_points(), 0.2, 1e-9);
  EXPECT_EQ(report.variants(0).accuracy().drop_points(), 0);
}

struct VerdictCase {
  const char* name;
  const char* goals;
  std::vector<SampleFigures> variants;
  v1::Verdict verdict;
  const char* recommended;
  const char* reason;
};

class Verdicts : public testing::TestWithParam<VerdictCase> {};

TEST_P(Verdicts, AreJudged) {
  v1::Report report = ReportOf(GetParam().goals, GetParam().variants);
  JudgeReport(report);
  EXPECT_EQ(report.verdict(), GetParam().verdict);
  EXPECT_EQ(report.recommended_variant(), GetParam().recommended);
  EXPECT_THAT(report.recommendation_reason(), HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    JudgeReport, Verdicts,
    testing::Values(
        VerdictCase{"TheSmallestThatMeetsThem",
                    "max_drop_points: 0.5",
                    {kFloat, kHalf, kGood, kSmall},
                    v1::VERDICT_PASS,
                    "good",
                    "good is the smallest of 2 variants that meet every goal: 300 bytes (0.30x), "
                    "0.20 points"},
        VerdictCase{"TheOnlyOne",
                    "max_drop_points: 0.5 max_size_ratio: 0.3",
                    {kFloat, kHalf, kGood, kSmall},
                    v1::VERDICT_PASS,
                    "good",
                    "is the only variant that meets every goal"},
        VerdictCase{"MetToTheLastBit",
                    "max_size_ratio: 0.25 max_drop_points: 2",
                    {kFloat, kSmall},
                    v1::VERDICT_PASS,
                    "small",
                    "only variant"},
        VerdictCase{"Missed",
                    "max_drop_points: 0.1 max_size_ratio: 0.3",
                    {kFloat, kHalf, kGood, kSmall},
                    v1::VERDICT_GOALS_MISSED,
                    "",
                    "float16 comes nearest and misses size<=0.3x (it has 0.5)."},
        VerdictCase{"LatencyMissed",
                    "max_latency_ratio: 0.1",
                    {kFloat, kGood},
                    v1::VERDICT_GOALS_MISSED,
                    "",
                    "misses latency<=0.1x (it has 0.5495)"},
        VerdictCase{
            "WithoutGoalsWithinTheInterval",
            "",
            {kFloat, kHalf, kGood, kSmall},
            v1::VERDICT_PASS,
            "good",
            "good is the smallest variant whose top-1 lies within the 95 % interval of float32's"},
        VerdictCase{
            "FloatAlone", "", {kFloat}, v1::VERDICT_PASS, "float32", "float32 is the smallest"},
        VerdictCase{"NoBaseline",
                    "max_size_ratio: 0.5",
                    {kGood},
                    v1::VERDICT_GOALS_MISSED,
                    "",
                    "there is no float32 variant to compare with"},
        VerdictCase{"NoVariants",
                    "max_size_ratio: 0.5",
                    {},
                    v1::VERDICT_GOALS_MISSED,
                    "",
                    "No variant was made that goals could hold of."},
        VerdictCase{"NotByTheModelAsItCame",
                    "max_drop_points: 0.5 max_latency_ratio: 2",
                    {kFloat, kSmall},
                    v1::VERDICT_GOALS_MISSED,
                    "",
                    "small comes nearest and misses drop<=0.5"}),
    [](const auto& info) { return info.param.name; });

TEST(JudgeReport, BreaksATieBySpeed) {
  SampleFigures slow = kGood, fast = kGood;
  slow.name = "slow";
  fast.name = "fast";
  fast.p50_ms = 0.001;
  v1::Report report = ReportOf("max_drop_points: 1", {kFloat, slow, fast});
  JudgeReport(report);
  EXPECT_EQ(report.recommended_variant(), "fast");
}

TEST(JudgeReport, HoldsAgreementAgainstTheDropWithoutLabels) {
  v1::Report report = ReportOf("max_drop_points: 0.1", {kFloat, kGood});
  for (v1::VariantReport& variant : *report.mutable_variants()) variant.clear_accuracy();
  JudgeReport(report);
  EXPECT_EQ(report.recommended_variant(), "good");
  EXPECT_NEAR(report.variants(1).goals(0).value(), 0.08, 1e-9);
  EXPECT_THAT(report.recommendation_reason(), HasSubstr("99.9 % agreement"));
}

TEST(JudgeReport, RecommendsByAgreementWithoutLabelsAndGoals) {
  // 60 examples: the interval of 60 of 60 begins at 0.9398.
  v1::Report report = ReportOf("", {kFloat, kGood, kSmall});
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    variant.clear_accuracy();
    variant.mutable_fidelity()->set_examples(60);
  }
  report.mutable_variants(1)->mutable_fidelity()->set_argmax_agreement(0.94);
  report.mutable_variants(2)->mutable_fidelity()->set_argmax_agreement(0.93);
  JudgeReport(report);
  EXPECT_EQ(report.recommended_variant(), "good");
}

TEST(JudgeReport, RecommendsNothingThatWasNotEvaluated) {
  v1::Report report = ReportOf("", {kFloat, kGood});
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    variant.clear_accuracy();
    variant.clear_fidelity();
  }
  JudgeReport(report);
  EXPECT_EQ(report.verdict(), v1::VERDICT_PASS);
  EXPECT_THAT(report.recommended_variant(), IsEmpty());
  EXPECT_THAT(report.recommendation_reason(), HasSubstr("Nothing was evaluated"));
}

TEST(JudgeReport, IsPartialWhereAVariantFailedAndStillRecommends) {
  v1::Report report = ReportOf("max_drop_points: 0.5", {kFloat, kGood, kSmall});
  report.mutable_variants(2)->set_state(v1::VariantReport::STATE_FAILED);
  JudgeReport(report);
  EXPECT_EQ(report.verdict(), v1::VERDICT_PARTIAL);
  EXPECT_EQ(report.recommended_variant(), "good");
}

TEST(JudgeReport, LeavesSkippedVariantsOut) {
  v1::Report report = ReportOf("max_drop_points: 5", {kFloat, kGood, kSmall});
  report.mutable_variants(2)->set_state(v1::VariantReport::STATE_SKIPPED);
  JudgeReport(report);
  EXPECT_EQ(report.verdict(), v1::VERDICT_PASS);
  EXPECT_EQ(report.recommended_variant(), "good");
  EXPECT_THAT(report.variants(2).goals(), IsEmpty());
}

TEST(JudgeReport, MissesAGoalThatWasNotMeasured) {
  v1::Report report = ReportOf("max_latency_ratio: 2", {kFloat, kGood});
  report.mutable_variants(1)->clear_latency();
  JudgeReport(report);
  ASSERT_EQ(report.variants(1).goals_size(), 1);
  EXPECT_EQ(report.variants(1).goals(0).goal(), "latency<=2x");
  EXPECT_FALSE(report.variants(1).goals(0).met());
  EXPECT_EQ(report.variants(1).goals(0).note(), "no latency was measured");
  EXPECT_FALSE(report.variants(1).meets_goals());
}

std::vector<std::string> Reasons(const v1::Report& report) {
  std::vector<std::string> reasons;
  for (const v1::Warning& warning : report.warnings()) reasons.push_back(warning.reason());
  return reasons;
}

TEST(JudgeReport, WarnsOfWhatMakesFiguresDoubtful) {
  v1::Report report = ReportOf("", {kFloat, kGood, kSmall});
  report.add_warnings()->set_reason("SETS_SHARE_EXAMPLES");
  report.mutable_variants(2)->mutable_artifact()->set_digest(
      report.variants(1).artifact().digest());
  report.mutable_variants(1)->mutable_latency()->set_disturbed(true);
  report.mutable_variants(2)->mutable_latency()->set_shared(true);
  report.mutable_variants(0)->mutable_accuracy()->set_examples(60);
  JudgeReport(report);
  EXPECT_THAT(Reasons(report), ElementsAre("SETS_SHARE_EXAMPLES", "VARIANTS_IDENTICAL",
                                           "LATENCY_DISTURBED", "LATENCY_SHARED", "FEW_EXAMPLES"));
  EXPECT_THAT(report.warnings(1).message(), HasSubstr("good and small"));
}

TEST(JudgeReport, JudgesTwiceAsOnce) {
  v1::Report once = SampleReport();
  once.mutable_variants(1)->mutable_latency()->set_disturbed(true);
  JudgeReport(once);
  v1::Report twice = once;
  JudgeReport(twice);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(once, twice));
}

// A variant whose masks have these mean IoUs, in the plain run and fed with its own outputs.
v1::VariantReport MaskVariant(const std::string& name, v1::Scheme scheme, int64_t bytes,
                              double mean_iou, double fed_back) {
  v1::VariantReport variant = SampleVariant({name, scheme, bytes, 0, 40, 0.005});
  variant.clear_accuracy();
  const auto add = [](auto& run, double mean) {
    v1::MetricReport& metric = *run.add_metrics();
    metric.set_output("mask");
    metric.set_targets("masks");
    metric.mutable_segmentation()->set_mean_iou(mean);
    metric.mutable_segmentation()->set_mean_iou_low(mean - 0.01);
  };
  add(variant, mean_iou);
  add(*variant.mutable_recurrence(), fed_back);
  return variant;
}

TEST(JudgeReport, HoldsTheDropAgainstTheWorstMetricOfBothRuns) {
  v1::Report report = ReportOf("max_drop_points: 1", {});
  *report.add_variants() = MaskVariant("float32", v1::SCHEME_FLOAT32, 1000, 0.96, 0.93);
  *report.add_variants() = MaskVariant("drifts", v1::SCHEME_INT8, 200, 0.96, 0.90);
  *report.add_variants() = MaskVariant("holds", v1::SCHEME_INT16X8, 300, 0.952, 0.94);
  JudgeReport(report);
  EXPECT_NEAR(report.variants(1).goals(0).value(), 3, 1e-9);
  EXPECT_FALSE(report.variants(1).meets_goals());
  EXPECT_NEAR(report.variants(1).recurrence().metrics(0).drop_points(), 3, 1e-9);
  EXPECT_NEAR(report.variants(2).goals(0).value(), 0.8, 1e-9);
  EXPECT_EQ(report.recommended_variant(), "holds");
  EXPECT_THAT(report.recommendation_reason(),
              HasSubstr("0.80 points of mIoU lost, 1.00 points of mIoU gained when fed back"));
}

TEST(JudgeReport, RecommendsByTheIntervalsOfBothRuns) {
  v1::Report report;
  *report.add_variants() = MaskVariant("float32", v1::SCHEME_FLOAT32, 1000, 0.96, 0.93);
  *report.add_variants() = MaskVariant("drifts", v1::SCHEME_INT8, 200, 0.96, 0.90);
  *report.add_variants() = MaskVariant("holds", v1::SCHEME_INT16X8, 300, 0.952, 0.94);
  JudgeReport(report);
  EXPECT_EQ(report.recommended_variant(), "holds");
}

TEST(JudgeReport, TellsTheLossOfR2InPoints) {
  v1::Report report = ReportOf("max_drop_points: 1", {kFloat, kGood});
  for (int i = 0; i < 2; ++i) {
    report.mutable_variants(i)->add_metrics()->mutable_regression()->set_r2(0.9 - 0.05 * i);
  }
  JudgeReport(report);
  EXPECT_NEAR(report.variants(1).metrics(0).drop_points(), 5, 1e-9);
  EXPECT_NEAR(report.variants(1).goals(0).value(), 5, 1e-9);
}

TEST(JudgeReport, WarnsOfAnOutputThatTheOthersHide) {
  v1::Report report = ReportOf("", {kFloat, kGood});
  v1::Fidelity& fidelity = *report.mutable_variants(1)->mutable_fidelity();
  fidelity.set_sqnr_db(42);
  for (const double sqnr_db : {42.3, 0.0}) {
    v1::OutputFidelity& output = *fidelity.add_outputs();
    output.set_output(sqnr_db > 0 ? "boxes" : "scores");
    output.set_sqnr_db(sqnr_db);
  }
  JudgeReport(report);
  EXPECT_THAT(Reasons(report), ElementsAre("OUTPUT_LOST"));
  EXPECT_THAT(report.warnings(0).message(),
              HasSubstr("good: 'scores' has 0.0 dB, all outputs together 42.0 dB"));
  fidelity.mutable_outputs(1)->set_sqnr_db(35);
  JudgeReport(report);
  EXPECT_THAT(Reasons(report), IsEmpty());
}

}  // namespace
}  // namespace octavo
