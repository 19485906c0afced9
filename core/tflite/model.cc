#include "core/tflite/model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

TensorIndex At(const std::vector<int32_t>& tensors, int position) {
  if (position < 0 || position >= static_cast<int>(tensors.size())) return kNoTensor;
  return TensorIndex{tensors[position]};
}

// Codes from 127 on do not fit into the byte that old readers look at.
int8_t DeprecatedCode(schema::BuiltinOperator type) {
  return static_cast<int8_t>(
      std::min(type, schema::BuiltinOperator_PLACEHOLDER_FOR_GREATER_OP_CODES));
}

}  // namespace

SharedBytes SharedBytes::Own(std::vector<uint8_t> bytes) {
  auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  const std::span<const uint8_t> view = *owner;
  return SharedBytes(std::move(owner), view);
}

schema::BuiltinOperator Model::OperatorType(const schema::OperatorT& op) const {
  return tables.operator_codes[op.opcode_index]->builtin_code;
}

int Model::OperatorVersion(const schema::OperatorT& op) const {
  return tables.operator_codes[op.opcode_index]->version;
}

std::string Model::OperatorName(const schema::OperatorT& op) const {
  const schema::BuiltinOperator type = OperatorType(op);
  if (type == schema::BuiltinOperator_CUSTOM) {
    return tables.operator_codes[op.opcode_index]->custom_code;
  }
  const char* name = schema::EnumNameBuiltinOperator(type);
  return *name == '\0' ? absl::StrCat("operator ", static_cast<int>(type)) : name;
}

TensorIndex Model::AddTensor(schema::TensorT tensor, SharedBytes bytes) {
  tensor.buffer = bytes.empty() ? 0 : AddBuffer(std::move(bytes));
  graph().tensors.push_back(std::make_unique<schema::TensorT>(std::move(tensor)));
  return TensorIndex{static_cast<int32_t>(graph().tensors.size()) - 1};
}

uint32_t Model::AddBuffer(SharedBytes bytes) {
  tables.buffers.push_back(std::make_unique<schema::BufferT>());
  buffers.push_back(std::move(bytes));
  return static_cast<uint32_t>(buffers.size()) - 1;
}

uint32_t Model::OperatorCodeIndex(schema::BuiltinOperator type, int version) {
  for (uint32_t index = 0; index < tables.operator_codes.size(); ++index) {
    const schema::OperatorCodeT& code = *tables.operator_codes[index];
    if (code.builtin_code == type && code.version == version) return index;
  }
  auto code = std::make_unique<schema::OperatorCodeT>();
  code->deprecated_builtin_code = DeprecatedCode(type);
  code->builtin_code = type;
  code->version = version;
  tables.operator_codes.push_back(std::move(code));
  return static_cast<uint32_t>(tables.operator_codes.size()) - 1;
}

TensorIndex InputOf(const schema::OperatorT& op, int position) { return At(op.inputs, position); }
TensorIndex OutputOf(const schema::OperatorT& op, int position) { return At(op.outputs, position); }

}  // namespace octavo
