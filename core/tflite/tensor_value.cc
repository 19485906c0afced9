#include "core/tflite/tensor_value.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace octavo {

std::optional<int64_t> NumElements(std::span<const int32_t> shape) {
  constexpr int64_t kMost = int64_t{1} << 62;
  int64_t count = 1;
  bool is_empty = false;
  for (const int32_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension == 0) {
      is_empty = true;
      continue;
    }
    if (count > kMost / dimension) return std::nullopt;
    count *= dimension;
  }
  return is_empty ? 0 : count;
}

int ElementBits(schema::TensorType type) {
  switch (type) {
    case schema::TensorType_INT2:
      return 2;
    case schema::TensorType_INT4:
    case schema::TensorType_UINT4:
      return 4;
    case schema::TensorType_BOOL:
    case schema::TensorType_INT8:
    case schema::TensorType_UINT8:
    case schema::TensorType_FLOAT8_E4M3FN:
    case schema::TensorType_FLOAT8_E5M2:
      return 8;
    case schema::TensorType_FLOAT16:
    case schema::TensorType_BFLOAT16:
    case schema::TensorType_INT16:
    case schema::TensorType_UINT16:
      return 16;
    case schema::TensorType_FLOAT32:
    case schema::TensorType_INT32:
    case schema::TensorType_UINT32:
      return 32;
    case schema::TensorType_FLOAT64:
    case schema::TensorType_INT64:
    case schema::TensorType_UINT64:
    case schema::TensorType_COMPLEX64:
      return 64;
    case schema::TensorType_COMPLEX128:
      return 128;
    case schema::TensorType_STRING:
    case schema::TensorType_RESOURCE:
    case schema::TensorType_VARIANT:
      return 0;
  }
  return 0;
}

std::optional<int64_t> TensorBytes(schema::TensorType type, std::span<const int32_t> shape) {
  const std::optional<int64_t> count = NumElements(shape);
  const int64_t bits = ElementBits(type);
  if (!count || bits == 0) return std::nullopt;
  constexpr int64_t kMostBits = (int64_t{1} << 62) - 7;
  if (*count > kMostBits / bits) return std::nullopt;
  return (*count * bits + 7) / 8;
}

std::string ShapeText(std::span<const int32_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::string_view TypeName(schema::TensorType type) {
  const char* name = schema::EnumNameTensorType(type);
  return *name == '\0' ? "UNKNOWN" : name;
}

}  // namespace octavo
