#include "core/evaluate/set_checks.h"

#include <optional>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/evaluate/evaluate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CheckSetsDiffer, IsSilentOfTwoSets) {
  const auto warning = CheckSetsDiffer(MnistImages(500, "calib_images"), MnistImages(1000), 2);
  ASSERT_THAT(warning, IsOk());
  EXPECT_FALSE(warning->has_value());
}

TEST(CheckSetsDiffer, CountsTheExamplesThatAreInBoth) {
  for (const int num_threads : {1, 4}) {
    const auto warning = CheckSetsDiffer(MnistImages(30), MnistImages(100), num_threads);
    ASSERT_THAT(warning, IsOk());
    ASSERT_TRUE(warning->has_value());
    EXPECT_EQ((*warning)->reason(), "SETS_SHARE_EXAMPLES");
    EXPECT_THAT((*warning)->message(), HasSubstr("30 of the 100 evaluation examples"));
  }
}

std::vector<std::optional<ValueRange>> Calibrated(float min, float max) {
  return {ValueRange{min, max}};
}

TEST(SpreadsOf, CountsWhatLiesMoreThanAStepOutside) {
  // A step of -1 to 1.55 is 0.01.
  const auto calibrated = Calibrated(-1, 1.55f);
  const auto outside = [&](float value) {
    return SpreadsOf({Filled({1, 4}, value)}, calibrated)[0].outside;
  };
  EXPECT_EQ(outside(0), 0);
  EXPECT_EQ(outside(1.559f), 0);
  EXPECT_EQ(outside(1.561f), 4);
  EXPECT_EQ(outside(-1.009f), 0);
  EXPECT_EQ(outside(-1.011f), 4);
  // The step is from 0 on: it is 0.1 here.
  EXPECT_EQ(SpreadsOf({Filled({1}, 25.55f)}, Calibrated(20, 25.5f))[0].outside, 0);
  EXPECT_EQ(SpreadsOf({Filled({1}, 1)}, {{std::nullopt}})[0].values, 0);
}

TEST(CheckInputsAreAlike, WarnsWhereMoreThanOneInAHundredLieOutside) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  InputSpread spread{.values = 1000, .outside = 10, .range = {0, 255}};
  EXPECT_THAT(CheckInputsAreAlike(model, Calibrated(0, 1), {{spread}}), IsEmpty());
  spread.outside = 11;
  const auto warnings = CheckInputsAreAlike(model, Calibrated(0, 1), {{spread}});
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_EQ(warnings[0].reason(), "EVALUATION_UNLIKE_CALIBRATION");
  EXPECT_THAT(warnings[0].message(), HasSubstr("1.1 % of the evaluation values lie outside the 0 "
                                               "to 1 that calibration saw: they go from 0 to 255"));
}

TEST(Evaluator, CountsTheInputsOnceWhateverTheThreads) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const MnistImages images(40);
  std::vector<int64_t> outside;
  for (const int num_threads : {1, 3}) {
    Evaluator evaluator(model, images,
                        {.num_threads = num_threads, .calibrated_inputs = Calibrated(0, 0.5f)});
    EXPECT_THAT(evaluator.input_spreads(), IsEmpty());
    ASSERT_THAT(evaluator.EvaluateFloat(model), IsOk());
    ASSERT_THAT(evaluator.Evaluate(model), IsOk());
    ASSERT_THAT(evaluator.input_spreads(), SizeIs(1));
    EXPECT_EQ(evaluator.input_spreads()[0].values, 40 * 28 * 28);
    EXPECT_EQ(evaluator.input_spreads()[0].range.max, 1);
    outside.push_back(evaluator.input_spreads()[0].outside);
  }
  EXPECT_GT(outside[0], 0);
  EXPECT_EQ(outside[0], outside[1]);
}

}  // namespace
}  // namespace octavo
