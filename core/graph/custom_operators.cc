#include "core/graph/custom_operators.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace octavo {
namespace {

constexpr char kTransposeConvWithBias[] = "Convolution2DTransposeBias";
// The first that takes a bias.
constexpr int kTransposeConvVersion = 3;

// The options as MediaPipe writes them: three little-endian integers.
std::optional<schema::TransposeConvOptionsT> ReadOptions(std::span<const uint8_t> bytes) {
  std::array<int32_t, 3> values;
  if (bytes.size() != sizeof(values)) return std::nullopt;
  std::memcpy(values.data(), bytes.data(), sizeof(values));
  const auto [padding, stride_width, stride_height] = values;
  if (padding != 1 && padding != 2) return std::nullopt;  // 0: unknown
  schema::TransposeConvOptionsT options;
  options.padding = padding == 1 ? schema::Padding_SAME : schema::Padding_VALID;
  options.stride_w = stride_width;
  options.stride_h = stride_height;
  return options;
}

bool HasFixedShape(const schema::TensorT& tensor) {
  return tensor.shape.size() == 4 &&
         std::ranges::all_of(tensor.shape, [](int32_t size) { return size > 0; });
}

void RewriteTransposeConv(Model& model, schema::OperatorT& op) {
  const std::optional<schema::TransposeConvOptionsT> options = ReadOptions(op.custom_options);
  const TensorIndex output = OutputOf(op, 0);
  if (!options || op.inputs.size() != 3 || output == kNoTensor ||
      !HasFixedShape(model.tensor(output))) {
    return;
  }
  schema::TensorT shape;
  shape.name = std::string(model.TensorName(output)) + "_shape";
  shape.type = schema::TensorType_INT32;
  shape.shape = {4};
  const std::vector<int32_t> sizes = model.tensor(output).shape;
  const TensorIndex shape_index =
      model.AddTensor(std::move(shape), SharedBytes::OwnValues(std::span<const int32_t>(sizes)));
  op.inputs = {static_cast<int32_t>(shape_index), op.inputs[1], op.inputs[0], op.inputs[2]};
  op.opcode_index =
      model.OperatorCodeIndex(schema::BuiltinOperator_TRANSPOSE_CONV, kTransposeConvVersion);
  op.builtin_options.Set(schema::TransposeConvOptionsT(*options));
  op.custom_options.clear();
}

}  // namespace

Model WithBuiltinOperators(const Model& model) {
  Model result = model;
  for (const auto& op : result.graph().operators) {
    if (result.OperatorType(*op) == schema::BuiltinOperator_CUSTOM &&
        result.OperatorName(*op) == kTransposeConvWithBias) {
      RewriteTransposeConv(result, *op);
    }
  }
  return result;
}

}  // namespace octavo
