// A model in memory: the tables of the TFLite flatbuffer, and views of its constants' bytes beside
// them.
//
// The first subgraph is the one that runs. After ReadModel no code checks an index again.

#ifndef OCTAVO_CORE_TFLITE_MODEL_H_
#define OCTAVO_CORE_TFLITE_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/tflite/schema_types.h"
#include "core/tflite/tensor_value.h"

namespace octavo {

// The place of a tensor in the main subgraph. -1, where an operator has no such input: kNoTensor.
enum class TensorIndex : int32_t {};
inline constexpr TensorIndex kNoTensor{-1};

// Bytes that somebody owns: a part of the file that was read, or a vector of their own. Copying
// shares them.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, std::span<const uint8_t> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}
  static SharedBytes Own(std::vector<uint8_t> bytes);
  template <typename T>
  static SharedBytes OwnValues(std::span<const T> values) {
    const auto* first = reinterpret_cast<const uint8_t*>(values.data());
    return Own(std::vector<uint8_t>(first, first + values.size_bytes()));
  }

  std::span<const uint8_t> get() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const uint8_t> bytes_;
};

// A value: copying copies the tables and shares the constants' bytes.
struct Model {
  // Everything but the buffers' bytes: `tables.buffers[i]->data` is empty, its offset and size are
  // 0.
  schema::ModelT tables;
  // Parallel to `tables.buffers`. Empty: no constant. Tensors may share a buffer: never edit one,
  // add one.
  std::vector<SharedBytes> buffers;

  const schema::SubGraphT& graph() const { return *tables.subgraphs[0]; }
  schema::SubGraphT& graph() { return *tables.subgraphs[0]; }

  const schema::TensorT& tensor(TensorIndex index) const {
    return *graph().tensors[static_cast<int32_t>(index)];
  }
  schema::TensorT& tensor(TensorIndex index) {
    return *graph().tensors[static_cast<int32_t>(index)];
  }
  absl::string_view TensorName(TensorIndex index) const { return tensor(index).name; }

  // The bytes of a constant, aligned for its type; empty: the tensor is none (or has no elements).
  std::span<const uint8_t> ConstantBytes(TensorIndex index) const {
    return buffers[tensor(index).buffer].get();
  }
  bool IsConstant(TensorIndex index) const { return !ConstantBytes(index).empty(); }
  template <typename T>
  std::span<const T> ConstantValues(TensorIndex index) const {
    const std::span<const uint8_t> bytes = ConstantBytes(index);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  schema::BuiltinOperator OperatorType(const schema::OperatorT& op) const;
  int OperatorVersion(const schema::OperatorT& op) const;
  // "CONV_2D"; of a custom operator its own name.
  std::string OperatorName(const schema::OperatorT& op) const;

  // Adds a tensor with a constant of its own (or none, where `bytes` is empty) and gives its place.
  TensorIndex AddTensor(schema::TensorT tensor, SharedBytes bytes);
  uint32_t AddBuffer(SharedBytes bytes);
  // The place of this operator code and version among the codes, added where there is none.
  uint32_t OperatorCodeIndex(schema::BuiltinOperator type, int version);
};

// Input `position` of an operator; kNoTensor where it is left out or there are fewer.
TensorIndex InputOf(const schema::OperatorT& op, int position);
TensorIndex OutputOf(const schema::OperatorT& op, int position);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_MODEL_H_
