#include "core/quantize/change_io.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/passes.h"
#include "core/quantize/conversion.h"
#include "core/tflite/tensor_value.h"

namespace octavo {
namespace {

bool IsQuantized(const schema::TensorT& tensor) {
  return tensor.quantization != nullptr && tensor.quantization->scale.size() == 1 &&
         tensor.quantization->scale[0] > 0;
}

void TakeForm(const schema::TensorT& from, schema::TensorT& to) {
  to.type = from.type;
  to.quantization = from.quantization == nullptr
                        ? nullptr
                        : std::make_unique<schema::QuantizationParametersT>(*from.quantization);
}

class IoChanger {
 public:
  IoChanger(const Model& model, schema::TensorType type) : result_(model), type_(type) {}

  absl::StatusOr<Model> Change() && {
    const std::vector<int32_t> inputs = result_.graph().inputs;
    const std::vector<int32_t> outputs = result_.graph().outputs;
    for (const int32_t input : inputs) {
      if (!IsReal(input)) continue;
      StripInput(input);
      RETURN_IF_ERROR(ConvertInput(input));
    }
    for (const int32_t output : outputs) {
      if (!IsReal(output)) continue;
      StripOutput(output);
      RETURN_IF_ERROR(ConvertOutput(output));
    }
    return RemoveUnused(result_);
  }

 private:
  schema::TensorT& Tensor(int32_t index) { return *result_.graph().tensors[index]; }
  auto& operators() { return result_.graph().operators; }

  // Whether it stands for real numbers; others are integers by nature.
  bool IsReal(int32_t index) {
    const schema::TensorT& tensor = Tensor(index);
    return tensor.type == schema::TensorType_FLOAT32 || IsQuantized(tensor);
  }

  bool IsConversion(const schema::OperatorT& op) const {
    const schema::BuiltinOperator type = result_.OperatorType(op);
    return type == schema::BuiltinOperator_QUANTIZE || type == schema::BuiltinOperator_DEQUANTIZE;
  }

  bool IsOutput(int32_t tensor) const {
    return std::ranges::count(result_.graph().outputs, tensor) > 0;
  }

  void ReplaceReads(int32_t from, int32_t to) {
    for (const auto& op : operators()) std::ranges::replace(op->inputs, from, to);
  }

  // The one operator that reads the input, where it quantizes it, takes its output's place.
  void StripInput(int32_t input) {
    const auto reads = [&](const auto& op) { return std::ranges::count(op->inputs, input) > 0; };
    const auto reader = std::ranges::find_if(operators(), reads);
    if (IsOutput(input) || std::ranges::count_if(operators(), reads) != 1 ||
        !IsConversion(**reader)) {
      return;
    }
    const int32_t inner = (*reader)->outputs[0];
    if (IsOutput(inner) || !IsQuantized(Tensor(inner))) return;
    TakeForm(Tensor(inner), Tensor(input));
    operators().erase(reader);
    ReplaceReads(inner, input);
  }

  void StripOutput(int32_t output) {
    const auto makes = [](int32_t tensor) {
      return [tensor](const auto& op) { return std::ranges::count(op->outputs, tensor) > 0; };
    };
    const auto maker = std::ranges::find_if(operators(), makes(output));
    if (maker == operators().end() || !IsConversion(**maker)) return;
    const int32_t inner = (*maker)->inputs[0];
    const bool is_read = std::ranges::any_of(
        operators(), [&](const auto& op) { return std::ranges::count(op->inputs, output) > 0; });
    // What an operator makes, that is neither an output itself.
    if (is_read || IsOutput(inner) || !IsQuantized(Tensor(inner)) ||
        std::ranges::none_of(operators(), makes(inner))) {
      return;
    }
    TakeForm(Tensor(inner), Tensor(output));
    operators().erase(maker);
    for (const auto& op : operators()) std::ranges::replace(op->outputs, inner, output);
    ReplaceReads(inner, output);
  }

  // Whether one QUANTIZE or DEQUANTIZE lies between the two.
  static bool AreNear(schema::TensorType a, schema::TensorType b) {
    if (a == schema::TensorType_FLOAT32 || b == schema::TensorType_FLOAT32) return true;
    return a != schema::TensorType_INT16 && b != schema::TensorType_INT16;
  }

  absl::Status CheckForm(int32_t border) {
    const schema::TensorT& tensor = Tensor(border);
    if (tensor.type == schema::TensorType_FLOAT32) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "'", tensor.name, "' is float inside the model: it has no scale for ",
                            TypeName(type_))),
                        "OP_UNSUPPORTED", {{"tensor", tensor.name}});
    }
    if (!AreNear(tensor.type, type_)) {
      return WithReason(absl::FailedPreconditionError(
                            absl::StrCat("'", tensor.name, "' is ", TypeName(tensor.type),
                                         " inside the model: it cannot be ", TypeName(type_))),
                        "OP_UNSUPPORTED", {{"tensor", tensor.name}});
    }
    return absl::OkStatus();
  }

  // A new tensor in the form that the border has inside; the border gets the form that is wanted.
  int32_t MoveInside(int32_t border) {
    schema::TensorT inner = Tensor(border);
    absl::StrAppend(&inner.name, "_quantized");
    const auto index = static_cast<int32_t>(result_.AddTensor(std::move(inner), SharedBytes()));
    schema::TensorT& outer = Tensor(border);
    if (type_ == schema::TensorType_FLOAT32) {
      outer.quantization = nullptr;
    } else if (outer.type != type_) {
      const int64_t shift = type_ == schema::TensorType_UINT8 ? 128 : -128;
      std::vector<int64_t>& zero_point = outer.quantization->zero_point;
      zero_point.resize(1);
      zero_point[0] += shift;
    }
    outer.type = type_;
    return index;
  }

  absl::Status ConvertInput(int32_t input) {
    if (Tensor(input).type == type_) return absl::OkStatus();
    RETURN_IF_ERROR(CheckForm(input));
    const int32_t inner = MoveInside(input);
    ReplaceReads(input, inner);
    operators().insert(operators().begin(),
                       Conversion(TensorIndex{input}, TensorIndex{inner}, result_));
    return absl::OkStatus();
  }

  absl::Status ConvertOutput(int32_t output) {
    if (Tensor(output).type == type_) return absl::OkStatus();
    RETURN_IF_ERROR(CheckForm(output));
    const int32_t inner = MoveInside(output);
    for (const auto& op : operators()) std::ranges::replace(op->outputs, output, inner);
    ReplaceReads(output, inner);
    operators().push_back(Conversion(TensorIndex{inner}, TensorIndex{output}, result_));
    return absl::OkStatus();
  }

  Model result_;
  const schema::TensorType type_;
};

}  // namespace

absl::StatusOr<Model> ChangeIo(const Model& model, schema::TensorType type) {
  return IoChanger(model, type).Change();
}

}  // namespace octavo
