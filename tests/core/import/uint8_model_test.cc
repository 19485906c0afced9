#include "core/import/uint8_model.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/import/import_model.h"
#include "core/import/learn_ranges.h"
#include "core/tflite/learned_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr auto kUint8 = schema::TensorType_UINT8;
constexpr auto kFloat32 = schema::TensorType_FLOAT32;

class Uint8Builder : public ModelBuilder {
 public:
  TensorIndex Codes(TensorIndex tensor, float scale, int64_t zero_point) {
    auto params = std::make_unique<schema::QuantizationParametersT>();
    params->scale = {scale};
    params->zero_point = {zero_point};
    model().tensor(tensor).quantization = std::move(params);
    return tensor;
  }
};

// y = relu(w x + b) in uint8.
Model Dense(float output_scale = 0.5f) {
  Uint8Builder builder;
  const TensorIndex x = builder.Codes(builder.Input("x", {1, 2}, kUint8), 0.5f, 100);
  const TensorIndex weights =
      builder.Codes(builder.Constant<uint8_t>("w", {1, 2}, kUint8, {138, 118}), 0.25f, 128);
  const TensorIndex bias = builder.Codes(builder.Ints("b", {-80}), 0.125f, 0);
  const TensorIndex y = builder.Codes(builder.Tensor("y", {1, 1}, kUint8), output_scale, 20);
  builder.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, weights, bias}, {y},
             schema::FullyConnectedOptionsT());
  builder.Output(y);
  return builder.Build();
}

TEST(Uint8Model, IsToldByWhatItComputes) {
  EXPECT_TRUE(IsUint8Model(Dense()));
  EXPECT_TRUE(IsUint8Model(FixtureModel("learned_ranges/uint8.tflite")));
  EXPECT_FALSE(IsUint8Model(TinyDense()));
  EXPECT_FALSE(IsUint8Model(FixtureModel("reference/mnist_cnn/int8_uint8_io.tflite")));
}

TEST(Uint8Model, BecomesAFloatModelThatRounds) {
  const auto model = Uint8AsFloat(Dense());
  ASSERT_THAT(model, IsOk());
  std::vector<std::string> names;
  for (const auto& op : model->graph().operators) names.push_back(model->OperatorName(*op));
  EXPECT_THAT(names, ElementsAre("FAKE_QUANT", "FULLY_CONNECTED", "FAKE_QUANT"));
  const schema::OperatorT& dense = *model->graph().operators[1];
  EXPECT_THAT(model->ConstantValues<float>(InputOf(dense, 1)), ElementsAre(2.5f, -2.5f));
  EXPECT_THAT(model->ConstantValues<float>(InputOf(dense, 2)), ElementsAre(-10.0f));
  for (const int32_t border : {model->graph().inputs[0], model->graph().outputs[0]}) {
    EXPECT_EQ(model->graph().tensors[border]->type, schema::TensorType_FLOAT32);
  }
}

TEST(Uint8Model, KeepsItsScalesExactly) {
  const auto model = Uint8AsFloat(Dense(/*output_scale=*/0.1f));
  ASSERT_THAT(model, IsOk());
  const Model learned = LearnRanges(*model);
  ASSERT_EQ(learned.graph().operators.size(), 1u);
  const schema::OperatorT& dense = *learned.graph().operators[0];
  EXPECT_EQ(learned.TensorName(InputOf(dense, 0)), "x");
  EXPECT_EQ(learned.TensorName(OutputOf(dense, 0)), "y");
  EXPECT_THAT(LearnedParamsOf(learned.tensor(InputOf(dense, 0))),
              Optional(LearnedParams{0.5f, -28}));
  EXPECT_THAT(LearnedParamsOf(learned.tensor(InputOf(dense, 1))),
              Optional(LearnedParams{0.25f, 0}));
  EXPECT_THAT(LearnedParamsOf(learned.tensor(OutputOf(dense, 0))),
              Optional(LearnedParams{0.1f, -108}));
}

TEST(Uint8Model, NamesATensorWithoutAScale) {
  EXPECT_THAT(Uint8AsFloat(Dense(/*output_scale=*/0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tensor 'y': the range is")));
  EXPECT_EQ(ReasonOf(Uint8AsFloat(Dense(0)).status()), "MODEL_MALFORMED");
}

TEST(Uint8Model, RefusesCodesThatAreTakenForNumbers) {
  for (const char* is_uint8 : {"input", "constant", "output"}) {
    Uint8Builder builder;
    const std::string which = is_uint8;
    TensorIndex x = builder.Input("x", {1, 2}, which == "input" ? kUint8 : kFloat32);
    TensorIndex y = builder.Tensor("y", {1, 2}, which == "output" ? kUint8 : kFloat32);
    if (which == "constant") x = builder.Constant<uint8_t>("c", {1, 2}, kUint8, {1, 2});
    builder.Codes(which == "output" ? y : x, 0.5f, 100);
    builder.Op(schema::BuiltinOperator_CAST, {x}, {y}, schema::CastOptionsT());
    builder.Output(y);
    const auto model = Uint8AsFloat(builder.Build());
    EXPECT_THAT(model, StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("CAST of tensor 'y': it takes the codes")))
        << which;
    EXPECT_EQ(ReasonOf(model.status()), "OP_UNSUPPORTED");
  }
}

TEST(Uint8Model, LearnsNoScaleThatIsNone) {
  Uint8Builder builder;
  const TensorIndex x = builder.Codes(builder.Input("x", {1, 2}, kUint8), 0.5f, 100);
  const TensorIndex zeros =
      builder.Codes(builder.Constant<uint8_t>("c", {1, 2}, kUint8, {7, 9}), 0, 0);
  const TensorIndex y = builder.Codes(builder.Tensor("y", {1, 2}, kUint8), 0.5f, 100);
  builder.Op(schema::BuiltinOperator_ADD, {x, zeros}, {y}, schema::AddOptionsT());
  builder.Output(y);
  const auto model = Uint8AsFloat(builder.Build());
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->tensor(zeros).type, schema::TensorType_FLOAT32);
  EXPECT_THAT(model->ConstantValues<float>(zeros), ElementsAre(0, 0));
  EXPECT_EQ(LearnedParamsOf(model->tensor(zeros)), std::nullopt);
}

TEST(Uint8Model, IsImportedWithItsRanges) {
  const auto imported = ImportModel(FixtureBytes("learned_ranges/uint8.tflite"));
  ASSERT_THAT(imported, IsOk());
  EXPECT_TRUE(imported->is_uint8);
  EXPECT_EQ(imported->model.graph().operators.size(), imported->source.graph().operators.size());
  EXPECT_GT(imported->baseline.graph().operators.size(), imported->model.graph().operators.size());
}

}  // namespace
}  // namespace octavo
