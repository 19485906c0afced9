#include "core/calibrate/calibrate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Examples of one input [1, n].
class VectorDataset : public Dataset {
 public:
  explicit VectorDataset(std::vector<std::vector<float>> examples)
      : examples_(std::move(examples)) {}

  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  absl::StatusOr<Example> Get(int64_t index) const override {
    ++gets_;
    if (index == fails_at_) return absl::InternalError("the disk is on fire");
    const std::vector<float>& values = examples_[index];
    TensorValue value;
    value.shape = {1, static_cast<int32_t>(values.size())};
    value.bytes.resize(values.size() * sizeof(float));
    std::copy(values.begin(), values.end(), value.mutable_values<float>().begin());
    return Example{std::move(value)};
  }
  const std::vector<int64_t>& labels() const override { return labels_; }
  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    return absl::StrCat(index);
  }

  int64_t fails_at_ = -1;
  mutable std::atomic<int64_t> gets_ = 0;

 private:
  std::vector<std::vector<float>> examples_;
  std::vector<int64_t> labels_;
};

// y = relu(x * factor); both activations, and x, have ranges.
Model ScaleBy(float factor, int32_t size = 3) {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, size});
  const TensorIndex y = graph.Op(schema::BuiltinOperator_MUL, schema::MulOptionsT(),
                                 {x, graph.Constant("factor", {1}, {factor})}, "y", {1, size});
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {y}, "z", {1, size}));
  return graph.Build();
}

VectorDataset RandomExamples(int count, int size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> examples(count, std::vector<float>(size));
  for (auto& example : examples) {
    for (float& value : example) value = normal(random);
  }
  return VectorDataset(std::move(examples));
}

TEST(Calibrate, GivesTheRangesOfEveryActivation) {
  const Model model = ScaleBy(2);
  const VectorDataset examples({{1, -2, 0.5f}, {0, 3, 1}, {-1, -1, -1}});
  const auto statistics = Calibrate(model, examples, {});
  ASSERT_THAT(statistics, IsOk());
  EXPECT_EQ(ChooseRanges(*statistics, {}), (TensorRanges{{FindTensor(model, "x"), {-2, 3}},
                                                         {FindTensor(model, "y"), {-4, 6}},
                                                         {FindTensor(model, "z"), {0, 6}}}));
}

TEST(Calibrate, LooksAtTheFirstExamplesOnly) {
  const Model model = ScaleBy(2);
  const VectorDataset examples({{1, -2, 0.5f}, {0, 3, 1}, {-9, 9, 9}});
  const auto statistics = Calibrate(model, examples, {.max_examples = 2});
  ASSERT_THAT(statistics, IsOk());
  EXPECT_EQ(statistics->at(FindTensor(model, "x")).min_max, (Range{-2, 3}));
  EXPECT_EQ(examples.gets_, 2);
}

TEST(Calibrate, GivesTheSameStatisticsForAnyNumberOfThreads) {
  const Model model = ScaleBy(0.7f, 17);
  const VectorDataset examples = RandomExamples(/*count=*/700, 17, /*seed=*/7);
  CalibrateOptions options{.max_examples = 700, .num_threads = 1, .histograms = true};
  const auto one = Calibrate(model, examples, options);
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->at(FindTensor(model, "x")).histogram.total(), 700 * 17);
  for (const int num_threads : {2, 3, 16}) {
    options.num_threads = num_threads;
    EXPECT_EQ(*Calibrate(model, examples, options), *one) << num_threads;
  }
}

TEST(Calibrate, GoesOnFromWhatWasSeen) {
  const Model model = ScaleBy(2);
  const std::vector<std::vector<float>> all = {{1, -2, 0.5f}, {0, 3, 1}, {-9, 0, 9}, {4, 4, 4}};
  const CalibrateOptions options{.histograms = true};
  const auto begun = Calibrate(model, VectorDataset({all[0], all[1]}), options);
  ASSERT_THAT(begun, IsOk());
  EXPECT_EQ(*Calibrate(model, VectorDataset({all[2], all[3]}), options, *begun),
            *Calibrate(model, VectorDataset(all), options));
}

TEST(Calibrate, MakesHistogramsWhereTheyAreAskedFor) {
  const Model model = ScaleBy(2);
  const VectorDataset examples({{1, -2, 0.5f}, {0, 3, 1}});
  const auto without = Calibrate(model, examples, {});
  ASSERT_THAT(without, IsOk());
  EXPECT_EQ(without->at(FindTensor(model, "x")).histogram.total(), 0);
  const auto with = Calibrate(model, examples, {.histograms = true});
  ASSERT_THAT(with, IsOk());
  EXPECT_EQ(with->at(FindTensor(model, "x")).histogram.total(), 6);
  EXPECT_EQ(with->at(FindTensor(model, "x")).histogram.zeros(), 1);
}

TEST(Calibrate, AveragesExamplesInTheirOrder) {
  const Model model = ScaleBy(2);
  const VectorDataset examples({{0, 0, 10}, {0, 0, 20}, {-40, 0, 0}});
  const auto statistics = Calibrate(model, examples, {});
  ASSERT_THAT(statistics, IsOk());
  const Range average = statistics->at(FindTensor(model, "x")).moving_average;
  EXPECT_NEAR(average.min, -40 * 0.05, 1e-5);
  EXPECT_NEAR(average.max, (10 * 0.95 + 20 * 0.05) * 0.95, 1e-5);
}

TEST(ChooseRanges, AsksTheObserver) {
  const Model model = ScaleBy(2, 1000);
  const auto statistics =
      Calibrate(model, RandomExamples(/*count=*/20, 1000, /*seed=*/7), {.histograms = true});
  ASSERT_THAT(statistics, IsOk());
  const TensorIndex x = FindTensor(model, "x");
  const Range seen = statistics->at(x).min_max;
  EXPECT_EQ(ChooseRanges(*statistics, {}).at(x), seen);
  for (const Observer observer : {Observer::kMovingAverage, Observer::kPercentile,
                                  Observer::kMeanSquaredError, Observer::kEntropy}) {
    const Range range = ChooseRanges(*statistics, {.observer = observer}).at(x);
    EXPECT_GE(range.min, seen.min);
    EXPECT_LE(range.max, seen.max);
    EXPECT_NE(range, seen) << static_cast<int>(observer);
  }
}

TEST(Calibrate, RefusesAnEmptySet) {
  EXPECT_THAT(Calibrate(ScaleBy(1), VectorDataset({}), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "the calibration set is empty"));
  EXPECT_THAT(Calibrate(ScaleBy(1), VectorDataset({{1, 2, 3}}), {.max_examples = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Calibrate, NamesTheExampleAndTensorThatOverflow) {
  const auto ranges =
      Calibrate(ScaleBy(2), VectorDataset({{1, 1, 1}, {1, 3e38f, 1}, {3e38f, 1, 1}}), {});
  EXPECT_THAT(ranges, StatusIs(absl::StatusCode::kInvalidArgument,
                               "calibration example 1: tensor 'y' is not finite"));
  EXPECT_EQ(ReasonOf(ranges.status()), "NOT_FINITE");
}

TEST(Calibrate, BlamesTheInputForItsOwnNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::vector<float>> examples(20, {1, 2, 3});
  examples[13][2] = nan;
  examples[17][0] = nan;
  for (const int num_threads : {1, 4}) {
    const auto ranges =
        Calibrate(ScaleBy(2), VectorDataset(examples), {.num_threads = num_threads});
    EXPECT_THAT(ranges, StatusIs(absl::StatusCode::kInvalidArgument,
                                 "calibration example 13: tensor 'x' is not finite"));
    EXPECT_EQ(ReasonOf(ranges.status()), "NOT_FINITE");
  }
}

TEST(Calibrate, NamesTheExampleThatDoesNotFit) {
  EXPECT_THAT(Calibrate(ScaleBy(2), VectorDataset({{1, 1, 1}, {1, 1}}), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("calibration example 1: ")));
}

TEST(Calibrate, PassesOnWhatTheDataSetSays) {
  VectorDataset examples = RandomExamples(5, 3, 1);
  examples.fails_at_ = 4;
  EXPECT_THAT(Calibrate(ScaleBy(2), examples, {}),
              StatusIs(absl::StatusCode::kInternal, "calibration example 4: the disk is on fire"));
}

TEST(Calibrate, TellsHowFarItIs) {
  for (const int num_threads : {1, 3}) {
    std::mutex mutex;
    std::vector<int64_t> told;
    CalibrateOptions options{.max_examples = 300, .num_threads = num_threads};
    options.progress = [&](int64_t done, int64_t total) {
      const std::unique_lock lock(mutex, std::try_to_lock);
      EXPECT_TRUE(lock.owns_lock()) << "two at a time";
      EXPECT_EQ(total, 300);
      told.push_back(done);
    };
    EXPECT_THAT(Calibrate(ScaleBy(2), RandomExamples(400, 3, 1), options), IsOk());
    ASSERT_THAT(told, SizeIs(300));
    EXPECT_TRUE(std::ranges::is_sorted(told));
    EXPECT_EQ(told.back(), 300);
  }
}

}  // namespace
}  // namespace octavo
