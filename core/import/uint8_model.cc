#include "core/import/uint8_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/constant_folding.h"
#include "core/tflite/fake_quant.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

bool HasScales(const schema::TensorT& tensor) {
  return tensor.quantization != nullptr && !tensor.quantization->scale.empty();
}

bool IsUint8(const schema::TensorT& tensor) {
  return tensor.type == schema::TensorType_UINT8 && HasScales(tensor);
}

bool IsConversion(schema::BuiltinOperator type) {
  return type == schema::BuiltinOperator_QUANTIZE || type == schema::BuiltinOperator_DEQUANTIZE;
}

LearnedParams AsInt8(const schema::TensorT& tensor) {
  const schema::QuantizationParametersT& params = *tensor.quantization;
  return LearnedParams::OfUnsigned(params.scale[0],
                                   params.zero_point.empty() ? 0 : params.zero_point[0]);
}

class Converter {
 public:
  explicit Converter(const Model& model)
      : source_(model),
        result_(model),
        fake_quant_code_(result_.OperatorCodeIndex(schema::BuiltinOperator_FAKE_QUANT, 1)),
        outputs_(model.graph().outputs.begin(), model.graph().outputs.end()),
        budget_bytes_(FoldingBudgetBytes(model)) {}

  absl::StatusOr<Model> Convert() && {
    for (int32_t i = 0; i < static_cast<int32_t>(source_.graph().tensors.size()); ++i) {
      RETURN_IF_ERROR(ConvertTensor(TensorIndex{i}), "tensor '",
                      ShortName(source_.TensorName(TensorIndex{i})), "'");
    }
    result_.graph().operators.clear();
    for (const int32_t input : source_.graph().inputs) RoundReads(TensorIndex{input});
    for (const auto& op : source_.graph().operators) {
      RETURN_IF_ERROR(ConvertOperator(*op), source_.OperatorName(*op), " of tensor '",
                      ShortName(source_.TensorName(OutputOf(*op, 0))), "'");
    }
    return std::move(result_);
  }

 private:
  absl::Status ConvertTensor(TensorIndex index) {
    const schema::TensorT& tensor = source_.tensor(index);
    if (!IsUint8(tensor)) return absl::OkStatus();
    if (source_.IsConstant(index)) {
      Widen(index);
      return absl::OkStatus();
    }
    if (tensor.quantization->scale.size() != 1) {
      return WithReason(absl::FailedPreconditionError("an activation of several scales"),
                        "OP_UNSUPPORTED");
    }
    const LearnedParams params = AsInt8(tensor);
    schema::FakeQuantOptionsT options;
    options.min = params.min();
    options.max = params.max();
    options.num_bits = 8;
    if (absl::Status status = CheckFakeQuant(options); !status.ok()) {
      return WithReason(status, "MODEL_MALFORMED");
    }
    rounding_.emplace(index, options);
    result_.tensor(index).type = schema::TensorType_FLOAT32;
    SetLearnedParams(params, result_.tensor(index));
    return absl::OkStatus();
  }

  // A constant becomes what its codes stand for; one too many, or with scales that are none, stays,
  // and does not fit its operator.
  void Widen(TensorIndex index) {
    budget_bytes_ -= NumElements(source_.tensor(index).shape).value_or(0) * int64_t{sizeof(float)};
    if (budget_bytes_ < 0) return;
    std::optional<SharedBytes> values = DequantizedValues(source_, index);
    if (!values) return;
    const uint32_t buffer = result_.AddBuffer(*std::move(values));
    schema::TensorT& tensor = result_.tensor(index);
    const bool is_uint8 = tensor.type == schema::TensorType_UINT8;
    tensor.type = schema::TensorType_FLOAT32;
    tensor.buffer = buffer;
    if (is_uint8 && tensor.quantization->scale.size() == 1 &&
        std::isnormal(tensor.quantization->scale[0])) {
      SetLearnedParams(AsInt8(tensor), tensor);
    } else {
      tensor.quantization = nullptr;
    }
  }

  absl::Status ConvertOperator(const schema::OperatorT& op) {
    const schema::BuiltinOperator type = source_.OperatorType(op);
    if (IsConversion(type)) return ConvertConversion(op);
    const auto is_rounded = [&](int32_t tensor) { return rounding_.contains(TensorIndex{tensor}); };
    if (type == schema::BuiltinOperator_CAST &&
        (IsUint8(source_.tensor(InputOf(op, 0))) || IsUint8(source_.tensor(OutputOf(op, 0))))) {
      return WithReason(
          absl::FailedPreconditionError("it takes the codes of a uint8 tensor for numbers"),
          "OP_UNSUPPORTED");
    }
    if (const OperatorRow* row = FindOperator(type); row != nullptr && row->bias_input >= 0) {
      WidenBias(InputOf(op, row->bias_input));
    }
    auto converted = std::make_unique<schema::OperatorT>(op);
    for (int32_t& input : converted->inputs) input = Read(input);
    std::vector<std::pair<int32_t, int32_t>> outputs;  // to be rounded, and where to
    for (int32_t& output : converted->outputs) {
      if (is_rounded(output) && IsOutput(output)) {
        const int32_t rounded = std::exchange(output, NewTensor(TensorIndex{output}));
        outputs.emplace_back(output, rounded);
      }
    }
    const std::vector<int32_t> made = op.outputs;
    result_.graph().operators.push_back(std::move(converted));
    for (const auto& [from, to] : outputs) Round(from, to, rounding_.at(TensorIndex{to}));
    for (const int32_t output : made) {
      if (!IsOutput(output)) RoundReads(TensorIndex{output});
    }
    return absl::OkStatus();
  }

  // A QUANTIZE rounds to its output's codes; a DEQUANTIZE gives values that are rounded to its
  // input's.
  absl::Status ConvertConversion(const schema::OperatorT& op) {
    const TensorIndex input = InputOf(op, 0);
    const TensorIndex output = OutputOf(op, 0);
    for (const TensorIndex codes : {output, input}) {
      const auto options = rounding_.find(codes);
      if (options == rounding_.end()) continue;
      SetLearnedParams(AsInt8(source_.tensor(codes)), result_.tensor(output));
      Round(Read(static_cast<int32_t>(input)), static_cast<int32_t>(output), options->second);
      return absl::OkStatus();
    }
    if (IsUint8(source_.tensor(input)) && !IsOutput(static_cast<int32_t>(output))) {
      reads_[static_cast<int32_t>(output)] = static_cast<int32_t>(input);  // a constant
      return absl::OkStatus();
    }
    result_.graph().operators.push_back(std::make_unique<schema::OperatorT>(op));
    return absl::OkStatus();
  }

  void WidenBias(TensorIndex bias) {
    if (bias == kNoTensor || !source_.IsConstant(bias)) return;
    const schema::TensorT& tensor = result_.tensor(bias);
    if (tensor.type == schema::TensorType_INT32 && HasScales(tensor)) Widen(bias);
  }

  bool IsOutput(int32_t tensor) const { return outputs_.contains(tensor); }

  int32_t Read(int32_t tensor) const {
    const auto rounded = reads_.find(tensor);
    return rounded == reads_.end() ? tensor : rounded->second;
  }

  int32_t NewTensor(TensorIndex like) {
    schema::TensorT tensor = result_.tensor(like);
    absl::StrAppend(&tensor.name, "_float");
    return static_cast<int32_t>(result_.AddTensor(std::move(tensor), SharedBytes()));
  }

  void RoundReads(TensorIndex tensor) {
    const auto options = rounding_.find(tensor);
    if (options == rounding_.end()) return;
    const auto from = static_cast<int32_t>(tensor);
    reads_[from] = NewTensor(tensor);
    Round(from, reads_[from], options->second);
  }

  void Round(int32_t from, int32_t to, const schema::FakeQuantOptionsT& options) {
    auto op = std::make_unique<schema::OperatorT>();
    op->opcode_index = fake_quant_code_;
    op->inputs = {from};
    op->outputs = {to};
    op->builtin_options.Set(schema::FakeQuantOptionsT(options));
    result_.graph().operators.push_back(std::move(op));
  }

  const Model& source_;
  Model result_;
  const uint32_t fake_quant_code_;
  const std::set<int32_t> outputs_;
  int64_t budget_bytes_;
  std::map<TensorIndex, schema::FakeQuantOptionsT> rounding_;  // of uint8 activations
  std::map<int32_t, int32_t> reads_;
};

}  // namespace

bool IsUint8Model(const Model& model) {
  bool computes_uint8 = false;
  for (const auto& op : model.graph().operators) {
    const bool is_conversion = IsConversion(model.OperatorType(*op));
    for (const int32_t output : op->outputs) {
      const schema::TensorT& tensor = *model.graph().tensors[output];
      if (!HasScales(tensor)) continue;
      const schema::TensorType type = tensor.type;
      if (type == schema::TensorType_INT8 || type == schema::TensorType_INT16) return false;
      computes_uint8 |= type == schema::TensorType_UINT8 && !is_conversion;
    }
  }
  return computes_uint8;
}

absl::StatusOr<Model> Uint8AsFloat(const Model& model) { return Converter(model).Convert(); }

}  // namespace octavo
