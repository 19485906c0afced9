#include "core/evaluate/tensor_errors.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::map<std::string, TensorError> ByName(const std::vector<TensorError>& errors) {
  std::map<std::string, TensorError> by_name;
  for (const TensorError& error : errors) by_name[error.name] = error;
  return by_name;
}

TEST(CompareTensors, FindsNothingBetweenAModelAndItself) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const auto errors = CompareTensors(model, model, MnistImages(4), {.num_threads = 2});
  ASSERT_THAT(errors, IsOk());
  ASSERT_FALSE(errors->empty());
  for (const TensorError& error : *errors) {
    EXPECT_TRUE(std::isinf(error.sqnr_db)) << error.name;
    EXPECT_EQ(error.max_error, 0) << error.name;
    EXPECT_EQ(error.saturated, 0) << error.name;
  }
  // The input first, the output last.
  EXPECT_EQ(errors->front().name, model.TensorName(TensorIndex{model.graph().inputs[0]}));
  EXPECT_EQ(errors->back().name, model.TensorName(TensorIndex{model.graph().outputs[0]}));
}

TEST(CompareTensors, ShowsWhereAnInt8ModelParts) {
  const Model float32 = ReadFixture("models/mnist_cnn/float.tflite");
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  const auto errors = CompareTensors(float32, int8, MnistImages(8), {});
  ASSERT_THAT(errors, IsOk());
  const auto by_name = ByName(*errors);
  ASSERT_THAT(by_name, testing::Not(IsEmpty()));
  const auto output =
      by_name.find(std::string(float32.TensorName(TensorIndex{float32.graph().outputs[0]})));
  ASSERT_NE(output, by_name.end());
  EXPECT_GT(output->second.sqnr_db, 30);
  EXPECT_LT(output->second.sqnr_db, 60);
  EXPECT_GT(output->second.cosine, 0.99);
}

TEST(CompareTensors, TakesAQuantizedReference) {
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_int8_io.tflite");
  const auto errors = CompareTensors(int8, int8, MnistImages(2), {});
  ASSERT_THAT(errors, IsOk());
  ASSERT_FALSE(errors->empty());
  for (const TensorError& error : *errors) EXPECT_TRUE(std::isinf(error.sqnr_db)) << error.name;
  EXPECT_GT(errors->back().reference_range.max, 0);
}

TEST(CompareOperatorsAlone, LeavesOutWhatWasLostBefore) {
  const Model float32 = ReadFixture("models/mnist_cnn/float.tflite");
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  const auto alone = CompareOperatorsAlone(float32, int8, MnistImages(8), {.num_threads = 2});
  const auto accumulated = CompareTensors(float32, int8, MnistImages(8), {});
  ASSERT_THAT(alone, IsOk());
  ASSERT_THAT(accumulated, IsOk());
  const auto by_name = ByName(*accumulated);
  int compared = 0;
  for (const TensorError& error : *alone) {
    const auto found = by_name.find(error.name);
    if (found == by_name.end()) continue;
    ++compared;
    EXPECT_GT(error.sqnr_db, 20) << error.name;
    EXPECT_GE(error.sqnr_db, found->second.sqnr_db - 1) << error.name;
  }
  EXPECT_GE(compared, 2);
}

TEST(CompareOperatorsAlone, LeavesOutWhatTheReferenceUnpacksFromConstants) {
  ModelBuilder unpacks;
  const TensorIndex x = unpacks.Input("x", {1, 2});
  const TensorIndex half =
      unpacks.Constant<uint16_t>("half", {1, 2}, schema::TensorType_FLOAT16, {0x3c00, 0x4000});
  const TensorIndex unpacked = unpacks.Tensor("w", {1, 2});
  const TensorIndex sum = unpacks.Tensor("y", {1, 2});
  unpacks.Op(schema::BuiltinOperator_DEQUANTIZE, {half}, {unpacked});
  unpacks.Op(schema::BuiltinOperator_ADD, {x, unpacked}, {sum}, schema::AddOptionsT());
  unpacks.Output(sum);

  ModelBuilder computes;
  const TensorIndex same_x = computes.Input("x", {1, 2});
  const TensorIndex computed = computes.Tensor("w", {1, 2});
  const TensorIndex same_sum = computes.Tensor("y", {1, 2});
  computes.Op(schema::BuiltinOperator_RELU, {same_x}, {computed});
  computes.Op(schema::BuiltinOperator_ADD, {same_x, computed}, {same_sum}, schema::AddOptionsT());
  computes.Output(same_sum);

  std::vector<Example> examples(1);
  examples[0].push_back(Filled({1, 2}, 1));
  const auto alone =
      CompareOperatorsAlone(unpacks.Build(), computes.Build(), ExampleList(examples), {});
  ASSERT_THAT(alone, IsOk());
  EXPECT_THAT(*alone, IsEmpty());
}

TEST(CompareTensors, DoesNotDependOnThreads) {
  const Model float32 = ReadFixture("models/mnist_cnn/float.tflite");
  const Model int8 = ReadFixture("reference/mnist_cnn/int8_float_io.tflite");
  const auto one = CompareTensors(float32, int8, MnistImages(9), {.num_threads = 1});
  const auto three = CompareTensors(float32, int8, MnistImages(9), {.num_threads = 3});
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(three, IsOk());
  ASSERT_THAT(*three, SizeIs(one->size()));
  for (size_t i = 0; i < one->size(); ++i) {
    EXPECT_EQ((*one)[i].sqnr_db, (*three)[i].sqnr_db);
    EXPECT_EQ((*one)[i].cosine, (*three)[i].cosine);
  }
}

}  // namespace
}  // namespace octavo
