#include "core/evaluate/model_runner.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

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

TEST(ModelRunner, GivesRealNumbersWhateverTheOutputsType) {
  const Model float_model = ReadFixture("models/mnist_cnn/float.tflite");
  EXPECT_THAT(OutputSizes(float_model), ElementsAre(10));
  const MnistImages images(1);
  const auto expected = ModelRunner(float_model).Run(*images.Get(0));
  ASSERT_THAT(expected, IsOk());
  for (const char* file :
       {"reference/mnist_cnn/int8_float_io.tflite", "reference/mnist_cnn/int8_int8_io.tflite",
        "reference/mnist_cnn/int8_uint8_io.tflite"}) {
    const Model model = ReadFixture(file);
    ModelRunner runner(model);
    for (int round = 0; round < 2; ++round) {
      const auto outputs = runner.Run(*images.Get(0));
      ASSERT_THAT(outputs, IsOk());
      EXPECT_THAT(*outputs, testing::Pointwise(testing::FloatNear(0.35f), *expected)) << file;
    }
  }
}

}  // namespace
}  // namespace octavo
