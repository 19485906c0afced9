#include "core/tflite/model_reader.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/tflite/model_validator.h"
#include "core/tflite/schema_generated.h"

namespace octavo {
namespace {

using File = std::shared_ptr<const std::vector<uint8_t>>;

// Constants start on this boundary, in the file or in a copy.
constexpr uintptr_t kAlignment = 16;
// The format's values for "not behind the flatbuffer": 0, or 1 where a writer meant to fill it in.
constexpr uint64_t kNoOffset = 1;
// Buffers may be views of the same bytes, but a file must not stand for much more than it holds.
constexpr uint64_t kMostBytesPerFileByte = 16;

absl::Status Malformed(absl::string_view problem,
                       const std::map<std::string, std::string>& metadata = {}) {
  return WithReason(absl::InvalidArgumentError(problem), "MODEL_MALFORMED", metadata);
}

// `size` bytes at `offset` of the file.
absl::StatusOr<std::span<const uint8_t>> FilePart(const File& file, uint64_t offset,
                                                  uint64_t size) {
  if (offset > file->size() || size > file->size() - offset) {
    return Malformed(absl::StrCat("bytes ", offset, " to ", offset, " + ", size,
                                  " lie outside the file of ", file->size(), " bytes"),
                     {{"offset", absl::StrCat(offset)}});
  }
  return std::span<const uint8_t>(*file).subspan(offset, size);
}

absl::StatusOr<std::span<const uint8_t>> BufferBytes(const File& file,
                                                     const schema::Buffer& buffer) {
  if (buffer.offset() > kNoOffset) return FilePart(file, buffer.offset(), buffer.size());
  const flatbuffers::Vector<uint8_t>* data = buffer.data();
  if (data == nullptr) return std::span<const uint8_t>();
  return std::span<const uint8_t>(data->data(), data->size());
}

SharedBytes Keep(const File& file, std::span<const uint8_t> bytes) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment == 0) return SharedBytes(file, bytes);
  return SharedBytes::Own({bytes.begin(), bytes.end()});
}

absl::Status ReadBuffers(const File& file, const schema::Model& source, Model& model) {
  if (source.buffers() == nullptr) return Malformed("the model has no buffers");
  uint64_t total_bytes = 0;
  for (const schema::Buffer* buffer : *source.buffers()) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> bytes, BufferBytes(file, *buffer), "buffer ",
                     model.buffers.size());
    // It stands for none, and runtimes do not look into it: a tensor that names it is no constant.
    if (model.buffers.empty()) {
      model.AddBuffer({});
      continue;
    }
    total_bytes += bytes.size();
    if (total_bytes / kMostBytesPerFileByte > file->size()) {
      return Malformed("the buffers overlap too often");
    }
    model.AddBuffer(Keep(file, bytes));
  }
  return absl::OkStatus();
}

// Custom options behind the flatbuffer come to where the others are.
absl::Status ReadLargeCustomOptions(const File& file, schema::ModelT& tables) {
  uint64_t total_bytes = 0;
  for (const auto& graph : tables.subgraphs) {
    for (const auto& op : graph->operators) {
      if (op->large_custom_options_offset > kNoOffset) {
        ASSIGN_OR_RETURN(
            const std::span<const uint8_t> bytes,
            FilePart(file, op->large_custom_options_offset, op->large_custom_options_size),
            "custom options");
        total_bytes += bytes.size();
        if (total_bytes > file->size()) return Malformed("the custom options overlap");
        op->custom_options.assign(bytes.begin(), bytes.end());
      }
      op->large_custom_options_offset = 0;
      op->large_custom_options_size = 0;
    }
  }
  return absl::OkStatus();
}

template <typename Native, typename T>
void UnpackAll(const flatbuffers::Vector<flatbuffers::Offset<T>>* sources,
               std::vector<std::unique_ptr<Native>>& natives) {
  if (sources == nullptr) return;
  natives.reserve(sources->size());
  for (const T* source : *sources) natives.emplace_back(source->UnPack());
}

// All but the buffers, whose bytes the object API would copy.
void UnpackTables(const schema::Model& source, schema::ModelT& tables) {
  tables.version = source.version();
  UnpackAll(source.operator_codes(), tables.operator_codes);
  UnpackAll(source.subgraphs(), tables.subgraphs);
  if (source.description() != nullptr) tables.description = source.description()->str();
  if (source.metadata_buffer() != nullptr) {
    tables.metadata_buffer.assign(source.metadata_buffer()->begin(),
                                  source.metadata_buffer()->end());
  }
  UnpackAll(source.metadata(), tables.metadata);
  UnpackAll(source.signature_defs(), tables.signature_defs);
  UnpackAll(source.external_buffer_groups(), tables.external_buffer_groups);
  UnpackAll(source.external_buffers(), tables.external_buffers);
  for (const auto& code : tables.operator_codes) {
    // Old files have the code in the byte alone.
    const auto byte = static_cast<schema::BuiltinOperator>(code->deprecated_builtin_code);
    code->builtin_code = std::max(code->builtin_code, byte);
  }
}

}  // namespace

absl::StatusOr<Model> ReadModel(std::shared_ptr<const std::vector<uint8_t>> file) {
  RETURN_IF_ERROR(VerifyFlatbuffer(*file));
  const schema::Model& source = *schema::GetModel(file->data());
  Model model;
  UnpackTables(source, model.tables);
  RETURN_IF_ERROR(ReadBuffers(file, source, model));
  RETURN_IF_ERROR(ReadLargeCustomOptions(file, model.tables));
  RETURN_IF_ERROR(ValidateModel(model));
  return model;
}

}  // namespace octavo
