#include "client/cli/progress_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ftxui/screen/string.hpp>

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const StepProgress kEvaluate = {.step = "evaluate int8-uint8io",
                                .unit = "examples",
                                .done = 4'000,
                                .total = 10'000,
                                .elapsed = absl::Seconds(8)};
const StepProgress kUpload = {.step = "upload a-data-set-with-a-long-name.npz",
                              .unit = "bytes",
                              .begun_done = 600'000'000,
                              .done = 640'000'000,
                              .total = 999'000'000,
                              .elapsed = absl::Seconds(4)};

TEST(RenderProgress, FitsWithRateAndTimeLeftInEightyColumns) {
  const std::string line = RenderProgress(kEvaluate, 80);
  EXPECT_THAT(line, AllOf(HasSubstr("evaluate int8-uint8io"),
                          HasSubstr("4,000 of 10,000 examples, 500/s, 12 s left")));
  EXPECT_LT(ftxui::string_width(line), 80);
}

TEST(RenderProgress, CutsALongNameAndKeepsTheFigures) {
  const std::string line = RenderProgress(kUpload, 80);
  EXPECT_THAT(line, AllOf(HasSubstr("…"), HasSubstr("of 999.0 MB, 10.0 MB/s, 35 s left")));
  EXPECT_LT(ftxui::string_width(line), 80);
}

TEST(RenderProgress, SurvivesAnyWidth) {
  for (int columns = 0; columns < 130; ++columns) {
    EXPECT_LE(ftxui::string_width(RenderProgress(kUpload, columns)), std::max(columns, 1));
  }
}

TEST(RenderProgress, ShowsNoRateBeforeAnythingCame) {
  StepProgress begun = kUpload;
  begun.done = begun.begun_done;
  EXPECT_THAT(RenderProgress(begun, 120), Not(HasSubstr("/s")));
}

TEST(RenderProgress, CountsOnlyWhatCameWhileWatching) {
  StepProgress half_done = kEvaluate;
  half_done.begun_done = 3'200;
  EXPECT_THAT(RenderProgress(half_done, 120), HasSubstr("100/s, 1 min 0 s left"));
}

TEST(ProgressDisplay, GoesByTheClockOfWhatItIsToldOf) {
  ::testing::internal::CaptureStderr();
  {
    ProgressDisplay display;
    const absl::Time began = absl::UnixEpoch() + absl::Seconds(7);
    display.Update("evaluate int8", 0, 0, "examples", began);
    display.Update("evaluate int8", 5'000, 10'000, "examples", began + absl::Seconds(30));
    display.Update("quantize int8", 0, 0, "examples", began + absl::Seconds(40));
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "evaluate int8: 5,000 examples in 30 s\n");
}

TEST(ProgressDisplay, BeginsAnewWhereAStepFallsBack) {
  ::testing::internal::CaptureStderr();
  {
    ProgressDisplay display;
    const absl::Time began = absl::UnixEpoch();
    display.Update("upload", 500, 900, "bytes", began);
    display.Update("upload", 0, 900, "bytes", began + absl::Seconds(60));
    display.Update("upload", 900, 900, "bytes", began + absl::Seconds(63));
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "upload: 900 B in 3.0 s\n");
}

TEST(ProgressSummary, SaysWhatTookTheTime) {
  EXPECT_EQ(ProgressSummary(kEvaluate), "evaluate int8-uint8io: 4,000 examples in 8.0 s");
  EXPECT_THAT(ProgressSummary(kUpload), HasSubstr("640.0 MB, the last 40.0 MB in 4.0 s"));
}

}  // namespace
}  // namespace octavo
