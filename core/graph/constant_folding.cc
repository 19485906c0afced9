#include "core/graph/constant_folding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"
#include "core/graph/slice_bounds.h"
#include "core/tflite/fake_quant.h"

namespace octavo {
namespace {

using Folded = absl::StatusOr<std::optional<SharedBytes>>;
using FoldFunction = Folded (*)(const OperatorView& op, const Shape& output_shape);

std::span<const uint8_t> BytesOf(const OperatorView& op, int position) {
  return op.model.ConstantBytes(InputOf(op.op, position));
}

schema::TensorType OutputType(const OperatorView& op) {
  return op.model.tensor(OutputOf(op.op, 0)).type;
}

// 0 where elements are packed or have no fixed size.
size_t ElementBytes(const OperatorView& op) { return ElementBits(OutputType(op)) / 8; }

int64_t Product(std::span<const int32_t> dimensions) { return NumElements(dimensions).value_or(0); }

// Distance in elements between neighbours along each axis.
std::vector<int64_t> Strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// The elements of `source` at `start` + the sum of position * `steps` over all axes of `shape`, in
// order.
SharedBytes CopyStrided(std::span<const uint8_t> source, size_t element_bytes, const Shape& shape,
                        int64_t start, std::span<const int64_t> steps) {
  const int64_t count = Product(shape);
  std::vector<uint8_t> copy(count * element_bytes);
  std::vector<int64_t> position(shape.size(), 0);
  int64_t element = start;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(copy.data() + i * element_bytes, source.data() + element * element_bytes,
                element_bytes);
    for (size_t axis = shape.size(); axis-- > 0;) {
      element += steps[axis];
      if (++position[axis] < shape[axis]) break;
      element -= steps[axis] * shape[axis];
      position[axis] = 0;
    }
  }
  return SharedBytes::Own(std::move(copy));
}

Folded FoldShape(const OperatorView& op, const Shape&) {
  const Shape& shape = op.InputShape(0);
  if (OutputType(op) == schema::TensorType_INT32) {
    return SharedBytes::OwnValues(std::span<const int32_t>(shape));
  }
  const std::vector<int64_t> wide(shape.begin(), shape.end());
  return SharedBytes::OwnValues(std::span<const int64_t>(wide));
}

Folded FoldSameBytes(const OperatorView& op, const Shape&) {
  return op.model.buffers[op.Input(0).buffer];
}

Folded CopySlice(const OperatorView& op, const SliceBounds& bounds) {
  const std::vector<int64_t> strides = Strides(op.InputShape(0));
  Shape counts;
  std::vector<int64_t> steps;
  int64_t start = 0;
  for (size_t axis = 0; axis < bounds.axes.size(); ++axis) {
    const AxisSlice& slice = bounds.axes[axis];
    counts.push_back(static_cast<int32_t>(slice.count));
    steps.push_back(slice.stride * strides[axis]);
    start += slice.begin * strides[axis];
  }
  return CopyStrided(BytesOf(op, 0), ElementBytes(op), counts, start, steps);
}

Folded FoldStridedSlice(const OperatorView& op, const Shape&) {
  ASSIGN_OR_RETURN(const SliceBounds bounds, StridedSliceBounds(op.model, op.op));
  return CopySlice(op, bounds);
}

Folded FoldSlice(const OperatorView& op, const Shape&) {
  ASSIGN_OR_RETURN(const SliceBounds bounds, PlainSliceBounds(op.model, op.op));
  return CopySlice(op, bounds);
}

Folded FoldTranspose(const OperatorView& op, const Shape& output_shape) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> permutation, op.ConstantInts(1));
  const std::vector<int64_t> strides = Strides(op.InputShape(0));
  std::vector<int64_t> steps;
  for (const int64_t given : permutation) {
    ASSIGN_OR_RETURN(const int axis, AxisOf(op, given, strides.size()));
    steps.push_back(strides[axis]);
  }
  return CopyStrided(BytesOf(op, 0), ElementBytes(op), output_shape, 0, steps);
}

// Inputs behind one another along an axis: of each, runs of `axis` and all axes behind it.
Folded Join(const OperatorView& op, const Shape& output_shape, size_t axis) {
  const int64_t outer = Product(std::span(output_shape).first(axis));
  std::vector<uint8_t> joined;
  joined.reserve(Product(output_shape) * ElementBytes(op));
  for (int64_t i = 0; i < outer; ++i) {
    for (int input = 0; input < op.num_inputs(); ++input) {
      const std::span<const uint8_t> bytes = BytesOf(op, input);
      const size_t run = bytes.size() / outer;
      const auto part = bytes.subspan(i * run, run);
      joined.insert(joined.end(), part.begin(), part.end());
    }
  }
  return SharedBytes::Own(std::move(joined));
}

Folded FoldConcatenation(const OperatorView& op, const Shape& output_shape) {
  const schema::ConcatenationOptionsT& options = *op.op.builtin_options.AsConcatenationOptions();
  if (options.fused_activation_function != schema::ActivationFunctionType_NONE) return std::nullopt;
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, options.axis, output_shape.size()));
  return Join(op, output_shape, axis);
}

Folded FoldPack(const OperatorView& op, const Shape& output_shape) {
  ASSIGN_OR_RETURN(const int axis,
                   AxisOf(op, op.op.builtin_options.AsPackOptions()->axis, output_shape.size()));
  return Join(op, output_shape, axis);
}

Folded FoldGather(const OperatorView& op, const Shape& output_shape) {
  const schema::GatherOptionsT& options = *op.op.builtin_options.AsGatherOptions();
  if (options.batch_dims != 0) return std::nullopt;
  const Shape& input = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, options.axis, input.size()));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   op.ConstantInts(1, Product(op.InputShape(1))));
  const std::span<const uint8_t> bytes = BytesOf(op, 0);
  const int64_t outer = Product(std::span(input).first(axis));
  const size_t run = Product(std::span(input).subspan(axis + 1)) * ElementBytes(op);
  std::vector<uint8_t> gathered;
  gathered.reserve(Product(output_shape) * ElementBytes(op));
  for (int64_t i = 0; i < outer; ++i) {
    for (const int64_t index : indices) {
      const auto part = bytes.subspan((i * input[axis] + index) * run, run);
      gathered.insert(gathered.end(), part.begin(), part.end());
    }
  }
  return SharedBytes::Own(std::move(gathered));
}

Folded FoldFill(const OperatorView& op, const Shape& output_shape) {
  const std::vector<int64_t> steps(output_shape.size(), 0);
  return CopyStrided(BytesOf(op, 1), ElementBytes(op), output_shape, 0, steps);
}

// Integer arithmetic wraps as the kernels' does, without the undefined behaviour.
template <typename T>
std::optional<T> Compute(schema::BuiltinOperator type, T a, T b) {
  using U = std::make_unsigned_t<T>;
  const bool divides = b != 0 && b != -1;
  switch (type) {
    case schema::BuiltinOperator_ADD:
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    case schema::BuiltinOperator_SUB:
      return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
    case schema::BuiltinOperator_MUL:
      return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    case schema::BuiltinOperator_MAXIMUM:
      return std::max(a, b);
    case schema::BuiltinOperator_MINIMUM:
      return std::min(a, b);
    case schema::BuiltinOperator_DIV:
      return divides ? std::optional<T>(a / b) : std::nullopt;
    case schema::BuiltinOperator_FLOOR_DIV:
      return divides ? std::optional<T>(a / b - ((a % b != 0) && ((a < 0) != (b < 0))))
                     : std::nullopt;
    case schema::BuiltinOperator_FLOOR_MOD:
      return divides ? std::optional<T>((a % b != 0 && (a < 0) != (b < 0)) ? a % b + b : a % b)
                     : std::nullopt;
    default:
      return std::nullopt;
  }
}

// Steps through an input that is broadcast to `shape`: 0 along the axes that it does not have.
std::vector<int64_t> BroadcastSteps(const Shape& input, const Shape& shape) {
  const std::vector<int64_t> strides = Strides(input);
  std::vector<int64_t> steps(shape.size(), 0);
  const size_t missing = shape.size() - input.size();
  for (size_t axis = 0; axis < input.size(); ++axis) {
    if (input[axis] != 1) steps[axis + missing] = strides[axis];
  }
  return steps;
}

template <typename T>
Folded FoldIntegers(const OperatorView& op, const Shape& output_shape) {
  const auto broadcast = [&](int position) {
    return CopyStrided(BytesOf(op, position), sizeof(T), output_shape, 0,
                       BroadcastSteps(op.InputShape(position), output_shape));
  };
  const SharedBytes a = broadcast(0);
  const SharedBytes b = broadcast(1);
  std::vector<T> result(Product(output_shape));
  for (size_t i = 0; i < result.size(); ++i) {
    const std::optional<T> value =
        Compute(op.model.OperatorType(op.op), reinterpret_cast<const T*>(a.get().data())[i],
                reinterpret_cast<const T*>(b.get().data())[i]);
    if (!value) return std::nullopt;
    result[i] = *value;
  }
  return SharedBytes::OwnValues(std::span<const T>(result));
}

schema::ActivationFunctionType FusedActivation(const schema::OperatorT& op) {
  if (const auto* add = op.builtin_options.AsAddOptions()) return add->fused_activation_function;
  if (const auto* sub = op.builtin_options.AsSubOptions()) return sub->fused_activation_function;
  if (const auto* mul = op.builtin_options.AsMulOptions()) return mul->fused_activation_function;
  if (const auto* div = op.builtin_options.AsDivOptions()) return div->fused_activation_function;
  return schema::ActivationFunctionType_NONE;
}

Folded FoldArithmetic(const OperatorView& op, const Shape& output_shape) {
  if (FusedActivation(op.op) != schema::ActivationFunctionType_NONE) return std::nullopt;
  if (OutputType(op) == schema::TensorType_INT32) return FoldIntegers<int32_t>(op, output_shape);
  if (OutputType(op) == schema::TensorType_INT64) return FoldIntegers<int64_t>(op, output_shape);
  return std::nullopt;
}

// Of all axes, which is what shape arithmetic asks for.
Folded FoldReduceProd(const OperatorView& op, const Shape& output_shape) {
  const schema::TensorType type = OutputType(op);
  const bool is_integer = type == schema::TensorType_INT32 || type == schema::TensorType_INT64;
  const bool is_short = Product(op.InputShape(0)) <= int64_t{kMaxShapeValues};
  if (!is_integer || !is_short || Product(output_shape) != 1) return std::nullopt;
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, op.ConstantInts(0));
  uint64_t product = 1;
  for (const int64_t value : values) product *= static_cast<uint64_t>(value);
  if (type == schema::TensorType_INT64) {
    const auto result = static_cast<int64_t>(product);
    return SharedBytes::OwnValues(std::span<const int64_t>(&result, 1));
  }
  const auto result = static_cast<int32_t>(product);
  return SharedBytes::OwnValues(std::span<const int32_t>(&result, 1));
}

template <typename To>
Folded CastTo(const OperatorView& op) {
  const schema::TensorType from = op.Input(0).type;
  std::vector<To> result;
  if (from == schema::TensorType_INT32 || from == schema::TensorType_INT64) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                     op.ConstantInts(0, Product(op.InputShape(0))));
    result.assign(values.begin(), values.end());
  } else if (from == schema::TensorType_FLOAT32) {
    for (const float value : op.model.ConstantValues<float>(InputOf(op.op, 0))) {
      // Where it does not fit, kernels differ.
      if (!(std::abs(value) < 2147483648.0f)) return std::nullopt;
      result.push_back(static_cast<To>(value));
    }
  } else {
    return std::nullopt;
  }
  return SharedBytes::OwnValues(std::span<const To>(result));
}

Folded FoldCast(const OperatorView& op, const Shape&) {
  switch (OutputType(op)) {
    case schema::TensorType_INT32:
      return CastTo<int32_t>(op);
    case schema::TensorType_INT64:
      return CastTo<int64_t>(op);
    case schema::TensorType_FLOAT32:
      return CastTo<float>(op);
    default:
      return std::nullopt;
  }
}

float Float16ToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  // 31 stands for infinity and not-a-number, as 255 does in 32 bits; otherwise only the bias
  // differs.
  const uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | (wide_exponent << 23) | (mantissa << 13));
}

// Integers of 4 bits lie two a byte, the first in the low half.
std::vector<int8_t> UnpackInt4(std::span<const uint8_t> bytes, int64_t count) {
  std::vector<int8_t> values(count);
  for (int64_t i = 0; i < count; ++i) {
    const auto high = static_cast<int8_t>(i % 2 == 0 ? bytes[i / 2] << 4 : bytes[i / 2] & 0xf0);
    values[i] = static_cast<int8_t>(high >> 4);
  }
  return values;
}

// Without parameters, no values.
template <typename T>
std::optional<SharedBytes> Dequantize(const schema::TensorT& tensor, std::span<const T> codes) {
  if (tensor.quantization == nullptr || tensor.quantization->scale.empty()) return std::nullopt;
  const schema::QuantizationParametersT& params = *tensor.quantization;
  if (params.details.type != schema::QuantizationDetails_NONE) return std::nullopt;
  const int64_t num_scales = static_cast<int64_t>(params.scale.size());
  // They were checked against the shape that the file gives, which need not be the one inferred.
  const auto axis = static_cast<size_t>(params.quantized_dimension);
  if (num_scales > 1 && (axis >= tensor.shape.size() || tensor.shape[axis] != num_scales)) {
    return std::nullopt;
  }
  // Elements that share a scale lie together in runs along the quantized axis.
  const int64_t run =
      num_scales == 1 ? 1
                      : Product(std::span(tensor.shape).subspan(params.quantized_dimension + 1));
  std::vector<float> values(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t channel = (static_cast<int64_t>(i) / run) % num_scales;
    const int64_t zero_point = params.zero_point.empty()       ? 0
                               : params.zero_point.size() == 1 ? params.zero_point[0]
                                                               : params.zero_point[channel];
    values[i] = params.scale[channel] * static_cast<float>(int64_t{codes[i]} - zero_point);
  }
  return SharedBytes::OwnValues(std::span<const float>(values));
}

Folded FoldDequantize(const OperatorView& op, const Shape&) {
  const TensorIndex input = InputOf(op.op, 0);
  if (op.Input(0).type == schema::TensorType_FLOAT16) {
    return WidenFloat16(op.model.ConstantValues<uint16_t>(input));
  }
  return DequantizedValues(op.model, input);
}

Folded FoldFakeQuant(const OperatorView& op, const Shape&) {
  const auto* options = op.op.builtin_options.AsFakeQuantOptions();
  if (options == nullptr || OutputType(op) != schema::TensorType_FLOAT32) return std::nullopt;
  const std::span<const float> values = op.model.ConstantValues<float>(InputOf(op.op, 0));
  return SharedBytes::OwnValues<float>(CodesOf(*options).Round(values));
}

struct FoldRow {
  schema::BuiltinOperator type;
  FoldFunction function;
  bool needs_values = true;  // else shapes are enough
};

constexpr FoldRow kRows[] = {
    {schema::BuiltinOperator_SHAPE, FoldShape, /*needs_values=*/false},
    {schema::BuiltinOperator_RESHAPE, FoldSameBytes},
    {schema::BuiltinOperator_SQUEEZE, FoldSameBytes},
    {schema::BuiltinOperator_EXPAND_DIMS, FoldSameBytes},
    {schema::BuiltinOperator_STRIDED_SLICE, FoldStridedSlice},
    {schema::BuiltinOperator_SLICE, FoldSlice},
    {schema::BuiltinOperator_TRANSPOSE, FoldTranspose},
    {schema::BuiltinOperator_CONCATENATION, FoldConcatenation},
    {schema::BuiltinOperator_PACK, FoldPack},
    {schema::BuiltinOperator_GATHER, FoldGather},
    {schema::BuiltinOperator_FILL, FoldFill},
    {schema::BuiltinOperator_ADD, FoldArithmetic},
    {schema::BuiltinOperator_SUB, FoldArithmetic},
    {schema::BuiltinOperator_MUL, FoldArithmetic},
    {schema::BuiltinOperator_DIV, FoldArithmetic},
    {schema::BuiltinOperator_MAXIMUM, FoldArithmetic},
    {schema::BuiltinOperator_MINIMUM, FoldArithmetic},
    {schema::BuiltinOperator_FLOOR_DIV, FoldArithmetic},
    {schema::BuiltinOperator_FLOOR_MOD, FoldArithmetic},
    {schema::BuiltinOperator_REDUCE_PROD, FoldReduceProd},
    {schema::BuiltinOperator_CAST, FoldCast},
    {schema::BuiltinOperator_DEQUANTIZE, FoldDequantize},
    {schema::BuiltinOperator_FAKE_QUANT, FoldFakeQuant},
};

bool AllInputsKnown(const OperatorView& op) {
  for (int i = 0; i < op.num_inputs(); ++i) {
    if (!op.HasInput(i)) continue;
    if (!op.model.IsConstant(InputOf(op.op, i)) && NumElements(op.InputShape(i)) != 0) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::optional<SharedBytes>> FoldOperator(const Model& model,
                                                        const schema::OperatorT& source,
                                                        const Shape& output_shape) {
  const FoldRow* row = std::ranges::find(kRows, model.OperatorType(source), &FoldRow::type);
  const OperatorView op{model, source};
  if (row == std::end(kRows) || op.num_outputs() != 1) return std::nullopt;
  if (row->needs_values && !AllInputsKnown(op)) return std::nullopt;
  // Packed elements have no address of their own.
  if (ElementBytes(op) == 0) return std::nullopt;
  if (NumElements(output_shape) == 0) return SharedBytes();
  return row->function(op, output_shape);
}

int64_t FoldingBudgetBytes(const Model& model) {
  constexpr int64_t kReserveBytes = int64_t{256} << 20;
  constexpr int64_t kMostPerConstantByte = 4;
  int64_t constant_bytes = 0;
  for (const SharedBytes& buffer : model.buffers) {
    constant_bytes += static_cast<int64_t>(buffer.get().size());
  }
  return kReserveBytes + constant_bytes * kMostPerConstantByte;
}

std::optional<SharedBytes> DequantizedValues(const Model& model, TensorIndex constant) {
  const schema::TensorT& tensor = model.tensor(constant);
  switch (tensor.type) {
    case schema::TensorType_INT8:
      return Dequantize(tensor, model.ConstantValues<int8_t>(constant));
    case schema::TensorType_UINT8:
      return Dequantize(tensor, model.ConstantValues<uint8_t>(constant));
    case schema::TensorType_INT16:
      return Dequantize(tensor, model.ConstantValues<int16_t>(constant));
    case schema::TensorType_INT32:
      return Dequantize(tensor, model.ConstantValues<int32_t>(constant));
    case schema::TensorType_INT4: {
      const std::vector<int8_t> codes =
          UnpackInt4(model.ConstantBytes(constant), Product(tensor.shape));
      return Dequantize(tensor, std::span<const int8_t>(codes));
    }
    default:
      return std::nullopt;
  }
}

SharedBytes WidenFloat16(std::span<const uint16_t> values) {
  std::vector<float> wide(values.size());
  std::ranges::transform(values, wide.begin(), Float16ToFloat);
  return SharedBytes::OwnValues(std::span<const float>(wide));
}

}  // namespace octavo
