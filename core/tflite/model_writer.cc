#include "core/tflite/model_writer.h"

#include <algorithm>
#include <utility>

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

// A builder's memory that is a vector in the end: a copy of all constants less.
class VectorAllocator : public flatbuffers::Allocator {
 public:
  uint8_t* allocate(size_t size) override {
    bytes_.resize(size);
    return bytes_.data();
  }
  void deallocate(uint8_t*, size_t) override {}
  uint8_t* reallocate_downward(uint8_t*, size_t old_size, size_t new_size, size_t in_use_back,
                               size_t in_use_front) override {
    std::vector<uint8_t> grown(new_size);
    std::copy_n(bytes_.data(), in_use_front, grown.data());
    std::copy_n(bytes_.data() + old_size - in_use_back, in_use_back,
                grown.data() + new_size - in_use_back);
    bytes_ = std::move(grown);
    return bytes_.data();
  }
  // From `first` on, which lies in it, `size` bytes.
  std::vector<uint8_t> Take(const uint8_t* first, size_t size) && {
    bytes_.erase(bytes_.begin(), bytes_.begin() + (first - bytes_.data()));
    bytes_.resize(size);
    return std::move(bytes_);
  }

 private:
  std::vector<uint8_t> bytes_;
};

// What the tables take beside the constants; where it is more the builder grows, which copies.
size_t TableBytes(const schema::ModelT& tables) {
  constexpr size_t kTensorBytes = 512;  // of tensors and of operators
  size_t bytes = 1 << 16;
  for (const auto& graph : tables.subgraphs) {
    bytes += (graph->tensors.size() + graph->operators.size()) * kTensorBytes;
    for (const auto& tensor : graph->tensors) {
      if (tensor->quantization == nullptr) continue;
      bytes += tensor->quantization->scale.size() * sizeof(float) +
               tensor->quantization->zero_point.size() * sizeof(int64_t);
    }
  }
  return bytes;
}

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
  const schema::ModelT& tables = model.tables;
  VectorAllocator memory;
  FlatBufferBuilder builder(constant_bytes + TableBytes(tables), &memory);
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
  return std::move(memory).Take(builder.GetBufferPointer(), builder.GetSize());
}

}  // namespace octavo
