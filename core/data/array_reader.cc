#include "core/data/array_reader.h"

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo {

absl::Status ArrayReader::AddToDigest(int64_t index, Sha256& digest) const {
  std::vector<uint8_t> buffer;
  ASSIGN_OR_RETURN(const RawExample example, Read(index, buffer));
  // Without type and shape two different examples could have the same bytes.
  digest.Update(absl::StrCat(type().name, DimsText(example.shape)));
  digest.Update(example.bytes);
  return absl::OkStatus();
}

MemoryArray::MemoryArray(std::string name, const ElementType& type, Dims example_shape,
                         std::vector<uint8_t> bytes)
    : ArrayReader(std::move(name), type),
      example_shape_(std::move(example_shape)),
      example_bytes_(static_cast<size_t>(type.size_bytes)),
      bytes_(std::move(bytes)) {
  for (const int64_t size : example_shape_) example_bytes_ *= static_cast<size_t>(size);
}

absl::StatusOr<RawExample> MemoryArray::Read(int64_t index, std::vector<uint8_t>&) const {
  return RawExample{
      example_shape_,
      std::span(bytes_).subspan(static_cast<size_t>(index) * example_bytes_, example_bytes_)};
}

}  // namespace octavo
