#include "core/runtime/constant_widening.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace octavo {
namespace {

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero, or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

// The stored integer at flat index `index`, without a look at its scale.
int64_t IntegerAt(schema::TensorType type, std::span<const uint8_t> bytes, int64_t index) {
  const auto at = [&]<typename T>(T value) {
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return static_cast<int64_t>(value);
  };
  switch (type) {
    case schema::TensorType_INT4: {
      const uint8_t both = bytes[index / 2];
      return static_cast<int8_t>(index % 2 == 0 ? both << 4 : both & 0xf0) >> 4;
    }
    case schema::TensorType_UINT8:
      return at(uint8_t{});
    case schema::TensorType_INT16:
      return at(int16_t{});
    case schema::TensorType_INT32:
      return at(int32_t{});
    default:
      return at(int8_t{});
  }
}

bool IsIntegerThatWeKnow(schema::TensorType type) {
  return type == schema::TensorType_INT8 || type == schema::TensorType_UINT8 ||
         type == schema::TensorType_INT16 || type == schema::TensorType_INT32 ||
         type == schema::TensorType_INT4;
}

// How many neighbours share a scale, and how many scales there are; nothing where they do not fit
// the shape.
struct ScaleLayout {
  int64_t inner = 1;
  int64_t channels = 1;
};
std::optional<ScaleLayout> LayoutOfScales(const schema::TensorT& tensor) {
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  if (quantization == nullptr || quantization->scale.empty()) return std::nullopt;
  const int64_t channels = static_cast<int64_t>(quantization->scale.size());
  const size_t zero_points = quantization->zero_point.size();
  if (zero_points > 1 && zero_points != quantization->scale.size()) return std::nullopt;
  if (channels == 1) return ScaleLayout{};
  const int axis = quantization->quantized_dimension;
  if (axis < 0 || axis >= static_cast<int>(tensor.shape.size())) return std::nullopt;
  if (tensor.shape[axis] != channels) return std::nullopt;
  ScaleLayout layout{.channels = channels};
  for (size_t dim = axis + 1; dim < tensor.shape.size(); ++dim) layout.inner *= tensor.shape[dim];
  return layout;
}

std::optional<std::vector<float>> Widen(const schema::TensorT& tensor,
                                        std::span<const uint8_t> bytes) {
  const std::optional<int64_t> count = NumElements(tensor.shape);
  const std::optional<int64_t> size = TensorBytes(tensor.type, tensor.shape);
  if (!count || !size || *size != static_cast<int64_t>(bytes.size())) return std::nullopt;
  std::vector<float> values(*count);
  if (tensor.type == schema::TensorType_FLOAT16) {
    for (int64_t index = 0; index < *count; ++index) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + index * sizeof(half), sizeof(half));
      values[index] = HalfToFloat(half);
    }
    return values;
  }
  const std::optional<ScaleLayout> layout = LayoutOfScales(tensor);
  if (!IsIntegerThatWeKnow(tensor.type) || !layout) return std::nullopt;
  const std::vector<float>& scales = tensor.quantization->scale;
  const std::vector<int64_t>& zero_points = tensor.quantization->zero_point;
  for (int64_t index = 0; index < *count; ++index) {
    const int64_t channel = index / layout->inner % layout->channels;
    const int64_t zero_point =
        zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : channel];
    values[index] =
        scales[channel] * static_cast<float>(IntegerAt(tensor.type, bytes, index) - zero_point);
  }
  return values;
}

// True: the operator's work is done.
bool WidenOutput(Model& model, const schema::OperatorT& op) {
  if (model.OperatorType(op) != schema::BuiltinOperator_DEQUANTIZE) return false;
  const TensorIndex input = InputOf(op, 0);
  const TensorIndex output = OutputOf(op, 0);
  if (input == kNoTensor || output == kNoTensor || !model.IsConstant(input)) return false;
  schema::TensorT& widened = model.tensor(output);
  if (widened.type != schema::TensorType_FLOAT32 || widened.shape != model.tensor(input).shape) {
    return false;
  }
  const auto values = Widen(model.tensor(input), model.ConstantBytes(input));
  if (!values || values->empty()) return false;
  widened.buffer = model.AddBuffer(SharedBytes::OwnValues<float>(*values));
  return true;
}

// Weights of 4 bits that an operator reads as they are: no kernel has them, and those of 8 bits
// give the same.
void WidenInt4(Model& model, TensorIndex index) {
  schema::TensorT& tensor = model.tensor(index);
  const std::span<const uint8_t> bytes = model.ConstantBytes(index);
  const std::optional<int64_t> count = NumElements(tensor.shape);
  const std::optional<int64_t> size = TensorBytes(tensor.type, tensor.shape);
  if (!count || !size || *size != static_cast<int64_t>(bytes.size())) return;
  std::vector<int8_t> codes(*count);
  for (int64_t i = 0; i < *count; ++i) {
    codes[i] = static_cast<int8_t>(IntegerAt(tensor.type, bytes, i));
  }
  tensor.type = schema::TensorType_INT8;
  tensor.buffer = model.AddBuffer(SharedBytes::OwnValues<int8_t>(codes));
}

}  // namespace

void WidenConstants(Model& model) {
  auto& operators = model.graph().operators;
  std::erase_if(operators, [&](const auto& op) { return WidenOutput(model, *op); });
  for (const auto& op : operators) {
    if (model.OperatorType(*op) == schema::BuiltinOperator_DEQUANTIZE) continue;
    for (const int32_t input : op->inputs) {
      const TensorIndex index{input};
      if (index != kNoTensor && model.IsConstant(index) &&
          model.tensor(index).type == schema::TensorType_INT4) {
        WidenInt4(model, index);
      }
    }
  }
}

}  // namespace octavo
