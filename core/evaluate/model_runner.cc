#include "core/evaluate/model_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

struct Affine {
  float scale = 1;
  int64_t zero_point = 0;
};

// One scale for the whole tensor, as tensors at a model's border have it; nothing where it is not
// quantized.
std::optional<Affine> AffineOf(const schema::TensorT& tensor) {
  const auto* quantization = tensor.quantization.get();
  if (quantization == nullptr || quantization->scale.size() != 1 || !(quantization->scale[0] > 0)) {
    return std::nullopt;
  }
  const int64_t zero_point = quantization->zero_point.empty() ? 0 : quantization->zero_point[0];
  return Affine{quantization->scale[0], zero_point};
}

// How the values of an integer type become real numbers and come from them.
struct IntegerType {
  schema::TensorType type;
  absl::Status (*quantize)(std::span<const float> values, Affine affine, uint8_t* into);
  void (*dequantize)(std::span<const uint8_t> bytes, Affine affine, float* into);
};

template <typename T>
absl::Status Quantize(std::span<const float> values, Affine affine, uint8_t* into) {
  constexpr float kLowest = std::numeric_limits<T>::lowest();
  constexpr float kHighest = std::numeric_limits<T>::max();
  const auto zero_point = static_cast<float>(affine.zero_point);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return absl::InvalidArgumentError("is not finite");
    const float code = std::round(values[i] / affine.scale) + zero_point;
    const T stored = static_cast<T>(std::clamp(code, kLowest, kHighest));
    std::memcpy(into + i * sizeof(T), &stored, sizeof(T));
  }
  return absl::OkStatus();
}

template <typename T>
void Dequantize(std::span<const uint8_t> bytes, Affine affine, float* into) {
  const size_t count = bytes.size() / sizeof(T);
  for (size_t i = 0; i < count; ++i) {
    T stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(T), sizeof(T));
    into[i] = affine.scale * static_cast<float>(static_cast<int64_t>(stored) - affine.zero_point);
  }
}

template <typename T>
constexpr IntegerType Row(schema::TensorType type) {
  return {type, &Quantize<T>, &Dequantize<T>};
}

constexpr IntegerType kIntegerTypes[] = {Row<int8_t>(schema::TensorType_INT8),
                                         Row<uint8_t>(schema::TensorType_UINT8),
                                         Row<int16_t>(schema::TensorType_INT16)};

// Types of outputs that are integers by nature: classes, indices, masks.
constexpr IntegerType kPlainTypes[] = {
    {schema::TensorType_INT32, nullptr, &Dequantize<int32_t>},
    {schema::TensorType_INT64, nullptr, &Dequantize<int64_t>},
    {schema::TensorType_UINT32, nullptr, &Dequantize<uint32_t>},
    {schema::TensorType_BOOL, nullptr, &Dequantize<uint8_t>},
};

const IntegerType* FindType(std::span<const IntegerType> types, schema::TensorType type) {
  for (const IntegerType& row : types) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

absl::StatusOr<TensorValue> ConvertInput(const schema::TensorT& input, TensorValue value) {
  if (value.shape != input.shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", ShapeText(value.shape), ", the model takes ", ShapeText(input.shape)));
  }
  if (value.type == input.type) return value;
  const IntegerType* type = FindType(kIntegerTypes, input.type);
  const std::optional<Affine> affine = AffineOf(input);
  if (value.type != schema::TensorType_FLOAT32 || type == nullptr || !affine) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", TypeName(value.type), ", the model takes ", TypeName(input.type)));
  }
  TensorValue converted{input.type, value.shape, {}};
  const std::span<const float> values = value.values<float>();
  converted.bytes.resize(values.size() * static_cast<size_t>(ElementBits(input.type) / 8));
  RETURN_IF_ERROR(type->quantize(values, *affine, converted.bytes.data()));
  return converted;
}

}  // namespace

bool IsQuantizedInput(const schema::TensorT& input) {
  return FindType(kIntegerTypes, input.type) != nullptr && AffineOf(input).has_value();
}

absl::Status AppendReal(const schema::TensorT& tensor, const TensorView& output,
                        std::vector<float>& into) {
  const size_t bits = static_cast<size_t>(ElementBits(output.type));
  if (output.type == schema::TensorType_FLOAT32) {
    const std::span<const float> values = output.values<float>();
    into.insert(into.end(), values.begin(), values.end());
    return absl::OkStatus();
  }
  const IntegerType* type = FindType(kIntegerTypes, output.type);
  if (type == nullptr) type = FindType(kPlainTypes, output.type);
  if (type == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        "output '", tensor.name, "' is ", TypeName(output.type), ", which is not evaluated"));
  }
  const size_t begin = into.size();
  into.resize(begin + output.bytes.size() * 8 / bits);
  type->dequantize(output.bytes, AffineOf(tensor).value_or(Affine{}), &into[begin]);
  return absl::OkStatus();
}

absl::StatusOr<Example> ConvertInputs(const Model& model, Example example) {
  const std::vector<int32_t>& inputs = model.graph().inputs;
  if (example.size() != inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", example.size(), " values for ", inputs.size(), " inputs"));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const schema::TensorT& input = model.tensor(static_cast<TensorIndex>(inputs[i]));
    ASSIGN_OR_RETURN(example[i], ConvertInput(input, std::move(example[i])), "input '", input.name,
                     "'");
  }
  return example;
}

std::vector<int64_t> OutputSizes(const Model& model) {
  std::vector<int64_t> sizes;
  for (const int32_t output : model.graph().outputs) {
    sizes.push_back(NumElements(model.tensor(static_cast<TensorIndex>(output)).shape).value_or(0));
  }
  return sizes;
}

ModelRunner::ModelRunner(const Model& model, Backend backend)
    : model_(model),
      executors_([&model, backend] { return Executor::Create(model, {.backend = backend}); }) {}

absl::StatusOr<std::vector<float>> ModelRunner::Run(Example example) {
  ASSIGN_OR_RETURN(example, ConvertInputs(model_, std::move(example)));
  std::vector<TensorView> views;
  for (const TensorValue& value : example) views.push_back(value.view());
  ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, executors_.Take());
  RETURN_IF_ERROR(executor->Run(views));
  std::vector<float> outputs;
  for (int position = 0; position < executor->num_outputs(); ++position) {
    const auto tensor = static_cast<TensorIndex>(model_.graph().outputs[position]);
    RETURN_IF_ERROR(AppendReal(model_.tensor(tensor), executor->Output(position), outputs));
  }
  executors_.Return(std::move(executor));
  return outputs;
}

}  // namespace octavo
