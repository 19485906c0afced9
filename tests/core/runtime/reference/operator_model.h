// Models of one operator, made in memory.

#ifndef OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_OPERATOR_MODEL_H_
#define OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_OPERATOR_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

struct Operand {
  schema::TensorType type = schema::TensorType_FLOAT32;
  Shape shape;
  std::vector<float> scales = {};
  std::vector<int64_t> zero_points = {};
  std::vector<uint8_t> constant = {};
  int32_t quantized_dimension = 0;
};

template <typename T>
std::vector<uint8_t> BytesOf(std::span<const T> values) {
  const auto* first = reinterpret_cast<const uint8_t*>(values.data());
  return std::vector<uint8_t>(first, first + values.size_bytes());
}

template <typename T>
std::vector<T> ValuesOf(const std::vector<uint8_t>& bytes) {
  const T* first = reinterpret_cast<const T*>(bytes.data());
  return std::vector<T>(first, first + bytes.size() / sizeof(T));
}

inline Operand Float(Shape shape) { return {.shape = std::move(shape)}; }

template <typename T>
Operand Constant(schema::TensorType type, Shape shape, const std::vector<T>& values) {
  return {.type = type, .shape = std::move(shape), .constant = BytesOf<T>(values)};
}

inline Operand Integers(const std::vector<int32_t>& values) {
  return Constant<int32_t>(schema::TensorType_INT32, {static_cast<int32_t>(values.size())}, values);
}

// Inputs that are no constants are the model's inputs, in their order.
Model OperatorModel(schema::BuiltinOperator type, const std::vector<Operand>& inputs,
                    const std::vector<Operand>& outputs);

template <typename Options>
Model OperatorModel(schema::BuiltinOperator type, const Options& options,
                    const std::vector<Operand>& inputs, const std::vector<Operand>& outputs) {
  Model model = OperatorModel(type, inputs, outputs);
  model.graph().operators[0]->builtin_options.Set(Options(options));
  return model;
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_OPERATOR_MODEL_H_
