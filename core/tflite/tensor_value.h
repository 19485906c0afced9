// The values of a tensor: a type, a shape, bytes.

#ifndef OCTAVO_CORE_TFLITE_TENSOR_VALUE_H_
#define OCTAVO_CORE_TFLITE_TENSOR_VALUE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/tflite/schema_types.h"

namespace octavo {

using Shape = std::vector<int32_t>;

// Looked at, never kept.
struct TensorView {
  schema::TensorType type = schema::TensorType_FLOAT32;
  std::span<const int32_t> shape;
  std::span<const uint8_t> bytes;  // little-endian, row-major; packed for types of less than a byte

  // T must be the C++ type of `type`.
  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Owned. The bytes are aligned for every element type.
struct TensorValue {
  schema::TensorType type = schema::TensorType_FLOAT32;
  Shape shape;
  std::vector<uint8_t> bytes;

  TensorView view() const { return {type, shape, bytes}; }
  template <typename T>
  std::span<const T> values() const {
    return view().values<T>();
  }
  template <typename T>
  std::span<T> mutable_values() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// 1 for the empty shape; nothing where a dimension is negative or the product does not fit in 62
// bits.
std::optional<int64_t> NumElements(std::span<const int32_t> shape);

// Bits of one element: 32 for FLOAT32, 4 for INT4; 0 for types without a fixed size (STRING,
// RESOURCE, VARIANT).
int ElementBits(schema::TensorType type);

// Bytes of a tensor, whole bytes for packed types; nothing as in NumElements or for types without a
// fixed size.
std::optional<int64_t> TensorBytes(schema::TensorType type, std::span<const int32_t> shape);

// "[1, 28, 28]".
std::string ShapeText(std::span<const int32_t> shape);

// "FLOAT32".
absl::string_view TypeName(schema::TensorType type);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_TENSOR_VALUE_H_
