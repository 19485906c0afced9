#include "core/tflite/model_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/tflite/model_reader.h"
#include "core/tflite/schema_generated.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/flatbuffer_difference.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<uint8_t> Written(const Model& model) {
  auto file = WriteModel(model);
  EXPECT_THAT(file, IsOk());
  return *std::move(file);
}

// What is written of old files has the operator code in the field that replaced the byte.
bool HasOldOperatorCodes(const std::vector<uint8_t>& file) {
  const auto* codes = schema::GetModel(file.data())->operator_codes();
  return std::any_of(codes->begin(), codes->end(), [](const schema::OperatorCode* code) {
    return code->builtin_code() != code->deprecated_builtin_code();
  });
}

class EveryFixture : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryFixture, ComesBackEqualFieldByField) {
  const FileBytes original = FixtureBytes(GetParam());
  const auto model = ReadModel(original);
  ASSERT_THAT(model, IsOk());
  const std::vector<uint8_t> written = Written(*model);
  if (!HasOldOperatorCodes(*original)) {
    EXPECT_EQ(FlatbufferDifference(*original, written), "");
  }
  // What we wrote, we read and write again to the same bytes.
  const auto again = ReadModel(ToFile(written));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(Written(*again), written);
  EXPECT_EQ(FlatbufferDifference(written, Written(*again)), "");
  for (size_t i = 0; i < model->buffers.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(model->buffers[i].get(), again->buffers[i].get())) << i;
  }
}

TEST_P(EveryFixture, IsNotWrittenLarger) {
  const FileBytes original = FixtureBytes(GetParam());
  const auto model = ReadModel(original);
  ASSERT_THAT(model, IsOk());
  // Some converters do not align every constant; the padding shows in the smallest files.
  EXPECT_LE(Written(*model).size(), original->size() * 101 / 100 + 64);
}

TEST_P(EveryFixture, HasItsConstantsAlignedTo16Bytes) {
  const auto model = ReadModel(ToFile(Written(FixtureModel(GetParam()))));
  ASSERT_THAT(model, IsOk());
  for (const SharedBytes& buffer : model->buffers) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.get().data()) % 16, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(ModelWriter, EveryFixture, ::testing::ValuesIn(FixtureModelNames()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace_if(name, [](char c) { return !isalnum(c); }, '_');
                           return name;
                         });

TEST(ModelWriter, KeepsSubgraphsCustomOptionsSignaturesAndMetadata) {
  Model model = TinyDense();
  model.tables.description = "kept";
  // A second subgraph.
  model.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>(model.graph()));
  model.tables.subgraphs[1]->name = "other";
  // A custom operator with its options, in the second subgraph.
  auto code = std::make_unique<schema::OperatorCodeT>();
  code->builtin_code = schema::BuiltinOperator_CUSTOM;
  code->deprecated_builtin_code = schema::BuiltinOperator_CUSTOM;
  code->custom_code = "Sparkle";
  model.tables.operator_codes.push_back(std::move(code));
  schema::OperatorT& op = *model.tables.subgraphs[1]->operators[0];
  op.opcode_index = 1;
  op.builtin_options.Reset();
  op.custom_options = {1, 2, 3};
  // Signatures and metadata.
  auto signature = std::make_unique<schema::SignatureDefT>();
  signature->signature_key = "serve";
  signature->subgraph_index = 1;
  signature->inputs.push_back(std::make_unique<schema::TensorMapT>());
  signature->inputs[0]->name = "x";
  model.tables.signature_defs.push_back(std::move(signature));
  auto metadata = std::make_unique<schema::MetadataT>();
  metadata->name = "notes";
  metadata->buffer = model.AddBuffer(SharedBytes::Own({9, 8, 7}));
  model.tables.metadata.push_back(std::move(metadata));

  const std::vector<uint8_t> file = Written(model);
  const auto read = ReadModel(ToFile(file));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->tables.description, "kept");
  ASSERT_THAT(read->tables.subgraphs, SizeIs(2));
  const schema::OperatorT& custom = *read->tables.subgraphs[1]->operators[0];
  EXPECT_EQ(read->OperatorName(custom), "Sparkle");
  EXPECT_THAT(custom.custom_options, ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(read->tables.signature_defs[0]->signature_key, "serve");
  EXPECT_EQ(read->tables.signature_defs[0]->subgraph_index, 1u);
  EXPECT_THAT(read->buffers[read->tables.metadata[0]->buffer].get(),
              ::testing::ElementsAre(9, 8, 7));
  EXPECT_EQ(Written(*read), file);
}

TEST(ModelWriter, TakesConstantsThatLieBehindTheFlatbuffer) {
  // As ai-edge-quantizer writes large models: a flatbuffer without data, then the data, named by
  // offset and size.
  const Model model = FixtureModel("models/mnist_cnn/float.tflite");
  schema::ModelT tables = model.tables;
  flatbuffers::FlatBufferBuilder measure;
  for (size_t i = 0; i < tables.buffers.size(); ++i) {
    if (model.buffers[i].empty()) continue;
    tables.buffers[i]->offset = 1 << 20;  // any value that is written
    tables.buffers[i]->size = 1;
  }
  schema::FinishModelBuffer(measure, schema::CreateModel(measure, &tables));
  uint64_t end = (measure.GetSize() + 15) / 16 * 16;
  for (size_t i = 0; i < tables.buffers.size(); ++i) {
    if (model.buffers[i].empty()) continue;
    tables.buffers[i]->offset = end;
    tables.buffers[i]->size = model.buffers[i].get().size();
    end = (end + tables.buffers[i]->size + 15) / 16 * 16;
  }
  flatbuffers::FlatBufferBuilder builder;
  schema::FinishModelBuffer(builder, schema::CreateModel(builder, &tables));
  ASSERT_EQ(builder.GetSize(), measure.GetSize());
  std::vector<uint8_t> file(end);
  std::memcpy(file.data(), builder.GetBufferPointer(), builder.GetSize());
  for (size_t i = 0; i < tables.buffers.size(); ++i) {
    const auto bytes = model.buffers[i].get();
    std::ranges::copy(bytes, file.begin() + static_cast<ptrdiff_t>(tables.buffers[i]->offset));
  }

  const auto read = ReadModel(ToFile(file));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(Written(*read), Written(model));

  file.resize(file.size() - 64);
  EXPECT_THAT(ReadModel(ToFile(file)), StatusIs(absl::StatusCode::kInvalidArgument,
                                                ::testing::HasSubstr("outside the file")));
}

TEST(ModelWriter, GivesTheSameBytesForACopy) {
  const Model model = FixtureModel("models/portrait_seg/float.tflite");
  const Model copy = model;
  EXPECT_EQ(Written(copy), Written(model));
}

}  // namespace
}  // namespace octavo
