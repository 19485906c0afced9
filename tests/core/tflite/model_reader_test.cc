#include "core/tflite/model_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/tflite/model_writer.h"
#include "core/tflite/schema_generated.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

auto IsMalformed(const std::string& message) {
  return AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)),
               HasReason("MODEL_MALFORMED"));
}

std::vector<uint8_t> TinyFile() { return *WriteModel(TinyDense()); }

TEST(ReadModel, RefusesATextFile) {
  EXPECT_THAT(ReadModel(ToFile("import tensorflow as tf\nprint('hello')\n")),
              IsMalformed("not a TFLite file"));
}

TEST(ReadModel, RefusesFilesOfFewBytes) {
  EXPECT_THAT(ReadModel(ToFile("")), IsMalformed("not a TFLite file"));
  EXPECT_THAT(ReadModel(ToFile("TFL3")), IsMalformed("not a TFLite file"));
  EXPECT_THAT(ReadModel(ToFile("12345678")), IsMalformed("not a TFLite file"));
  EXPECT_THAT(ReadModel(ToFile(absl::string_view("\x1c\0\0\0TFL3", 8))), IsMalformed("damaged"));
}

TEST(ReadModel, RefusesATruncatedFileWhereverItIsCut) {
  const FileBytes file = FixtureBytes("models/mnist_cnn/float.tflite");
  for (size_t size = 0; size < file->size(); size += size < 2000 ? 1 : 997) {
    EXPECT_THAT(ReadModel(ToFile({file->begin(), file->begin() + static_cast<ptrdiff_t>(size)})),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason("MODEL_MALFORMED")))
        << size;
  }
}

TEST(ReadModel, TakesNothingFromBufferZero) {
  const Model model = TinyDense();
  schema::ModelT tables = model.tables;
  for (size_t i = 0; i < model.buffers.size(); ++i) {
    tables.buffers[i]->data.assign(model.buffers[i].get().begin(), model.buffers[i].get().end());
  }
  tables.buffers[0]->data = {1, 2, 3};
  flatbuffers::FlatBufferBuilder builder;
  schema::FinishModelBuffer(builder, schema::CreateModel(builder, &tables));
  const auto read = ReadModel(
      ToFile({builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()}));
  ASSERT_THAT(read, IsOk());
  EXPECT_FALSE(read->IsConstant(TensorIndex{read->graph().inputs[0]}));
}

TEST(ReadModel, TakesOldOperatorCodesFromTheirByte) {
  flatbuffers::FlatBufferBuilder builder;
  const Model model = TinyDense();
  schema::ModelT tables = model.tables;
  for (size_t i = 0; i < model.buffers.size(); ++i) {
    tables.buffers[i]->data.assign(model.buffers[i].get().begin(), model.buffers[i].get().end());
  }
  tables.operator_codes[0]->builtin_code = schema::BuiltinOperator_ADD;  // 0, the default
  tables.operator_codes[0]->deprecated_builtin_code = schema::BuiltinOperator_FULLY_CONNECTED;
  schema::FinishModelBuffer(builder, schema::CreateModel(builder, &tables));
  const auto read = ReadModel(
      ToFile({builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()}));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->OperatorName(*read->graph().operators[0]), "FULLY_CONNECTED");
}

// A file in which the field `slot` of a table that `table` finds holds another byte.
template <typename Table>
std::vector<uint8_t> WithByte(std::vector<uint8_t> file, const Table* (*find)(const schema::Model&),
                              flatbuffers::voffset_t slot, uint8_t value) {
  const Table* table = find(*schema::GetModel(file.data()));
  const uint8_t* address = reinterpret_cast<const flatbuffers::Table*>(table)->GetAddressOf(slot);
  file[address - file.data()] = value;
  return file;
}

const schema::Operator* FirstOperator(const schema::Model& model) {
  return model.subgraphs()->Get(0)->operators()->Get(0);
}

TEST(ReadModel, RefusesAnUnknownUnionTypeInsteadOfDroppingItsValue) {
  const auto slot = schema::Operator::VT_BUILTIN_OPTIONS_TYPE;
  for (const int type : {schema::BuiltinOptions_MAX + 1, 200, 255}) {
    EXPECT_THAT(
        ReadModel(ToFile(WithByte(TinyFile(), FirstOperator, slot, static_cast<uint8_t>(type)))),
        IsMalformed("a union has the type"));
  }
  EXPECT_THAT(ReadModel(ToFile(WithByte(TinyFile(), FirstOperator, slot, 0))),
              IsMalformed("a union of type 0 has a value"));
  EXPECT_THAT(ReadModel(ToFile(
                  WithByte(TinyFile(), FirstOperator, slot, schema::BuiltinOptions_AddOptions))),
              IsMalformed("FULLY_CONNECTED"));
}

TEST(ReadModel, RefusesAUnionTypeWithoutAValue) {
  Model model = TinyDense();
  // Written by hand: the object API does not write such a thing.
  flatbuffers::FlatBufferBuilder builder;
  schema::OperatorBuilder op(builder);
  op.add_builtin_options_type(schema::BuiltinOptions_AddOptions);
  const auto op_offset = op.Finish();
  const auto operators = builder.CreateVector({op_offset});
  schema::SubGraphBuilder graph(builder);
  graph.add_operators(operators);
  const auto graph_offset = graph.Finish();
  const auto graphs = builder.CreateVector({graph_offset});
  schema::ModelBuilder root(builder);
  root.add_subgraphs(graphs);
  schema::FinishModelBuffer(builder, root.Finish());
  EXPECT_THAT(ReadModel(ToFile(
                  {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()})),
              IsMalformed("a union of type 11 has no value"));
}

TEST(ReadModel, DoesNotUnpackOneTableManyTimes) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<int32_t> shape(100'000, 1);
  const auto tensor = schema::CreateTensor(builder, builder.CreateVector(shape));
  const std::vector<flatbuffers::Offset<schema::Tensor>> tensors(100'000, tensor);
  const auto tensor_vector = builder.CreateVector(tensors);
  schema::SubGraphBuilder graph(builder);
  graph.add_tensors(tensor_vector);
  const auto graph_offset = graph.Finish();
  const auto graphs = builder.CreateVector({graph_offset});
  schema::ModelBuilder root(builder);
  root.add_subgraphs(graphs);
  schema::FinishModelBuffer(builder, root.Finish());
  EXPECT_THAT(ReadModel(ToFile(
                  {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()})),
              IsMalformed("too often"));
}

TEST(ReadModel, DoesNotMultiplyOverlappingBuffers) {
  flatbuffers::FlatBufferBuilder builder;
  const auto data = builder.CreateVector(std::vector<uint8_t>(1 << 20));
  const auto buffer = schema::CreateBuffer(builder, data);
  const auto buffers = builder.CreateVector(std::vector(1000, buffer));
  schema::ModelBuilder root(builder);
  root.add_buffers(buffers);
  schema::FinishModelBuffer(builder, root.Finish());
  EXPECT_THAT(ReadModel(ToFile(
                  {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()})),
              IsMalformed("often"));
}

TEST(ReadModel, KeepsTheFileAliveAndCopiesNoAlignedConstant) {
  FileBytes file = FixtureBytes("models/mnist_cnn/float.tflite");
  const uint8_t* begin = file->data();
  const uint8_t* end = begin + file->size();
  const auto model = ReadModel(std::move(file));
  ASSERT_THAT(model, IsOk());
  int num_inside = 0;
  for (const SharedBytes& buffer : model->buffers) {
    num_inside += buffer.get().data() >= begin && buffer.get().data() < end;
  }
  EXPECT_GT(num_inside, 3);
}

TEST(ReadModel, ReadsCustomOptionsBehindTheFlatbuffer) {
  Model model = TinyDense();
  model.tables.operator_codes[0]->builtin_code = schema::BuiltinOperator_CUSTOM;
  model.tables.operator_codes[0]->custom_code = "Large";
  schema::OperatorT& op = *model.graph().operators[0];
  op.builtin_options.Reset();
  op.large_custom_options_offset = 1 << 20;
  op.large_custom_options_size = 3;
  const size_t end = WriteModel(model)->size();
  op.large_custom_options_offset = end;
  std::vector<uint8_t> file = *WriteModel(model);
  ASSERT_EQ(file.size(), end);
  const auto cut = ReadModel(std::make_shared<const std::vector<uint8_t>>(file));
  ASSERT_THAT(cut, HasReason("MODEL_MALFORMED"));
  const auto info = cut.status().GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_THAT(std::string(*info), HasSubstr(absl::StrCat(end)));
  file.insert(file.end(), {5, 6, 7});

  const auto read = ReadModel(ToFile(file));
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->graph().operators[0]->custom_options, ::testing::ElementsAre(5, 6, 7));
  EXPECT_EQ(read->graph().operators[0]->large_custom_options_offset, 0u);
  file.pop_back();
  EXPECT_THAT(ReadModel(ToFile(file)), IsMalformed("custom options"));
}

}  // namespace
}  // namespace octavo
