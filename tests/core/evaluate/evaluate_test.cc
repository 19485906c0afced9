#include "core/evaluate/evaluate.h"

#include <cmath>
#include <limits>
#include <mutex>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
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

ModelOutputs Scores(std::vector<std::vector<float>> examples) {
  const auto size = static_cast<int64_t>(examples[0].size());
  return {{size}, std::move(examples)};
}

TEST(ComputeAccuracy, CountsTop1AndTheConfusion) {
  const auto accuracy =
      ComputeAccuracy(Scores({{3, 1, 2}, {1, 2, 3}, {1, 3, 2}, {0, 1, 0}}), {0, 2, 2, 1});
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_DOUBLE_EQ(accuracy->top1(), 0.75);
  EXPECT_EQ(accuracy->top5(), 0);
  EXPECT_EQ(accuracy->examples(), 4);
  EXPECT_EQ(accuracy->classes(), 3);
  EXPECT_THAT(accuracy->confusion(), ElementsAre(1, 0, 0, 0, 1, 0, 0, 1, 1));
}

TEST(ComputeAccuracy, CountsTop5OfSixClassesAndMore) {
  const auto accuracy = ComputeAccuracy(
      Scores({{6, 5, 4, 3, 2, 1}, {6, 5, 4, 3, 2, 1}, {6, 5, 4, 3, 2, 1}}), {4, 5, 0});
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_DOUBLE_EQ(accuracy->top1(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(accuracy->top5(), 2.0 / 3);
}

TEST(ComputeAccuracy, GivesTiesToTheLowerClass) {
  const auto accuracy = ComputeAccuracy(Scores({{1, 1}, {1, 1}}), {0, 1});
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_DOUBLE_EQ(accuracy->top1(), 0.5);
}

TEST(ComputeAccuracy, LetsWhatIsNoNumberLose) {
  const auto accuracy = ComputeAccuracy(Scores({{kNan, 1}, {kNan, 1}, {-1, kNan}}), {0, 1, 0});
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_DOUBLE_EQ(accuracy->top1(), 2.0 / 3);
}

TEST(ComputeAccuracy, LeavesOutTheConfusionOfManyClasses) {
  const auto hundred = ComputeAccuracy(Scores({std::vector<float>(100)}), {0});
  const auto more = ComputeAccuracy(Scores({std::vector<float>(101)}), {0});
  EXPECT_EQ(hundred->confusion_size(), 10000);
  EXPECT_THAT(more->confusion(), IsEmpty());
}

TEST(ComputeAccuracy, LooksAtTheFirstOutputAlone) {
  const auto accuracy = ComputeAccuracy({{2, 3}, {{1, 2, 9, 9, 9}}}, {1});
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_DOUBLE_EQ(accuracy->top1(), 1);
  EXPECT_EQ(accuracy->classes(), 2);
}

TEST(ComputeAccuracy, NamesTheExampleWhoseLabelIsNoClass) {
  EXPECT_THAT(ComputeAccuracy(Scores({{1, 2}, {1, 2}}), {0, 2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("example 1: class 2 of a model with 2 classes, numbered from 0")));
  EXPECT_THAT(ComputeAccuracy(Scores({{1, 2}}), {-1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ComputeAccuracy(Scores({{1, 2}}), {0, 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 labels for 1 examples")));
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

TEST(ComputeFidelity, IsWhatTheFormulasGive) {
  // signal 1 + 4 + 9 + 16 = 30, noise 0 + 1 + 0 + 4 = 5.
  const v1::Fidelity fidelity = ComputeFidelity(Scores({{1, 1}, {3, 2}}), Scores({{1, 2}, {3, 4}}));
  EXPECT_NEAR(fidelity.sqnr_db(), 10 * std::log10(30.0 / 5), 1e-12);
  EXPECT_NEAR(fidelity.cosine(), (3 / std::sqrt(10) + 17 / std::sqrt(13 * 25)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(fidelity.max_abs_error(), 2);
  // The first: 1, 1 is a tie and goes to class 0, float says 1. The second: 0 against 1.
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 0);
  EXPECT_EQ(fidelity.examples(), 2);
}

TEST(ComputeFidelity, IsInfiniteForTheSame) {
  const ModelOutputs outputs = Scores({{1, 2}, {0, 0}});
  const v1::Fidelity fidelity = ComputeFidelity(outputs, outputs);
  EXPECT_EQ(fidelity.sqnr_db(), kInfinity);
  EXPECT_DOUBLE_EQ(fidelity.cosine(), 1);
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 1);
  EXPECT_EQ(fidelity.max_abs_error(), 0);
}

TEST(ComputeFidelity, TakesAllOutputsButTheFirstsArgmax) {
  const v1::Fidelity fidelity = ComputeFidelity({{2, 1}, {{1, 2, 10}}}, {{2, 1}, {{1, 2, 30}}});
  EXPECT_DOUBLE_EQ(fidelity.argmax_agreement(), 1);
  EXPECT_DOUBLE_EQ(fidelity.max_abs_error(), 20);
}

TEST(ComputeFidelity, StaysANumberWhateverTheOutputs) {
  for (const float bad :
       {kNan, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    const v1::Fidelity fidelity =
        ComputeFidelity(Scores({{bad, 1}, {1, 2}}), Scores({{1, 1}, {1, 2}}));
    EXPECT_EQ(fidelity.sqnr_db(), -kInfinity);
    EXPECT_EQ(fidelity.max_abs_error(), kInfinity);
    EXPECT_GE(fidelity.cosine(), 0);
  }
  EXPECT_EQ(ComputeFidelity(Scores({{1, 0}}), Scores({{0, 0}})).sqnr_db(), -kInfinity);
  EXPECT_EQ(ComputeFidelity({{2}, {}}, {{2}, {}}).examples(), 0);
}

// One input of this type and scale; nothing else.
Model OneInput(schema::TensorType type, float scale, int64_t zero_point) {
  Model model;
  model.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  auto tensor = std::make_unique<schema::TensorT>();
  tensor->name = "in";
  tensor->type = type;
  tensor->shape = {1, 4};
  tensor->quantization = std::make_unique<schema::QuantizationParametersT>();
  if (scale != 0) {
    tensor->quantization->scale = {scale};
    tensor->quantization->zero_point = {zero_point};
  }
  model.graph().tensors.push_back(std::move(tensor));
  model.graph().inputs = {0};
  return model;
}

Example Floats(std::vector<float> values) {
  TensorValue value = Filled({1, 4}, 0);
  std::copy(values.begin(), values.end(), value.mutable_values<float>().begin());
  return {std::move(value)};
}

TEST(ConvertInputs, RoundsHalfAwayFromZeroAndClamps) {
  const auto converted = ConvertInputs(OneInput(schema::TensorType_INT8, 0.5f, -1),
                                       Floats({0.25f, -0.25f, 1000, -1000}));
  ASSERT_THAT(converted, IsOk());
  EXPECT_EQ((*converted)[0].type, schema::TensorType_INT8);
  EXPECT_THAT((*converted)[0].values<int8_t>(), ElementsAre(0, -2, 127, -128));
  const auto wide = ConvertInputs(OneInput(schema::TensorType_INT16, 0.5f, 0),
                                  Floats({0.25f, -0.75f, 1e9f, -1e9f}));
  EXPECT_THAT((*wide)[0].values<int16_t>(), ElementsAre(1, -2, 32767, -32768));
  const auto unsigned_ =
      ConvertInputs(OneInput(schema::TensorType_UINT8, 1, 128), Floats({0, 1, 200, -200}));
  EXPECT_THAT((*unsigned_)[0].values<uint8_t>(), ElementsAre(128, 129, 255, 0));
}

TEST(ConvertInputs, LeavesAloneWhatIsOfTheRightType) {
  const auto converted =
      ConvertInputs(OneInput(schema::TensorType_FLOAT32, 0, 0), Floats({1, 2, 3, 4}));
  ASSERT_THAT(converted, IsOk());
  EXPECT_THAT((*converted)[0].values<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(ConvertInputs, NamesTheInputThatDoesNotFit) {
  const Model model = OneInput(schema::TensorType_INT8, 0.5f, 0);
  EXPECT_THAT(ConvertInputs(model, {Filled({1, 5}, 0)}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input 'in': is [1, 5], the model takes [1, 4]"));
  EXPECT_THAT(ConvertInputs(model, Floats({1, kNan, 3, 4})),
              StatusIs(absl::StatusCode::kInvalidArgument, "input 'in': is not finite"));
  EXPECT_THAT(ConvertInputs(OneInput(schema::TensorType_INT32, 0, 0), Floats({1, 2, 3, 4})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input 'in': is FLOAT32, the model takes INT32"));
  EXPECT_THAT(ConvertInputs(model, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 values for 1 inputs")));
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
  const auto reference =
      RunModel(ReadFixture("models/mnist_cnn/float.tflite"), images, {.num_threads = 2});
  ASSERT_THAT(reference, IsOk());
  const auto outputs = RunModel(ReadFixture(GetParam().file), images, {.num_threads = 2});
  ASSERT_THAT(outputs, IsOk());
  const auto accuracy = ComputeAccuracy(*outputs, images.labels());
  ASSERT_THAT(accuracy, IsOk());
  EXPECT_NEAR(accuracy->top1(), GetParam().top1, 0.0002);
  EXPECT_EQ(accuracy->examples(), 10000);
  const v1::Fidelity fidelity = ComputeFidelity(*outputs, *reference);
  EXPECT_NEAR(fidelity.argmax_agreement(), GetParam().agreement, 0.0002);
  EXPECT_NEAR(fidelity.sqnr_db(), GetParam().sqnr_db, 0.05);
}

INSTANTIATE_TEST_SUITE_P(
    RunModel, Peer,
    testing::Values(
        PeerFigures{"DynamicInt8", "reference/mnist_cnn/dynamic_int8.tflite", 0.9789, 0.9999,
                    46.81},
        PeerFigures{"Float16", "reference/mnist_cnn/float16.tflite", 0.9791, 0.9999, 76.22},
        PeerFigures{"Int8", "reference/mnist_cnn/int8_float_io.tflite", 0.9784, 0.9992, 41.75},
        PeerFigures{"Int8Int8Io", "reference/mnist_cnn/int8_int8_io.tflite", 0.9784, 0.9992, 41.75},
        PeerFigures{"Int8Uint8Io", "reference/mnist_cnn/int8_uint8_io.tflite", 0.9784, 0.9992,
                    41.75}),
    [](const auto& info) { return info.param.name; });

TEST(RunModel, GivesTheSameForAnyNumberOfThreadsAndReportsProgress) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const MnistImages images(200);
  const auto one = RunModel(model, images, {});
  ASSERT_THAT(one, IsOk());
  EXPECT_THAT(one->output_sizes, ElementsAre(10));
  for (const int num_threads : {2, 3, 16}) {
    int64_t last = 0;
    RunOptions options{.num_threads = num_threads};
    options.progress = [&](int64_t done, int64_t total) {
      EXPECT_GT(done, last);
      EXPECT_EQ(total, 200);
      last = done;
    };
    const auto many = RunModel(model, images, options);
    ASSERT_THAT(many, IsOk());
    EXPECT_EQ(many->examples, one->examples);
    EXPECT_EQ(last, 200);
  }
}

TEST(RunModel, NamesTheExampleThatDoesNotFit) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  std::vector<Example> examples(40, Example{Filled({1, 28, 28}, 0.5f)});
  examples[33] = {Filled({1, 28, 27}, 0.5f)};
  examples[37] = {Filled({1}, 0.5f)};
  for (const int num_threads : {1, 4}) {
    EXPECT_THAT(RunModel(model, ExampleList(examples), {.num_threads = num_threads}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("example 33: input 'serving_default_keras_tensor:0'"
                                   ": is [1, 28, 27]")));
  }
}

TEST(RunModel, GivesNothingForNoExamples) {
  const auto outputs = RunModel(ReadFixture("models/mnist_cnn/float.tflite"), ExampleList({}), {});
  ASSERT_THAT(outputs, IsOk());
  EXPECT_THAT(outputs->examples, IsEmpty());
}

}  // namespace
}  // namespace octavo
