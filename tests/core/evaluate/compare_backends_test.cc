#include "core/evaluate/compare_backends.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/evaluate/lone_operator.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"
#include "tests/testing/fixtures.h"

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

}  // namespace
}  // namespace octavo
