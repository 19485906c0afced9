#include "core/quantize/conversion.h"

#include <algorithm>

#include "absl/log/check.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

// What a DEQUANTIZE of such a tensor needs beside its type's usual version.
int DequantizeVersion(const schema::TensorT& tensor) {
  if (tensor.type == schema::TensorType_INT4) return 6;
  return tensor.quantization != nullptr && tensor.quantization->scale.size() > 1 ? 5 : 1;
}

}  // namespace

std::unique_ptr<schema::OperatorT> Conversion(TensorIndex from, TensorIndex to, Model& model) {
  const schema::TensorType source = model.tensor(from).type;
  const bool to_float = model.tensor(to).type == schema::TensorType_FLOAT32;
  const bool is_wide = source == schema::TensorType_INT16 || source == schema::TensorType_FLOAT16 ||
                       model.tensor(to).type == schema::TensorType_INT16;
  const schema::BuiltinOperator type =
      to_float ? schema::BuiltinOperator_DEQUANTIZE : schema::BuiltinOperator_QUANTIZE;
  const OperatorRow* row = FindOperator(type);
  CHECK(row != nullptr);
  int version = is_wide ? row->int16_version : row->int8_version;
  if (to_float) version = std::max(version, DequantizeVersion(model.tensor(from)));
  auto op = std::make_unique<schema::OperatorT>();
  op->opcode_index = model.OperatorCodeIndex(type, version);
  op->inputs = {static_cast<int32_t>(from)};
  op->outputs = {static_cast<int32_t>(to)};
  return op;
}

}  // namespace octavo
