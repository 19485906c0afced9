#include "core/evaluate/task_metrics.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Targets given example by example.
class TargetList : public Targets {
 public:
  TargetList(std::vector<int64_t> shape, bool is_float, std::vector<std::vector<float>> values)
      : shape_(std::move(shape)), is_float_(is_float), values_(std::move(values)) {}
  const std::vector<int64_t>& shape() const override { return shape_; }
  bool is_float() const override { return is_float_; }
  absl::StatusOr<std::vector<float>> Get(int64_t index) const override { return values_[index]; }
  int64_t size() const { return static_cast<int64_t>(values_.size()); }

 private:
  std::vector<int64_t> shape_;
  bool is_float_;
  std::vector<std::vector<float>> values_;
};

OutputPart Whole(Shape shape) {
  OutputPart part{.name = "y", .shape = shape};
  part.columns = part.end = shape.back();
  part.rows = NumElements(shape).value_or(0) / part.columns;
  return part;
}

v1::EvaluationSpec Wanted(v1::EvaluationKind kind = v1::EVALUATION_KIND_UNSPECIFIED) {
  v1::EvaluationSpec spec;
  spec.set_kind(kind);
  return spec;
}

// Outputs by example; the float model's are the same where none are given.
v1::MetricReport ReportOf(Shape shape, const TargetList& targets,
                          const std::vector<std::vector<float>>& outputs,
                          const std::vector<std::vector<float>>& reference = {},
                          const v1::EvaluationSpec& wanted = Wanted()) {
  auto metric = PlanMetric(Whole(shape), targets, "t", wanted);
  EXPECT_THAT(metric, IsOk());
  EXPECT_THAT(CheckTargets(targets.size(), 2, *metric), IsOk());
  std::vector<MetricResult> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    results.push_back(MeasureExample(*metric, *targets.Get(static_cast<int64_t>(i)), outputs[i],
                                     reference.empty() ? outputs[i] : reference[i]));
  }
  return FoldMetric(*metric, results);
}

TEST(Segmentation, CountsIntersectionsOverAllExamples) {
  // Class 1: 3 of 4 places in the first, 0 of 1 in the second; class 0: 0 and 3.
  const TargetList targets({2, 2}, false, {{1, 1, 1, 1}, {0, 0, 0, 1}});
  const v1::MetricReport report =
      ReportOf({1, 4, 1}, targets, {{0.6f, 0.9f, 0.51f, 0.5f}, {0, 0.1f, 0.2f, 0.3f}});
  EXPECT_EQ(report.kind(), v1::EVALUATION_KIND_SEGMENTATION);
  const v1::Segmentation& masks = report.segmentation();
  EXPECT_DOUBLE_EQ(masks.classes(1).iou(), 3.0 / 5);
  EXPECT_DOUBLE_EQ(masks.classes(0).iou(), 3.0 / 5);
  EXPECT_DOUBLE_EQ(masks.mean_iou(), 0.6);
  EXPECT_DOUBLE_EQ(masks.place_accuracy(), 6.0 / 8);
  EXPECT_EQ(masks.classes(1).target_places(), 5);
  EXPECT_EQ(masks.classes(1).predicted_places(), 3);
}

TEST(Segmentation, TakesGreyMasksAbove127) {
  const TargetList grey({4}, false, {{0, 127, 128, 255}});
  EXPECT_DOUBLE_EQ(ReportOf({1, 4}, grey, {{0, 0, 1, 1}}).segmentation().mean_iou(), 1);
  const TargetList binary({4}, false, {{0, 0, 1, 1}});
  EXPECT_DOUBLE_EQ(ReportOf({1, 4}, binary, {{0, 0, 1, 1}}).segmentation().mean_iou(), 1);
}

TEST(Segmentation, TakesTheThresholdThatIsGiven) {
  const TargetList targets({2}, false, {{0, 1}});
  v1::EvaluationSpec logits = Wanted();
  logits.set_threshold(0);
  EXPECT_DOUBLE_EQ(ReportOf({1, 2}, targets, {{-3, 0.1f}}, {}, logits).segmentation().mean_iou(),
                   1);
  EXPECT_LT(ReportOf({1, 2}, targets, {{-3, 0.1f}}).segmentation().mean_iou(), 0.5);
}

TEST(Segmentation, TakesTheLargestOfTheLastAxisAndLeavesOut255) {
  const TargetList targets({1, 3}, false, {{2, 255, 0}});
  const v1::MetricReport report =
      ReportOf({1, 1, 3, 3}, targets, {{0, 1, 2, 9, 0, 0, 1, 2, 0}}, {{0, 1, 2, 0, 9, 0, 2, 1, 0}});
  const v1::Segmentation& masks = report.segmentation();
  // 2 is right, 1 is predicted for 0; the place of 255 is not looked at.
  EXPECT_DOUBLE_EQ(masks.classes(2).iou(), 1);
  EXPECT_DOUBLE_EQ(masks.mean_iou(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(masks.place_accuracy(), 0.5);
  EXPECT_DOUBLE_EQ(masks.agreement(), 0.5);
}

TEST(Segmentation, LeavesAClassThatIsNowhereOutOfTheMean) {
  const TargetList targets({2}, false, {{0, 1}});
  const v1::MetricReport report = ReportOf({1, 2, 3}, targets, {{1, 0, 0, 0, 1, 0}});
  EXPECT_DOUBLE_EQ(report.segmentation().mean_iou(), 1);
  EXPECT_EQ(report.segmentation().classes(2).target_places(), 0);
}

TEST(Segmentation, HasAnIntervalByLeavingOutOne) {
  const TargetList targets({2}, false, {{0, 1}, {0, 1}, {0, 1}, {0, 1}});
  const v1::Segmentation masks =
      ReportOf({1, 2}, targets, {{0, 1}, {0, 1}, {0, 1}, {0, 0}}).segmentation();
  // Class 0: 4 of 5, class 1: 3 of 4. Without a good one 3/4 and 2/3, without the bad one 1 and 1.
  const double good = (3.0 / 4 + 2.0 / 3) / 2, bad = 1, mean = (3 * good + bad) / 4;
  const double error =
      std::sqrt(3.0 / 4 * (3 * (good - mean) * (good - mean) + (bad - mean) * (bad - mean)));
  EXPECT_DOUBLE_EQ(masks.mean_iou(), 0.775);
  EXPECT_NEAR(masks.mean_iou_low(), 0.775 - 1.96 * error, 1e-4);
  EXPECT_DOUBLE_EQ(masks.mean_iou_high(), 1);
  const TargetList one({2}, false, {{0, 1}});
  EXPECT_EQ(ReportOf({1, 2}, one, {{0, 1}}).segmentation().mean_iou_low(), 0);
}

TEST(Regression, SumsErrorsOverAllElements) {
  const TargetList targets({2}, true, {{1, 2}, {3, 6}});
  const v1::MetricReport report = ReportOf({1, 2}, targets, {{1, 4}, {2, 6}});
  EXPECT_EQ(report.kind(), v1::EVALUATION_KIND_REGRESSION);
  const v1::Regression& errors = report.regression();
  EXPECT_DOUBLE_EQ(errors.mean_absolute_error(), 0.75);
  EXPECT_DOUBLE_EQ(errors.root_mean_square_error(), std::sqrt(5.0 / 4));
  EXPECT_DOUBLE_EQ(errors.max_error(), 2);
  // Squares around the mean of 3: 4 + 1 + 0 + 9.
  EXPECT_NEAR(errors.r2(), 1 - 5.0 / 14, 1e-12);
}

TEST(Regression, HasNoR2WhereAllTargetsAreEqual) {
  const TargetList targets({1}, true, {{3}, {3}});
  EXPECT_FALSE(ReportOf({1, 1}, targets, {{3}, {4}}).regression().has_r2());
}

TEST(Regression, IsInfinitelyWrongWhereAnOutputIsNoNumber) {
  const TargetList targets({1}, true, {{3}, {4}});
  EXPECT_TRUE(std::isinf(ReportOf({1, 1}, targets, {{3}, {NAN}}).regression().max_error()));
}

TEST(Classes, RankALabelOrHoldOneValueAgainstTheThreshold) {
  const TargetList labels({}, false, {{2}, {0}});
  EXPECT_DOUBLE_EQ(ReportOf({1, 3}, labels, {{0, 1, 2}, {0, 1, 2}}).accuracy().top1(), 0.5);
  const TargetList binary({1}, false, {{1}, {0}, {1}});
  const v1::MetricReport report = ReportOf({1, 1}, binary, {{0.7f}, {0.2f}, {0.4f}});
  EXPECT_DOUBLE_EQ(report.accuracy().top1(), 2.0 / 3);
  EXPECT_THAT(report.accuracy().confusion(), ElementsAre(1, 0, 1, 1));
}

TEST(PlanMetric, RefusesTargetsThatDoNotFit) {
  const TargetList mask({3, 3}, false, {});
  EXPECT_THAT(
      PlanMetric(Whole({1, 4, 1}), mask, "masks", Wanted()),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("targets 'masks' of 9 integers an example do not fit output 'y'")));
  EXPECT_THAT(
      PlanMetric(Whole({1, 3}), mask, "masks", Wanted(v1::EVALUATION_KIND_REGRESSION)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("as many numbers as the output has")));
  EXPECT_THAT(PlanMetric(Whole({1, 9}), mask, "masks", Wanted(v1::EVALUATION_KIND_CLASSES)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one integer an example")));
}

TEST(CheckTargets, NamesTheExampleAndTheValue) {
  const struct {
    Shape shape;
    TargetList targets;
    const char* problem;
    const char* reason;
  } cases[] = {
      {{1, 3},
       {{}, false, {{2}, {3}}},
       "example 1: targets 't': 3 is no class of the 3",
       "LABEL_OUT_OF_RANGE"},
      {{1, 2, 3},
       {{2}, false, {{0, 254}}},
       "example 0: targets 't': 254 is no class",
       "LABEL_OUT_OF_RANGE"},
      {{1, 2}, {{2}, false, {{0, -1}}}, "-1 is no class", "LABEL_OUT_OF_RANGE"},
      {{1, 2}, {{2}, true, {{0, NAN}}}, "have a value that is not finite", "NOT_FINITE"},
  };
  for (const auto& test : cases) {
    auto metric = PlanMetric(Whole(test.shape), test.targets, "t", Wanted());
    ASSERT_THAT(metric, IsOk());
    const absl::Status status = CheckTargets(test.targets.size(), 1, *metric);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
    EXPECT_EQ(ReasonOf(status), test.reason);
  }
}

}  // namespace
}  // namespace octavo
