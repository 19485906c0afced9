#include "client/cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/progress_display.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Table, AlignsNumbersToTheRight) {
  const std::string text = RenderTable(
      {.rows = {{"variant", "bytes"}, {"float32", "85,372"}, {"int8", "9"}}, .left_columns = {0}},
      false);
  EXPECT_EQ(text, "variant   bytes\nfloat32  85,372\nint8          9\n");
}

TEST(Table, HoldsNoEscapesWithoutColor) {
  const std::string text =
      RenderTable({.rows = {{"a", "b"}, {"c", "d"}}, .left_columns = {0}, .bold = 0}, false);
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(Table, LeavesOutAccuracyWithoutLabels) {
  v1::Report report;
  v1::VariantReport& variant = *report.add_variants();
  variant.mutable_spec()->set_name("int8");
  variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
  variant.mutable_artifact()->set_size_bytes(25360);
  variant.mutable_fidelity()->set_sqnr_db(41.75);
  EXPECT_THAT(RenderReport(report, false), Not(HasSubstr("top-1")));
  variant.mutable_accuracy()->set_top1(0.9784);
  EXPECT_THAT(RenderReport(report, false), HasSubstr("97.84"));
}

TEST(Table, GivesTheReasonOfSkippedAndFailedVariants) {
  v1::Report report;
  v1::VariantReport& skipped = *report.add_variants();
  skipped.mutable_spec()->set_name("int8");
  skipped.set_state(v1::VariantReport::STATE_SKIPPED);
  skipped.set_skip_reason("no calibration set");
  v1::VariantReport& failed = *report.add_variants();
  failed.mutable_spec()->set_name("int16x8");
  failed.set_state(v1::VariantReport::STATE_FAILED);
  failed.mutable_error()->set_message("ELU has no int16 form");
  const std::string text = RenderReport(report, false);
  EXPECT_THAT(text, HasSubstr("SKIPPED: no calibration set"));
  EXPECT_THAT(text, HasSubstr("FAILED: ELU has no int16 form"));
}

TEST(GroupDigits, SetsThreesApart) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(85372), "85,372");
  EXPECT_EQ(GroupDigits(1234567), "1,234,567");
  EXPECT_EQ(GroupDigits(-1234), "-1,234");
  EXPECT_EQ(GroupDigits(-123), "-123");
}

TEST(Text, HasUnits) {
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(8'923'788), "8.9 MB");
  EXPECT_EQ(DurationText(absl::Milliseconds(2340)), "2.3 s");
  EXPECT_EQ(DurationText(absl::Seconds(200)), "3 min 20 s");
}

TEST(RenderReport, ShowsMasksAndErrorsWhereThereAreTargets) {
  v1::Report report;
  for (const v1::Scheme scheme : {v1::SCHEME_FLOAT32, v1::SCHEME_INT8}) {
    v1::VariantReport& variant = *report.add_variants();
    variant.mutable_spec()->set_scheme(scheme);
    variant.mutable_fidelity()->set_argmax_agreement(0.1);
    v1::MetricReport& masks = *variant.add_metrics();
    masks.mutable_segmentation()->set_mean_iou(0.9605);
    masks.mutable_segmentation()->set_agreement(0.9991);
    masks.set_drop_points(0.25);
    v1::MetricReport& fed = *variant.mutable_recurrence()->add_metrics();
    fed.mutable_segmentation()->set_mean_iou(0.9279);
    fed.set_drop_points(0.75);
    variant.add_metrics()->mutable_regression()->set_root_mean_square_error(0.125);
  }
  const std::string text = RenderReport(report, false);
  for (const char* shown : {"mIoU %", "96.05", "92.79", "+0.75", "0.125", "99.91"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(shown));
  }
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("top-1")));
}

}  // namespace
}  // namespace octavo
