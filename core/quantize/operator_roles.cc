#include "core/quantize/operator_roles.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/calibrate/min_max.h"
#include "core/quantize/rounding.h"
#include "core/tflite/learned_params.h"

namespace octavo {
namespace {

bool IsActivationInput(const OperatorRow& row, int position) {
  if (row.activation_inputs == kAllInputs) return true;
  return position < 32 && (row.activation_inputs >> position & 1) != 0;
}

}  // namespace

const OperatorRow* RowOf(const Model& model, const schema::OperatorT& op) {
  return FindOperator(model.OperatorType(op));
}

bool IsFloat(const Model& model, TensorIndex tensor) {
  return tensor != kNoTensor && model.tensor(tensor).type == schema::TensorType_FLOAT32;
}

bool IsFloatConstant(const Model& model, TensorIndex tensor) {
  return IsFloat(model, tensor) && model.IsConstant(tensor);
}

bool IsFloatActivation(const Model& model, TensorIndex tensor) {
  return IsFloat(model, tensor) && !model.IsConstant(tensor);
}

std::vector<int> ActivationPositions(const Model& model, const schema::OperatorT& op,
                                     const OperatorRow& row) {
  std::vector<int> positions;
  for (int i = 0; i < static_cast<int>(op.inputs.size()); ++i) {
    if (IsActivationInput(row, i) && IsFloat(model, InputOf(op, i))) positions.push_back(i);
  }
  return positions;
}

std::vector<TensorIndex> FloatOutputs(const Model& model, const schema::OperatorT& op) {
  std::vector<TensorIndex> outputs;
  for (const int32_t output : op.outputs) {
    if (IsFloat(model, TensorIndex{output})) outputs.push_back(TensorIndex{output});
  }
  return outputs;
}

std::vector<int32_t> BorderTensors(const Model& model) {
  std::vector<int32_t> border = model.graph().inputs;
  border.insert(border.end(), model.graph().outputs.begin(), model.graph().outputs.end());
  return border;
}

bool HasWeights(const OperatorRow& row) { return row.weights_input >= 0; }

std::string WeightsProblem(const Model& model, const schema::OperatorT& op,
                           const OperatorRow& row) {
  const TensorIndex weights = InputOf(op, row.weights_input);
  if (!IsFloatConstant(model, weights)) return "float: its weights are no float32 constant";
  if (static_cast<int>(model.tensor(weights).shape.size()) <= row.weights_axis) {
    return "float: its weights have too few dimensions";
  }
  return "";
}

schema::TensorType StoredType(WeightType type) {
  return type == WeightType::kInt8 ? schema::TensorType_INT8 : schema::TensorType_INT4;
}

absl::string_view NameOf(WeightType type) { return type == WeightType::kInt8 ? "int8" : "int4"; }

bool FitsBlocks(const Model& model, const schema::OperatorT& op, const OperatorRow& row) {
  if (row.type != schema::BuiltinOperator_FULLY_CONNECTED) return false;
  const TensorIndex weights = InputOf(op, row.weights_input);
  if (model.tensor(weights).shape.back() % kWeightBlock != 0) return false;
  const std::optional<Range> range = FiniteRange(model.ConstantValues<float>(weights));
  return range.has_value() && std::max(-range->min, range->max) < kLargestFloat16;
}

QuantParams WeightParams(const Model& model, const schema::OperatorT& op, const OperatorRow& row,
                         WeightType type, bool per_channel) {
  const TensorIndex weights = InputOf(op, row.weights_input);
  if (type == WeightType::kInt4Blocks) {
    return BlockWeightParams(model.ConstantValues<float>(weights), kWeightBlock);
  }
  QuantParams params = SymmetricWeightParams(
      model.ConstantValues<float>(weights), model.tensor(weights).shape,
      per_channel ? row.weights_axis : -1, type == WeightType::kInt4 ? 7 : 127);
  const std::optional<LearnedParams> learned = LearnedParamsOf(model.tensor(weights));
  if (!learned || type != WeightType::kInt8) return params;
  for (float& scale : params.scales) {
    const bool fits = std::round(127 * (scale / learned->scale)) <= 127;
    if (fits) scale = learned->scale;
  }
  return params;
}

absl::Status CheckFinite(const Model& model, TensorIndex constant) {
  const std::span<const float> values = model.ConstantValues<float>(constant);
  if (values.empty() || FiniteRange(values).has_value()) return absl::OkStatus();
  const absl::string_view name = model.TensorName(constant);
  return WithReason(absl::InvalidArgumentError(absl::StrCat("constant '", name, "' is not finite")),
                    "NOT_FINITE", {{"tensor", std::string(name)}});
}

}  // namespace octavo
