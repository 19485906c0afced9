#include "core/evaluate/evaluate.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Outputs = std::vector<std::vector<float>>;  // by example

v1::Accuracy AccuracyOf(const Outputs& scores, const std::vector<int64_t>& labels) {
  std::vector<Ranking> rankings;
  for (size_t i = 0; i < scores.size(); ++i) rankings.push_back(RankLabel(scores[i], labels[i]));
  return FoldAccuracy(rankings, static_cast<int64_t>(scores[0].size()));
}

// With one output, or the first `first_size` elements as the first one.
v1::Fidelity FidelityOf(const Outputs& outputs, const Outputs& reference, int64_t first_size = 2) {
  std::vector<Difference> differences;
  for (size_t i = 0; i < outputs.size(); ++i) {
    differences.push_back(Compare(reference[i], outputs[i], first_size));
  }
  return FoldFidelity(differences);
}

TEST(FoldAccuracy, CountsTop1AndTheConfusion) {
  const v1::Accuracy accuracy =
      AccuracyOf({{3, 1, 2}, {1, 2, 3}, {1, 3, 2}, {0, 1, 0}}, {0, 2, 2, 1});
  EXPECT_DOUBLE_EQ(accuracy.top1(), 0.75);
  EXPECT_EQ(accuracy.top5(), 0);
  EXPECT_EQ(accuracy.examples(), 4);
  EXPECT_EQ(accuracy.classes(), 3);
  EXPECT_THAT(accuracy.confusion(), ElementsAre(1, 0, 0, 0, 1, 0, 0, 1, 1));
}

TEST(FoldAccuracy, CountsTop5OfSixClassesAndMore) {
  const v1::Accuracy accuracy =
      AccuracyOf({{6, 5, 4, 3, 2, 1}, {6, 5, 4, 3, 2, 1}, {6, 5, 4, 3, 2, 1}}, {4, 5, 0});
  EXPECT_DOUBLE_EQ(accuracy.top1(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(accuracy.top5(), 2.0 / 3);
}

TEST(FoldAccuracy, GivesTiesToTheLowerClass) {
  EXPECT_DOUBLE_EQ(AccuracyOf({{1, 1}, {1, 1}}, {0, 1}).top1(), 0.5);
}

TEST(FoldAccuracy, LetsWhatIsNoNumberLose) {
  EXPECT_DOUBLE_EQ(AccuracyOf({{kNan, 1}, {kNan, 1}, {-1, kNan}}, {0, 1, 0}).top1(), 2.0 / 3);
}

TEST(FoldAccuracy, LeavesOutTheConfusionOfManyClasses) {
  EXPECT_EQ(AccuracyOf({std::vector<float>(100)}, {0}).confusion_size(), 10000);
  EXPECT_THAT(AccuracyOf({std::vector<float>(101)}, {0}).confusion(), IsEmpty());
  EXPECT_EQ(FoldAccuracy({}, 10).examples(), 0);
}

TEST(WilsonInterval, EndsWhereTheShareWouldBeAsFarOffAsChanceAllows) {
  constexpr double kZ = 1.959963984540054;
  for (const int64_t trials : {1, 10, 100, 10000}) {
    for (const int64_t successes : {int64_t{0}, trials / 3, trials - 1, trials}) {
      const ShareInterval interval = WilsonInterval(successes, trials);
      const double share = static_cast<double>(successes) / static_cast<double>(trials);
      for (const double end : {interval.low, interval.high}) {
        const double deviation = kZ * std::sqrt(end * (1 - end) / static_cast<double>(trials));
        EXPECT_NEAR(std::abs(end - share), deviation, 1e-8) << successes << " of " << trials;
      }
      EXPECT_LE(interval.low, share);
      EXPECT_GE(interval.high, share);
    }
  }
  EXPECT_EQ(WilsonInterval(0, 0).low, 0);
  EXPECT_EQ(WilsonInterval(0, 0).high, 1);
}

TEST(FoldFidelity, IsWhatTheFormulasGive) {
  // signal 1 + 4 + 9 + 16 = 30, noise 0 + 1 + 0 + 4 = 5.
  const v1::Fidelity fidelity = FidelityOf({{1, 1}, {3, 2}}, {{1, 2}, {3, 4}});
  EXPECT_NEAR(fidelity.sqnr_db(), 10 * std::log10(30.0 / 5), 1e-12);
  EXPECT_NEAR(fidelity.cosine(), (3 / std::sqrt(10) + 17 / std::sqrt(13 * 25)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(fidelity.max_abs_error(), 2);
  // The first: 1, 1 is a tie and goes to class 0, float says 1. The second: 0 against 1.
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 0);
  EXPECT_EQ(fidelity.examples(), 2);
}

TEST(FoldFidelity, IsInfiniteForTheSame) {
  const Outputs outputs = {{1, 2}, {0, 0}};
  const v1::Fidelity fidelity = FidelityOf(outputs, outputs);
  EXPECT_EQ(fidelity.sqnr_db(), kInfinity);
  EXPECT_DOUBLE_EQ(fidelity.cosine(), 1);
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 1);
  EXPECT_EQ(fidelity.max_abs_error(), 0);
}

TEST(FoldFidelity, TakesAllOutputsButTheFirstsArgmax) {
  const v1::Fidelity fidelity = FidelityOf({{1, 2, 10}}, {{1, 2, 30}}, /*first_size=*/2);
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 1);
  EXPECT_DOUBLE_EQ(fidelity.max_abs_error(), 20);
}

TEST(FoldFidelity, StaysANumberWhateverTheOutputs) {
  for (const float bad :
       {kNan, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    const v1::Fidelity fidelity = FidelityOf({{bad, 1}, {1, 2}}, {{1, 1}, {1, 2}});
    EXPECT_EQ(fidelity.sqnr_db(), -kInfinity);
    EXPECT_EQ(fidelity.max_abs_error(), kInfinity);
    EXPECT_GE(fidelity.cosine(), 0);
  }
  EXPECT_EQ(FidelityOf({{1, 0}}, {{0, 0}}).sqnr_db(), -kInfinity);
  EXPECT_EQ(FoldFidelity({}).examples(), 0);
}

struct PeerFigures {
  const char* name;
  const char* file;
  double top1, agreement, sqnr_db;
};

// What LiteRT gave for these files on all 10,000 images (the fixtures' README).
class Peer : public testing::TestWithParam<PeerFigures> {};

TEST_P(Peer, IsEvaluatedAsByLiteRt) {
  const MnistImages images(10000);
  const Model float_model = ReadFixture("models/mnist_cnn/float.tflite");
  Evaluator evaluator(float_model, images, {.num_threads = 2, .has_accuracy = true});
  const auto evaluation = evaluator.Evaluate(ReadFixture(GetParam().file));
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_NEAR(evaluation->accuracy->top1(), GetParam().top1, 0.0002);
  EXPECT_EQ(evaluation->accuracy->examples(), 10000);
  EXPECT_NEAR(evaluation->fidelity.argmax_agreement(), GetParam().agreement, 0.0002);
  EXPECT_NEAR(evaluation->fidelity.sqnr_db(), GetParam().sqnr_db, 0.05);
}

INSTANTIATE_TEST_SUITE_P(
    Evaluator, Peer,
    testing::Values(
        PeerFigures{"DynamicInt8", "reference/mnist_cnn/dynamic_int8.tflite", 0.9789, 0.9999,
                    46.81},
        PeerFigures{"Float16", "reference/mnist_cnn/float16.tflite", 0.9791, 0.9999, 76.22},
        PeerFigures{"Int8", "reference/mnist_cnn/int8_float_io.tflite", 0.9784, 0.9992, 41.75},
        PeerFigures{"Int8Int8Io", "reference/mnist_cnn/int8_int8_io.tflite", 0.9784, 0.9992, 41.75},
        PeerFigures{"Int8Uint8Io", "reference/mnist_cnn/int8_uint8_io.tflite", 0.9784, 0.9992,
                    41.75}),
    [](const auto& info) { return info.param.name; });

std::string Text(const Evaluation& evaluation) {
  return absl::StrCat(evaluation.accuracy.value_or(v1::Accuracy()).SerializeAsString(),
                      evaluation.fidelity.SerializeAsString());
}

// Float, then int8, with what they gave.
std::vector<std::string> EvaluateBoth(const Dataset& images, const EvaluateOptions& options) {
  const Model float_model = ReadFixture("models/mnist_cnn/float.tflite");
  Evaluator evaluator(float_model, images, options);
  const auto of_float = evaluator.EvaluateFloat(float_model);
  EXPECT_THAT(of_float, IsOk());
  const auto of_int8 = evaluator.Evaluate(ReadFixture("reference/mnist_cnn/int8_float_io.tflite"));
  EXPECT_THAT(of_int8, IsOk());
  if (!of_float.ok() || !of_int8.ok()) return {};
  EXPECT_EQ(of_float->fidelity.sqnr_db(), kInfinity);
  EXPECT_GT(of_int8->fidelity.sqnr_db(), 30);
  EXPECT_LT(of_int8->fidelity.sqnr_db(), 60);
  return {Text(*of_float), Text(*of_int8)};
}

TEST(Evaluator, GivesTheSameToTheLastBitForAnyNumberOfThreadsAndWhateverIsKept) {
  const MnistImages images(200);
  const auto expected = EvaluateBoth(images, {.has_accuracy = true});
  for (const int num_threads : {1, 2, 3, 16}) {
    for (const int64_t max_kept_bytes : {0, 200 * 10 * 4 - 1, 200 * 10 * 4}) {
      const auto given = EvaluateBoth(
          images,
          {.num_threads = num_threads, .has_accuracy = true, .max_kept_bytes = max_kept_bytes});
      EXPECT_EQ(given, expected) << num_threads << " threads, " << max_kept_bytes << " bytes kept";
    }
  }
}

TEST(Evaluator, NeedsNoFloatEvaluationBefore) {
  const MnistImages images(50);
  const Model float_model = ReadFixture("models/mnist_cnn/float.tflite");
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  for (const Backend backend : {Backend::kXnnpack, Backend::kReference}) {
    const std::string expected = EvaluateBoth(images, {.backend = backend}).at(1);
    Evaluator evaluator(float_model, images, {.backend = backend});
    for (int round = 0; round < 2; ++round) {
      const auto evaluation = evaluator.Evaluate(int8);
      ASSERT_THAT(evaluation, IsOk());
      EXPECT_FALSE(evaluation->accuracy.has_value());
      EXPECT_EQ(Text(*evaluation), expected);
    }
  }
}

TEST(Evaluator, ReportsEveryExample) {
  const MnistImages images(40);
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  for (const int num_threads : {1, 3}) {
    int64_t last = 0;
    EvaluateOptions options{.num_threads = num_threads};
    options.progress = [&](int64_t done, int64_t total) {
      EXPECT_EQ(done, last + 1);
      EXPECT_EQ(total, 40);
      last = done;
    };
    EXPECT_THAT(Evaluator(model, images, options).EvaluateFloat(model), IsOk());
    EXPECT_EQ(last, 40);
  }
}

TEST(Evaluator, NamesTheExampleThatDoesNotFit) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  std::vector<Example> examples(40, Example{Filled({1, 28, 28}, 0.5f)});
  examples[33] = {Filled({1, 28, 27}, 0.5f)};
  examples[37] = {Filled({1}, 0.5f)};
  const ExampleList list(examples);
  for (const int num_threads : {1, 4}) {
    EXPECT_THAT(Evaluator(model, list, {.num_threads = num_threads}).Evaluate(model),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("example 33: input 'serving_default_keras_tensor:0'"
                                   ": is [1, 28, 27]")));
  }
}

TEST(Evaluator, NamesTheExampleThatIsNotFinite) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  std::vector<Example> examples(4, Example{Filled({1, 28, 28}, 0.5f)});
  examples[2][0].mutable_values<float>()[783] = kNan;
  const ExampleList list(examples);
  const auto evaluation = Evaluator(model, list, {.check_finite = true}).EvaluateFloat(model);
  EXPECT_THAT(evaluation, StatusIs(absl::StatusCode::kInvalidArgument,
                                   "example 2: input 'serving_default_keras_tensor:0' has a value "
                                   "that is not finite"));
  EXPECT_EQ(ReasonOf(evaluation.status()), "NOT_FINITE");
}

TEST(Evaluator, NamesTheExampleWhoseLabelIsNoClass) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const std::vector<Example> examples(2, Example{Filled({1, 28, 28}, 0.5f)});
  const struct {
    std::vector<int64_t> labels;
    const char* problem;
  } cases[] = {{{0, 10}, "example 1: class 10 of a model with 10 classes, numbered from 0"},
               {{-1, 0}, "example 0: class -1"},
               {{0}, "1 labels for 2 examples"}};
  for (const auto& test : cases) {
    const ExampleList list(examples, test.labels);
    EXPECT_THAT(Evaluator(model, list, {.has_accuracy = true}).EvaluateFloat(model),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
  }
}

}  // namespace
}  // namespace octavo
