#include "core/tflite/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Model, CopiesSharingTheConstants) {
  const Model model = TinyDense();
  Model copy = model;
  copy.tensor(TensorIndex{0}).name = "other";
  EXPECT_EQ(model.TensorName(TensorIndex{0}), "x");
  EXPECT_EQ(copy.ConstantBytes(TensorIndex{1}).data(), model.ConstantBytes(TensorIndex{1}).data());
}

TEST(Model, KeepsTheBytesOfItsCopies) {
  Model copy;
  {
    const Model model = TinyDense();
    copy = model;
  }
  EXPECT_THAT(copy.ConstantValues<float>(TensorIndex{2}), ElementsAre(0.5f, 0.0f, -1.0f));
}

TEST(Model, AddsConstantsBehindTheOthers) {
  Model model = TinyDense();
  schema::TensorT tensor;
  tensor.shape = {2};
  tensor.type = schema::TensorType_UINT8;
  const TensorIndex constant = model.AddTensor(tensor, SharedBytes::Own({1, 2}));
  EXPECT_EQ(constant, TensorIndex{4});
  EXPECT_TRUE(model.IsConstant(constant));
  EXPECT_THAT(model.ConstantValues<uint8_t>(constant), ElementsAre(1, 2));
  EXPECT_EQ(model.tables.buffers.size(), model.buffers.size());
  EXPECT_FALSE(model.IsConstant(model.AddTensor(tensor, SharedBytes())));
}

TEST(Model, FindsOperatorCodesByTypeAndVersion) {
  Model model = TinyDense();
  EXPECT_EQ(model.OperatorCodeIndex(schema::BuiltinOperator_FULLY_CONNECTED, 1), 0u);
  EXPECT_EQ(model.OperatorCodeIndex(schema::BuiltinOperator_FULLY_CONNECTED, 4), 1u);
  EXPECT_EQ(model.OperatorCodeIndex(schema::BuiltinOperator_GELU, 1), 2u);
  EXPECT_EQ(model.OperatorCodeIndex(schema::BuiltinOperator_FULLY_CONNECTED, 4), 1u);
  // Old readers see the byte: a code that does not fit there says so.
  EXPECT_EQ(model.tables.operator_codes[1]->deprecated_builtin_code, 9);
  EXPECT_EQ(model.tables.operator_codes[2]->deprecated_builtin_code, 127);
}

TEST(Model, NamesOperators) {
  Model model = TinyDense();
  schema::OperatorT& op = *model.graph().operators[0];
  EXPECT_EQ(model.OperatorName(op), "FULLY_CONNECTED");
  EXPECT_EQ(model.OperatorVersion(op), 1);
  schema::OperatorCodeT& code = *model.tables.operator_codes[0];
  code.builtin_code = schema::BuiltinOperator_CUSTOM;
  code.custom_code = "Sparkle";
  EXPECT_EQ(model.OperatorName(op), "Sparkle");
  code.builtin_code = static_cast<schema::BuiltinOperator>(4711);
  EXPECT_EQ(model.OperatorName(op), "operator 4711");
}

TEST(InputOf, IsNoTensorWhereThereIsNone) {
  schema::OperatorT op;
  op.inputs = {4, -1};
  EXPECT_EQ(InputOf(op, 0), TensorIndex{4});
  EXPECT_EQ(InputOf(op, 1), kNoTensor);
  EXPECT_EQ(InputOf(op, 2), kNoTensor);
  EXPECT_EQ(OutputOf(op, 0), kNoTensor);
}

}  // namespace
}  // namespace octavo
