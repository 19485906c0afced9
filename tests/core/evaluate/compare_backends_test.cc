#include "core/evaluate/compare_backends.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/evaluate/lone_operator.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CompareBackends, LooksAtEveryIntegerOperator) {
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_int8_io.tflite");
  const auto differences = CompareBackends(int8, MnistImages(4), {.num_threads = 2});
  ASSERT_THAT(differences, IsOk());
  EXPECT_THAT(differences->operators, SizeIs(int8.graph().operators.size()));
  EXPECT_EQ(differences->examples, 4);
  // LiteRT's own backends differ by one code where rounding does.
  for (const CodeDifference& difference : differences->operators) {
    EXPECT_LE(difference.max_codes, 1) << difference.op;
    EXPECT_EQ(difference.share, 0) << difference.op;
  }
  EXPECT_GE(differences->outputs_max_codes, 0);
}

TEST(CompareBackends, HasNoCodesOfAFloatModel) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const auto differences = CompareBackends(model, MnistImages(2), {});
  ASSERT_THAT(differences, IsOk());
  EXPECT_THAT(differences->operators, IsEmpty());
  EXPECT_EQ(differences->outputs_max_codes, -1);
  // Two ways to add floats: close, and not the same.
  EXPECT_GT(differences->outputs_sqnr_db, 100);
  EXPECT_TRUE(std::isfinite(differences->outputs_sqnr_db));
}

TEST(CompareBackends, CountsAFloatOutputInTheCodesItCameFrom) {
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  const auto differences = CompareBackends(int8, MnistImages(2), {});
  ASSERT_THAT(differences, IsOk());
  EXPECT_GE(differences->outputs_max_codes, 0);
  EXPECT_LE(differences->outputs_max_codes, 2);
}

TEST(ModelOfOperator, TakesWhatUnpacksItsWeights) {
  const Model model = FixtureModel("reference/mnist_cnn/float16.tflite");
  const std::vector<int> producers = ProducersOf(model);
  int weighted = 0;
  for (const auto& op : model.graph().operators) {
    const schema::BuiltinOperator type = model.OperatorType(*op);
    if (type != schema::BuiltinOperator_CONV_2D &&
        type != schema::BuiltinOperator_FULLY_CONNECTED) {
      continue;
    }
    ++weighted;
    const LoneModel lone = ModelOfOperator(model, *op, producers);
    // A DEQUANTIZE for weights, one for the bias.
    EXPECT_THAT(lone.model.graph().operators, SizeIs(3));
    EXPECT_EQ(lone.inputs, std::vector<TensorIndex>{InputOf(*op, 0)});
    ASSERT_THAT(lone.model.graph().outputs, SizeIs(1));
    EXPECT_EQ(lone.model.TensorName(TensorIndex{lone.model.graph().outputs[0]}),
              model.TensorName(OutputOf(*op, 0)));
  }
  EXPECT_EQ(weighted, 2);
}

// So long that a call for each link would take more stack than there is.
TEST(ModelOfOperator, FollowsNoChainOfScales) {
  constexpr int kCount = 200'000;
  ModelBuilder builder;
  std::vector<TensorIndex> inputs = {builder.Input("x", {1})};
  for (int i = 0; i < kCount; ++i) {
    inputs.push_back(builder.Constant<int8_t>("c", {1}, schema::TensorType_INT8, {1}));
  }
  for (int i = 1; i < kCount; ++i) {
    schema::BlockwiseQuantizationT blocks;
    blocks.scales = static_cast<int32_t>(inputs[i + 1]);
    auto params = std::make_unique<schema::QuantizationParametersT>();
    params->details.Set(std::move(blocks));
    builder.model().tensor(inputs[i]).quantization = std::move(params);
  }
  builder.Op(schema::BuiltinOperator_CONCATENATION, inputs, {builder.Tensor("y", {kCount + 1})},
             schema::ConcatenationOptionsT());
  const Model model = builder.Build();
  const LoneModel lone = ModelOfOperator(model, *model.graph().operators[0], ProducersOf(model));
  // x, the constants, y, and scales of each constant but the last.
  EXPECT_THAT(lone.model.graph().tensors, SizeIs(2 * kCount + 1));
  EXPECT_EQ(lone.inputs, std::vector<TensorIndex>{inputs[0]});
}

}  // namespace
}  // namespace octavo
