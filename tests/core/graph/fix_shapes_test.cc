#include "core/graph/fix_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/graph/graph_view.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::multiset<std::string> OperatorNames(const Model& model) {
  std::multiset<std::string> names;
  for (const auto& op : model.graph().operators) names.insert(model.OperatorName(*op));
  return names;
}

bool IsOpen(const schema::TensorT& tensor, size_t axis) {
  return axis < tensor.shape_signature.size() && tensor.shape_signature[axis] == -1;
}

class EveryFixture : public ::testing::TestWithParam<std::string> {};

// The converter's own shape inference is the other way to the answer: where it left only the batch
// open, it agrees.
TEST_P(EveryFixture, HasTheShapesThatItsConverterFound) {
  const Model model = FixtureModel(GetParam());
  const auto fixed = FixShapes(model);
  if (GetParam().find("mediapipe_selfie") != std::string::npos) {
    EXPECT_THAT(fixed, AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("custom operator 'Convolution2DTransposeBias'")),
                             HasReason("OP_UNSUPPORTED")));
    return;
  }
  ASSERT_THAT(fixed, IsOk());
  ASSERT_EQ(fixed->graph().tensors.size(), model.graph().tensors.size());
  for (const auto& op : fixed->graph().operators) {
    for (const int32_t index : op->outputs) {
      const schema::TensorT& before = model.tensor(TensorIndex{index});
      const schema::TensorT& after = fixed->tensor(TensorIndex{index});
      EXPECT_THAT(after.shape_signature, IsEmpty());
      EXPECT_EQ(after.name, before.name);
      bool is_open = false;
      for (size_t axis = 1; axis < before.shape.size(); ++axis) is_open |= IsOpen(before, axis);
      if (is_open) continue;
      EXPECT_EQ(after.shape, before.shape) << before.name;
    }
  }
}

TEST_P(EveryFixture, HasNothingLeftToComputeAboutShapes) {
  if (GetParam().find("mediapipe_selfie") != std::string::npos) return;
  const auto fixed = FixShapes(FixtureModel(GetParam()));
  ASSERT_THAT(fixed, IsOk());
  const auto names = OperatorNames(*fixed);
  EXPECT_EQ(names.count("SHAPE"), 0u);
  for (const auto& op : fixed->graph().operators) {
    // A PACK or STRIDED_SLICE that stays works on activations.
    for (const int32_t index : op->outputs) {
      EXPECT_NE(fixed->tensor(TensorIndex{index}).type, schema::TensorType_INT32);
    }
    if (fixed->OperatorName(*op) == "DEQUANTIZE") {
      EXPECT_NE(fixed->tensor(InputOf(*op, 0)).type, schema::TensorType_FLOAT16);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(FixShapes, EveryFixture, ::testing::ValuesIn(FixtureModelNames()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace_if(name, [](char c) { return !isalnum(c); }, '_');
                           return name;
                         });

TEST(FixShapes, MakesTheDynamicPortraitNetTheStaticOne) {
  const auto fixed = FixShapes(FixtureModel("models/portrait_seg/float.tflite"));
  const auto fixed_static = FixShapes(FixtureModel("models/portrait_seg/float_static.tflite"));
  ASSERT_THAT(fixed, IsOk());
  ASSERT_THAT(fixed_static, IsOk());
  EXPECT_EQ(OperatorNames(*fixed), OperatorNames(*fixed_static));
  EXPECT_GE(OperatorNames(*fixed).count("TRANSPOSE_CONV"), 4u);
  EXPECT_EQ(fixed->tensor(TensorIndex{fixed->graph().outputs[0]}).shape,
            fixed_static->tensor(TensorIndex{fixed_static->graph().outputs[0]}).shape);
}

TEST(FixShapes, FoldsTheShapesOfQuantizedTensors) {
  for (const char* name : {"reference/portrait_seg/int8_int8_io.tflite",
                           "reference/portrait_seg/int16x8_int16_io.tflite",
                           "reference/mnist_cnn/int8_uint8_io.tflite"}) {
    const Model model = FixtureModel(name);
    EXPECT_THAT(OperatorNames(model), Contains("SHAPE"));
    const auto fixed = FixShapes(model);
    ASSERT_THAT(fixed, IsOk()) << name;
    EXPECT_THAT(OperatorNames(*fixed), Not(Contains("SHAPE"))) << name;
    EXPECT_THAT(OperatorNames(*fixed), Not(Contains("PACK"))) << name;
  }
}

TEST(FixShapes, SetsTheBatchWhereItIsOpen) {
  const auto fixed = FixShapes(FixtureModel("models/portrait_seg/float.tflite"), /*batch=*/3);
  ASSERT_THAT(fixed, IsOk());
  for (const auto& op : fixed->graph().operators) {
    EXPECT_EQ(fixed->tensor(OutputOf(*op, 0)).shape[0], 3) << fixed->OperatorName(*op);
  }
  const auto mnist = FixShapes(FixtureModel("models/mnist_cnn/float.tflite"), /*batch=*/32);
  ASSERT_THAT(mnist, IsOk());
  EXPECT_THAT(mnist->tensor(TensorIndex{mnist->graph().outputs[0]}).shape, ElementsAre(32, 10));
}

TEST(FixShapes, SetsTheBatchOfAStaticModelWhereNothingHoldsItFast) {
  const auto fixed = FixShapes(FixtureModel("models/resnet18_slim/float.tflite"), /*batch=*/2);
  ASSERT_THAT(fixed, IsOk());
  EXPECT_EQ(fixed->tensor(TensorIndex{fixed->graph().outputs[0]}).shape[0], 2);
  // A RESHAPE to a constant shape does.
  EXPECT_THAT(FixShapes(FixtureModel("models/mnist_cnn/float_static.tflite"), /*batch=*/2),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("RESHAPE")),
                    HasReason("MODEL_MALFORMED")));
}

TEST(FixShapes, LeavesTheModelAsItWas) {
  const Model model = FixtureModel("models/mnist_cnn/float.tflite");
  const size_t num_operators = model.graph().operators.size();
  const size_t num_buffers = model.buffers.size();
  ASSERT_THAT(FixShapes(model), IsOk());
  EXPECT_EQ(model.graph().operators.size(), num_operators);
  EXPECT_EQ(model.buffers.size(), num_buffers);
}

TEST(FixShapes, RefusesBatchesThatAreNone) {
  for (const int32_t batch : {0, -1, 1 << 20}) {
    EXPECT_THAT(FixShapes(TinyDense(), batch), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(FixShapes, RefusesAnInputThatLeavesMoreThanItsBatchOpen) {
  Model model = TinyDense();
  model.tensor(TensorIndex{0}).shape_signature = {-1, -1};
  EXPECT_THAT(FixShapes(model),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                             HasSubstr("input 'x' leaves more than its batch open: [-1, -1]")),
                    HasReason("OP_UNSUPPORTED")));
}

TEST(FixShapes, NamesTheOperatorAndTheShapesThatDoNotFit) {
  Model model = TinyDense();
  model.tensor(TensorIndex{0}).shape = {1, 3};
  EXPECT_THAT(FixShapes(model),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument,
                             "FULLY_CONNECTED 'y': input and weights differ in channels: "
                             "[1, 3], [3, 2], [3]"),
                    HasReason("MODEL_MALFORMED")));
}

TEST(FixShapes, NamesTheTensorWhoseValuesAShapeDependsOn) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {4});
  const TensorIndex shape = builder.Input("wanted", {2}, schema::TensorType_INT32);
  const TensorIndex y = builder.Tensor("y", {2, 2});
  builder.Op(schema::BuiltinOperator_RESHAPE, {x, shape}, {y});
  builder.Output(y);
  EXPECT_THAT(
      FixShapes(builder.Build()),
      AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                     HasSubstr("RESHAPE 'y': the shape depends on the values of tensor 'wanted'")),
            HasReason("OP_UNSUPPORTED")));
}

TEST(FixShapes, RefusesActivationsThatNoMachineHolds) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 1});
  const TensorIndex multiples = builder.Ints("multiples", {1 << 15, 1 << 15});
  const TensorIndex y = builder.Tensor("y", {1, 1});
  builder.Op(schema::BuiltinOperator_TILE, {x, multiples}, {y});
  builder.Output(y);
  EXPECT_THAT(FixShapes(builder.Build()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the output would be FLOAT32[32768, 32768]")));
}

TEST(FixShapes, RefusesInputsThatNoMachineHoldsOrThatHaveNoSize) {
  ModelBuilder large;
  large.Output(large.Input("x", {1, 1 << 20, 1 << 20, 1}));
  EXPECT_THAT(FixShapes(large.Build()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("input 'x' is too large for memory: FLOAT32[1, 1048576")));
  ModelBuilder text;
  text.Output(text.Input("x", {1, 2}, schema::TensorType_STRING));
  EXPECT_THAT(FixShapes(text.Build()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("input 'x' has no size that is known: STRING[1, 2]")));
}

TEST(FixShapes, KeepsAnOperatorWhoseResultIsTheModels) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {5, 7});
  const TensorIndex shape = builder.Tensor("shape", {2}, schema::TensorType_INT32);
  builder.Op(schema::BuiltinOperator_SHAPE, {x}, {shape}, schema::ShapeOptionsT());
  builder.Output(shape);
  const auto fixed = FixShapes(builder.Build());
  ASSERT_THAT(fixed, IsOk());
  EXPECT_THAT(OperatorNames(*fixed), ElementsAre("SHAPE"));
}

}  // namespace
}  // namespace octavo
