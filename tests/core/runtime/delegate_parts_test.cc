#include "core/runtime/delegate_parts.h"

#include <cstdint>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The parts that LiteRT 2 makes; tests/e2e/test_explain.py holds every model against it.
struct Known {
  const char* path;
  int parts;
};
constexpr Known kKnown[] = {
    {"models/mobilenet_v2/float.tflite", 1},
    {"models/portrait_seg/float.tflite", 5},
    {"models/portrait_seg/float_static.tflite", 1},
    {"models/mnist_cnn/float.tflite", 2},
    {"models/mnist_cnn/float_static.tflite", 1},
    {"models/mediapipe_selfie/float16_weights.tflite", 1},
    {"reference/mobilenet_v2/dynamic_int8.tflite", 16},
    {"reference/mobilenet_v2/int8_int8_io.tflite", 1},
    {"reference/portrait_seg/dynamic_int8.tflite", 7},
    {"reference/mnist_cnn/float16.tflite", 3},
    {"reference/mnist_cnn/int8_float_io.tflite", 3},
    {"reference/mnist_cnn/int8_uint8_io.tflite", 2},
    {"reference/resnet18_slim/dynamic_int8.tflite", 1},
    {"reference/hard_vit/int8.tflite", 17},
    {"reference/hard_vit/aeq_static_wi8_ai8.tflite", 16},
    {"reference/hard_zoo_ops/aeq_static_wi8_ai8.tflite", 11},
};

TEST(EstimateDelegateParts, AgreesWithLiteRT) {
  for (const Known& known : kKnown) {
    EXPECT_EQ(EstimateDelegateParts(FixtureModel(known.path)).parts, known.parts) << known.path;
  }
}

TEST(EstimateDelegateParts, NamesWhatBreaksADynamicModel) {
  const Model model = FixtureModel("reference/mobilenet_v2/dynamic_int8.tflite");
  const DelegateParts parts = EstimateDelegateParts(model);
  ASSERT_THAT(parts.undelegated, SizeIs(15));
  for (const UndelegatedOperator& op : parts.undelegated) {
    EXPECT_EQ(model.OperatorName(*model.graph().operators[op.index]), "DEPTHWISE_CONV_2D");
    EXPECT_EQ(op.why, "no XNNPACK kernel of FLOAT32 activations with INT8 weights");
    EXPECT_TRUE(op.breaks);
  }
}

TEST(EstimateDelegateParts, SaysWhichShapesAreComputed) {
  const Model model = FixtureModel("models/portrait_seg/float.tflite");
  int computed = 0;
  for (const UndelegatedOperator& op : EstimateDelegateParts(model).undelegated) {
    computed += op.why == "the shape of its output is computed while running" ? 1 : 0;
  }
  EXPECT_EQ(computed, 5);  // four TRANSPOSE_CONV and a RESHAPE
}

TEST(EstimateDelegateParts, HasNoPartsOfInt16) {
  const Model model = FixtureModel("reference/resnet18_slim/int16x8_int16_io.tflite");
  const DelegateParts parts = EstimateDelegateParts(model);
  EXPECT_EQ(parts.parts, 0);
  EXPECT_THAT(parts.undelegated, SizeIs(model.graph().operators.size()));
  EXPECT_THAT(parts.undelegated[0].why, HasSubstr("INT16"));
  EXPECT_FALSE(parts.undelegated[0].breaks);
}

TEST(EstimateDelegateParts, LeavesConstantsOfInt4WhoeverReadsThem) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  const TensorIndex packed =
      builder.Constant<uint8_t>("packed", {1, 2}, schema::TensorType_INT4, {0x21});
  auto& quantization = builder.model().tensor(packed).quantization;
  quantization = std::make_unique<schema::QuantizationParametersT>();
  quantization->scale = {0.5f};
  quantization->zero_point = {0};
  const TensorIndex unpacked = builder.Tensor("unpacked", {1, 2});
  const TensorIndex sum = builder.Tensor("sum", {1, 2});
  builder.Op(schema::BuiltinOperator_DEQUANTIZE, {packed}, {unpacked});
  builder.Op(schema::BuiltinOperator_ADD, {x, unpacked}, {sum}, schema::AddOptionsT());
  builder.Output(sum);
  const DelegateParts parts = EstimateDelegateParts(builder.Build());
  EXPECT_EQ(parts.parts, 1);
  ASSERT_THAT(parts.undelegated, SizeIs(1));
  EXPECT_EQ(parts.undelegated[0].why, "no XNNPACK kernel from INT4 to FLOAT32");
}

// A file may say that one number is a thousand million of them.
TEST(EstimateDelegateParts, DoesNotBelieveTheShapeOfAnUnpackedConstant) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 1});
  const TensorIndex packed =
      builder.Constant<uint16_t>("packed", {1}, schema::TensorType_FLOAT16, {0x3c00});
  const TensorIndex unpacked = builder.Tensor("unpacked", {1 << 30, 1 << 20});
  const TensorIndex sum = builder.Tensor("sum", {1, 1});
  builder.Op(schema::BuiltinOperator_DEQUANTIZE, {packed}, {unpacked});
  builder.Op(schema::BuiltinOperator_ADD, {x, unpacked}, {sum}, schema::AddOptionsT());
  builder.Output(sum);
  EXPECT_EQ(EstimateDelegateParts(builder.Build()).parts, 1);
}

TEST(EstimateDelegateParts, TakesAModelWithoutOperators) {
  Model model = FixtureModel("models/mnist_cnn/float_static.tflite");
  model.graph().operators.clear();
  const DelegateParts parts = EstimateDelegateParts(model);
  EXPECT_EQ(parts.parts, 0);
  EXPECT_THAT(parts.undelegated, IsEmpty());
}

}  // namespace
}  // namespace octavo
