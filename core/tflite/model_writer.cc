#include "core/tflite/model_writer.h"

#include "absl/strings/str_cat.h"
#include "core/tflite/schema_generated.h"
#include "flatbuffers/flatbuffers.h"

namespace octavo {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// Readers want constants on this boundary of the file.
constexpr size_t kBufferAlignment = 16;
// Offsets of the format have 32 bits with a sign. The tables are small beside the constants; the
// reserve is for them.
constexpr int64_t kMaxFileBytes = (int64_t{1} << 31) - (int64_t{1} << 26);

template <typename T>
using Tables = Offset<flatbuffers::Vector<Offset<T>>>;

// Absent where there is none, as the object API writes it.
template <typename T, typename Native>
Tables<T> PackAll(FlatBufferBuilder& builder, const std::vector<std::unique_ptr<Native>>& natives) {
  if (natives.empty()) return 0;
  std::vector<Offset<T>> offsets;
  offsets.reserve(natives.size());
  for (const auto& native : natives) offsets.push_back(T::Pack(builder, native.get()));
  return builder.CreateVector(offsets);
}

Tables<schema::Buffer> PackBuffers(FlatBufferBuilder& builder,
                                   const std::vector<SharedBytes>& buffers) {
  std::vector<Offset<schema::Buffer>> offsets;
  offsets.reserve(buffers.size());
  for (const SharedBytes& buffer : buffers) {
    Offset<flatbuffers::Vector<uint8_t>> data = 0;
    if (!buffer.empty()) {
      builder.ForceVectorAlignment(buffer.get().size(), sizeof(uint8_t), kBufferAlignment);
      data = builder.CreateVector(buffer.get().data(), buffer.get().size());
    }
    offsets.push_back(schema::CreateBuffer(builder, data));
  }
  return builder.CreateVector(offsets);
}

Offset<flatbuffers::String> PackString(FlatBufferBuilder& builder, const std::string& text) {
  if (text.empty()) return 0;
  return builder.CreateString(text);
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> WriteModel(const Model& model) {
  int64_t constant_bytes = 0;
  for (const SharedBytes& buffer : model.buffers) {
    constant_bytes += static_cast<int64_t>(buffer.get().size() + kBufferAlignment);
  }
  if (constant_bytes > kMaxFileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the model's constants take ", constant_bytes,
                                                     " bytes; a file holds ", kMaxFileBytes));
  }
  // Large enough that the builder does not grow, which would copy all of it.
  FlatBufferBuilder builder(constant_bytes + constant_bytes / 8 + (1 << 16));
  const schema::ModelT& tables = model.tables;
  // What is written first stands last in the file: the constants go behind the tables.
  const auto buffers = PackBuffers(builder, model.buffers);
  const auto operator_codes = PackAll<schema::OperatorCode>(builder, tables.operator_codes);
  const auto subgraphs = PackAll<schema::SubGraph>(builder, tables.subgraphs);
  const auto description = PackString(builder, tables.description);
  const auto metadata_buffer = tables.metadata_buffer.empty()
                                   ? Offset<flatbuffers::Vector<int32_t>>(0)
                                   : builder.CreateVector(tables.metadata_buffer);
  const auto metadata = PackAll<schema::Metadata>(builder, tables.metadata);
  const auto signatures = PackAll<schema::SignatureDef>(builder, tables.signature_defs);
  const auto groups = PackAll<schema::ExternalBufferGroup>(builder, tables.external_buffer_groups);
  const auto external = PackAll<schema::ExternalBuffer>(builder, tables.external_buffers);
  schema::FinishModelBuffer(
      builder,
      schema::CreateModel(builder, tables.version, operator_codes, subgraphs, description, buffers,
                          metadata_buffer, metadata, signatures, groups, external));
  const uint8_t* first = builder.GetBufferPointer();
  return std::vector<uint8_t>(first, first + builder.GetSize());
}

}  // namespace octavo
