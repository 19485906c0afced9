#include "core/graph/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/tflite/model_reader.h"
#include "core/tflite/model_validator.h"
#include "core/tflite/model_writer.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<uint8_t> Written(const Model& model) { return *WriteModel(model); }

TEST(FoldGraph, GivesWholeModelsAndIsIdempotent) {
  for (const std::string& name : FixtureModelNames()) {
    const auto folded = FoldGraph(FixtureModel(name));
    ASSERT_THAT(folded, IsOk()) << name;
    EXPECT_THAT(ValidateModel(*folded), IsOk()) << name;
    const auto again = FoldGraph(*folded);
    ASSERT_THAT(again, IsOk()) << name;
    EXPECT_EQ(Written(*again), Written(*folded)) << name;
  }
}

// The float16 file is the float file with rounded constants: widened, it has the same operators
// and, within half a step of float16, the same constants by name.
TEST(FoldGraph, WidensAFloat16ModelToTheFloatOne) {
  for (const std::string net : {"mnist_cnn", "resnet18_slim", "portrait_seg"}) {
    const Model model = FixtureModel("models/" + net + "/float.tflite");
    const auto folded = FoldGraph(FixtureModel("reference/" + net + "/float16.tflite"));
    ASSERT_THAT(folded, IsOk());
    ASSERT_EQ(folded->graph().operators.size(), model.graph().operators.size());
    std::map<std::string, TensorIndex> by_name;
    for (size_t i = 0; i < model.graph().tensors.size(); ++i) {
      by_name[model.graph().tensors[i]->name] = TensorIndex{static_cast<int32_t>(i)};
    }
    int num_compared = 0;
    for (size_t i = 0; i < folded->graph().operators.size(); ++i) {
      const schema::OperatorT& op = *folded->graph().operators[i];
      const schema::OperatorT& original = *model.graph().operators[i];
      EXPECT_EQ(folded->OperatorName(op), model.OperatorName(original));
      for (int position = 0; position < static_cast<int>(op.inputs.size()); ++position) {
        const auto wide = InputOf(op, position);
        const auto exact = InputOf(original, position);
        if (folded->tensor(wide).type != schema::TensorType_FLOAT32 || !model.IsConstant(exact))
          continue;
        const auto a = folded->ConstantValues<float>(wide);
        const auto b = model.ConstantValues<float>(exact);
        ASSERT_EQ(a.size(), b.size());
        for (size_t j = 0; j < a.size(); ++j) {
          ASSERT_NEAR(a[j], b[j], std::max(std::abs(b[j]) * 0x1p-11f, 0x1p-25f)) << net;
        }
        ++num_compared;
      }
    }
    EXPECT_GT(num_compared, 3);
    EXPECT_TRUE(folded->tensor(TensorIndex{folded->graph().inputs[0]}).shape_signature ==
                model.tensor(TensorIndex{model.graph().inputs[0]}).shape_signature);
  }
}

TEST(FoldGraph, KeepsTheBatchOpen) {
  const auto folded = FoldGraph(FixtureModel("models/portrait_seg/float.tflite"));
  ASSERT_THAT(folded, IsOk());
  EXPECT_EQ(folded->tensor(TensorIndex{folded->graph().inputs[0]}).shape_signature[0], -1);
  int num_shapes = 0;
  for (const auto& op : folded->graph().operators)
    num_shapes += folded->OperatorName(*op) == "SHAPE";
  EXPECT_EQ(num_shapes, 5);
}

TEST(FoldGraph, RemovesOperatorsThatNothingUses) {
  Model model = TinyDense();
  schema::TensorT unused;
  unused.name = "unused";
  unused.shape = {1, 3};
  const TensorIndex dead = model.AddTensor(unused, SharedBytes());
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model.OperatorCodeIndex(schema::BuiltinOperator_RELU, 1);
  op->inputs = {3};
  op->outputs = {static_cast<int32_t>(dead)};
  model.graph().operators.push_back(std::move(op));
  const auto folded = FoldGraph(model);
  ASSERT_THAT(folded, IsOk());
  EXPECT_EQ(Written(*folded), Written(*FoldGraph(TinyDense())));
}

TEST(RemoveUnused, LeavesNothingOutOfAModelThatUsesAll) {
  const Model model = TinyDense();
  EXPECT_EQ(Written(RemoveUnused(model)), Written(model));
}

TEST(RemoveUnused, KeepsOneEmptyBuffer) {
  Model model = TinyDense();
  for (const auto& tensor : model.graph().tensors) {
    if (tensor->buffer == 0) tensor->buffer = model.AddBuffer(SharedBytes());
  }
  EXPECT_EQ(Written(RemoveUnused(model)), Written(TinyDense()));
}

TEST(RemoveUnused, RenumbersWhatStays) {
  Model model;
  {
    ModelBuilder builder;
    builder.Floats("first unused", {1}, {1});
    const TensorIndex x = builder.Input("x", {2});
    builder.model().OperatorCodeIndex(schema::BuiltinOperator_CONV_2D, 3);
    builder.Tensor("second unused", {1});
    const TensorIndex c = builder.Floats("c", {2}, {3, 4});
    const TensorIndex y = builder.Tensor("y", {2});
    builder.Op(schema::BuiltinOperator_ADD, {x, c}, {y}, schema::AddOptionsT());
    builder.Output(y);
    model = builder.Build();
  }
  auto signature = std::make_unique<schema::SignatureDefT>();
  signature->inputs.push_back(std::make_unique<schema::TensorMapT>());
  signature->inputs[0]->tensor_index = 1;
  model.tables.signature_defs.push_back(std::move(signature));
  auto metadata = std::make_unique<schema::MetadataT>();
  metadata->buffer = model.AddBuffer(SharedBytes::Own({42}));
  model.tables.metadata.push_back(std::move(metadata));

  const Model kept = RemoveUnused(model);
  EXPECT_THAT(ValidateModel(kept), IsOk());
  ASSERT_THAT(kept.graph().tensors, SizeIs(3));
  EXPECT_EQ(kept.TensorName(TensorIndex{0}), "x");
  EXPECT_THAT(kept.ConstantValues<float>(TensorIndex{1}), ElementsAre(3.0f, 4.0f));
  EXPECT_EQ(kept.tables.signature_defs[0]->inputs[0]->tensor_index, 0u);
  EXPECT_THAT(kept.buffers[kept.tables.metadata[0]->buffer].get(), ElementsAre(42));
  EXPECT_THAT(kept.tables.operator_codes, SizeIs(1));
  EXPECT_THAT(kept.buffers, SizeIs(3));
  EXPECT_EQ(kept.OperatorName(*kept.graph().operators[0]), "ADD");
}

TEST(RemoveUnused, KeepsTheScalesOfBlocks) {
  Model model = TinyDense();
  schema::TensorT scales;
  scales.name = "scales";
  scales.shape = {1};
  scales.type = schema::TensorType_FLOAT16;
  model.AddTensor(schema::TensorT(scales), SharedBytes());  // in front, unused
  const TensorIndex index = model.AddTensor(scales, SharedBytes::Own({0, 60}));
  auto& quantization = model.tensor(TensorIndex{1}).quantization;
  quantization = std::make_unique<schema::QuantizationParametersT>();
  schema::BlockwiseQuantizationT details;
  details.scales = static_cast<int32_t>(index);
  details.zero_points = -1;
  quantization->details.Set(details);
  const Model kept = RemoveUnused(model);
  ASSERT_THAT(kept.graph().tensors, SizeIs(5));
  const auto* moved = kept.tensor(TensorIndex{1}).quantization->details.AsBlockwiseQuantization();
  EXPECT_EQ(moved->scales, 4);
  EXPECT_EQ(moved->zero_points, -1);
}

TEST(RemoveUnused, KeepsTheScalesOfScales) {
  Model model = TinyDense();
  schema::TensorT scales;
  scales.type = schema::TensorType_FLOAT16;
  scales.shape = {1};
  const TensorIndex last = model.AddTensor(scales, SharedBytes::Own({0, 60}));
  const TensorIndex first = model.AddTensor(scales, SharedBytes::Own({0, 60}));
  for (const auto& [of, from] : {std::pair(TensorIndex{1}, first), std::pair(first, last)}) {
    schema::BlockwiseQuantizationT details;
    details.scales = static_cast<int32_t>(from);
    details.zero_points = -1;
    model.tensor(of).quantization = std::make_unique<schema::QuantizationParametersT>();
    model.tensor(of).quantization->details.Set(details);
  }
  EXPECT_EQ(Written(RemoveUnused(model)), Written(model));
}

TEST(CheckSupported, TakesEveryFixtureWithoutCustomOperators) {
  for (const std::string& name : FixtureModelNames()) {
    const absl::Status status = CheckSupported(FixtureModel(name));
    if (name.find("mediapipe_selfie") == std::string::npos) {
      EXPECT_THAT(status, IsOk()) << name;
    } else {
      EXPECT_THAT(status, AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("custom operator 'Convolution2DTransposeBias'")),
                                HasReason("OP_UNSUPPORTED")));
    }
  }
}

TEST(CheckSupported, NamesEverythingAtOnce) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2});
  const TensorIndex a = builder.Tensor("a", {2});
  const TensorIndex b = builder.Tensor("b", {2});
  const TensorIndex y = builder.Tensor("y", {2});
  const TensorIndex sparse = builder.Floats("sparse weights", {2}, {1, 0});
  builder.Op(schema::BuiltinOperator_CUMSUM, {x}, {a});
  schema::OperatorT& custom = builder.Op(schema::BuiltinOperator_CUSTOM, {a}, {b});
  builder.Op(schema::BuiltinOperator_ADD, {b, sparse}, {y}, schema::AddOptionsT());
  builder.Output(y);
  Model& model = builder.model();
  model.tables.operator_codes[custom.opcode_index]->custom_code = "Sparkle";
  model.tables.operator_codes[2]->version = 77;
  model.tensor(sparse).sparsity = std::make_unique<schema::SparsityParametersT>();
  EXPECT_THAT(CheckSupported(model),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                             "not supported: operator CUMSUM at 0, custom operator 'Sparkle' at 1, "
                             "operator ADD of version 77 (known up to 5) at 2, sparse tensor "
                             "'sparse weights'"),
                    HasReason("OP_UNSUPPORTED")));
}

TEST(CheckNothingIsCarried, NamesWhatIs) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2});
  const TensorIndex a = builder.Tensor("a", {2});
  const TensorIndex y = builder.Tensor("y", {2});
  builder.Op(schema::BuiltinOperator_RELU, {x}, {a});
  EXPECT_THAT(CheckNothingIsCarried(builder.model()), IsOk());
  builder.Op(schema::BuiltinOperator_WHERE, {a}, {y});
  builder.Op(schema::BuiltinOperator_CALL_ONCE, {}, {});
  builder.Output(y);
  EXPECT_THAT(CheckSupported(builder.model()), IsOk());
  EXPECT_THAT(CheckNothingIsCarried(builder.model()),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition,
                             "operators that nothing here runs: WHERE at 1, CALL_ONCE at 2"),
                    HasReason("OP_UNSUPPORTED")));
}

TEST(FoldGraph, LeavesFloat16ConstantsOfCarriedOperators) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2});
  const TensorIndex half =
      builder.Constant<uint16_t>("half", {2}, schema::TensorType_FLOAT16, {0x3c00, 0x4000});
  const TensorIndex wide = builder.Tensor("wide", {2});
  const TensorIndex a = builder.Tensor("a", {2});
  builder.Op(schema::BuiltinOperator_DEQUANTIZE, {half}, {wide});
  builder.Op(schema::BuiltinOperator_ADD, {x, wide}, {a}, schema::AddOptionsT());
  builder.Output(a);
  EXPECT_THAT((*FoldGraph(builder.model())).graph().operators, SizeIs(1));
  const TensorIndex y = builder.Tensor("y", {2});
  builder.Op(schema::BuiltinOperator_WHERE, {wide}, {y});
  builder.Output(y);
  EXPECT_THAT((*FoldGraph(builder.model())).graph().operators, SizeIs(3));
}

TEST(CheckSupported, SaysWhatToDo) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2});
  const TensorIndex y = builder.Tensor("y", {2});
  builder.Op(schema::BuiltinOperator_CUSTOM, {x}, {y});
  builder.Output(y);
  const auto info =
      CheckSupported(builder.model()).GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  ASSERT_TRUE(info.has_value());
  EXPECT_THAT(std::string(*info), AllOf(HasSubstr("hint"), HasSubstr("builtin operators only")));
}

TEST(CheckSupported, DoesNotNameThousands) {
  ModelBuilder builder;
  TensorIndex last = builder.Input("x", {2});
  for (int i = 0; i < 1000; ++i) {
    const TensorIndex next = builder.Tensor("t", {2});
    builder.Op(schema::BuiltinOperator_CUMSUM, {last}, {next});
    last = next;
  }
  const absl::Status status = CheckSupported(builder.Build());
  EXPECT_THAT(std::string(status.message()), HasSubstr("and 980 more"));
  EXPECT_LT(status.message().size(), 2000u);
}

}  // namespace
}  // namespace octavo
