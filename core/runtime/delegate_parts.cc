#include "core/runtime/delegate_parts.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>

#include "absl/strings/str_cat.h"
#include "core/runtime/weighted_operators.h"
#include "core/runtime/xnnpack_operators.h"
#include "core/runtime/xnnpack_view.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

bool IsConstantDequantize(const Model& model, const schema::OperatorT& op) {
  const TensorIndex input = InputOf(op, 0);
  return model.OperatorType(op) == schema::BuiltinOperator_DEQUANTIZE && input != kNoTensor &&
         OutputOf(op, 0) != kNoTensor && model.IsConstant(input);
}

// The delegate unpacks no int4.
bool IsUnpacked(const Model& model, const schema::OperatorT& op) {
  return IsConstantDequantize(model, op) &&
         model.tensor(InputOf(op, 0)).type != schema::TensorType_INT4;
}

// The delegate unpacks constants behind DEQUANTIZE once and has them as constants then: so have
// they here, of zeros, whose bytes all of them share.
Model WithConstantsUnpacked(const Model& model) {
  Model unpacked = model;
  int64_t most = 0;
  std::vector<TensorIndex> outputs;
  for (const auto& op : model.graph().operators) {
    if (!IsUnpacked(model, *op)) continue;
    // As many as the input has: a file may say anything about the output.
    schema::TensorT& output = unpacked.tensor(OutputOf(*op, 0));
    output.shape = model.tensor(InputOf(*op, 0)).shape;
    outputs.push_back(OutputOf(*op, 0));
    most = std::max(most, TensorBytes(output.type, output.shape).value_or(0));
  }
  const auto zeros = std::make_shared<const std::vector<uint8_t>>(static_cast<size_t>(most));
  for (const TensorIndex output : outputs) {
    schema::TensorT& tensor = unpacked.tensor(output);
    const int64_t bytes = TensorBytes(tensor.type, tensor.shape).value_or(0);
    tensor.buffer = static_cast<uint32_t>(unpacked.buffers.size());
    unpacked.tables.buffers.push_back(std::make_unique<schema::BufferT>());
    unpacked.buffers.emplace_back(zeros, std::span(*zeros).first(static_cast<size_t>(bytes)));
  }
  return unpacked;
}

bool IsConstantShape(const Model& model, TensorIndex tensor) {
  return tensor == kNoTensor || model.IsConstant(tensor);
}

// Whether the sizes that an operator works with stand in the model, and are not computed.
bool HasConstantSizes(const Model& model, const schema::OperatorT& op) {
  switch (model.OperatorType(op)) {
    case schema::BuiltinOperator_RESHAPE:
      return IsConstantShape(model, InputOf(op, 1));
    case schema::BuiltinOperator_TRANSPOSE_CONV:
      return IsConstantShape(model, InputOf(op, 0));
    default:
      return true;
  }
}

// What the delegate has and this library runs itself.

bool TakesBatchMatmul(const XnnpackView& op) {
  if (!op.HasInputs(2, 2)) return false;
  const auto type = CommonType(op, {op.in(0), op.in(1), op.out()});
  if (!type) return false;
  return !IsQuantized(type) || ZeroPointOf(op.tensor(op.in(1))) == 0;
}

bool TakesReduction(const XnnpackView& op) {
  return op.HasInputs(2, 2) && CommonType(op, {op.in(0), op.out()}) && op.Integers(op.in(1));
}

bool TakesSelection(const XnnpackView& op) {
  return TakesReduction(op) && SameQuantization(op.tensor(op.in(0)), op.tensor(op.out()));
}

bool TakesFloat(const XnnpackView& op) {
  return op.HasInputs(1, 1) && CommonType(op, {op.in(0), op.out()}) == xnn_datatype_fp32;
}

// A size of -1: all that is behind the start.
bool HasOpenSize(const XnnpackView& op) {
  const auto sizes = op.Integers(op.in(2));
  return !sizes || std::ranges::any_of(*sizes, [](int64_t size) { return size < 0; });
}

// Weights of two in a byte need whole bytes a row.
bool TakesInt4FullyConnected(const XnnpackView& op) {
  if (!op.HasInputs(2, 3) || !op.model.IsConstant(op.in(1))) return false;
  const schema::TensorT& weights = op.tensor(op.in(1));
  return weights.type == schema::TensorType_INT4 && weights.shape.size() == 2 &&
         weights.shape[1] % 2 == 0 && CommonType(op, {op.in(0), op.out()}) == xnn_datatype_fp32;
}

bool TakesCustom(const XnnpackView& op) {
  return op.model.OperatorName(op.op) == "Convolution2DTransposeBias";
}

// What this library gives to XNNPACK and the delegate leaves: QUANTIZE from uint8 to int8 and back.
bool LeavesQuantize(const XnnpackView& op) {
  const schema::TensorType from = op.tensor(op.in(0)).type;
  return from != schema::TensorType_FLOAT32 && from != op.tensor(op.out()).type;
}

// Whether only the bias is behind a DEQUANTIZE, not the weights, which the delegate leaves.
bool HasOnlyBiasUnpacked(const Model& written, const schema::OperatorT& op) {
  const OperatorRow* row = FindOperator(written.OperatorType(op));
  if (row == nullptr || row->weights_input < 0 || row->bias_input < 0) return false;
  const TensorIndex bias = InputOf(op, row->bias_input);
  return bias != kNoTensor && !written.IsConstant(bias) &&
         written.IsConstant(InputOf(op, row->weights_input));
}

// `written` is the model, `model` the same with its constants unpacked.
bool IsTaken(const Model& written, const Model& model, const schema::OperatorT& op) {
  if (!HasConstantSizes(model, op) || HasOnlyBiasUnpacked(written, op)) return false;
  if (IsConstantDequantize(written, op)) return IsUnpacked(written, op);
  const XnnpackView view{model, op};
  switch (model.OperatorType(op)) {
    case schema::BuiltinOperator_BATCH_MATMUL:
      return TakesBatchMatmul(view);
    case schema::BuiltinOperator_REDUCE_MAX:
    case schema::BuiltinOperator_REDUCE_MIN:
      return TakesSelection(view);
    case schema::BuiltinOperator_MEAN:
    case schema::BuiltinOperator_SUM:
      return TakesReduction(view);
    case schema::BuiltinOperator_COS:
    case schema::BuiltinOperator_GELU:
    case schema::BuiltinOperator_SIN:
      return TakesFloat(view);
    case schema::BuiltinOperator_EXPAND_DIMS:
    case schema::BuiltinOperator_SQUEEZE:
      return false;
    case schema::BuiltinOperator_SLICE:
      if (HasOpenSize(view)) return false;
      break;
    case schema::BuiltinOperator_CUSTOM:
      return TakesCustom(view);
    case schema::BuiltinOperator_FULLY_CONNECTED:
      if (TakesInt4FullyConnected(view)) return true;
      break;
    default:
      break;
  }
  const std::optional<XnnpackNode> node = PlanXnnpackNode(model, op);
  if (!node.has_value()) {
    const std::optional<WeightedPlan> plan = PlanWeightedOperator(view);
    return plan.has_value() && plan->is_dynamic;
  }
  const bool is_left =
      model.OperatorType(op) == schema::BuiltinOperator_QUANTIZE && LeavesQuantize(view);
  return node->as_litert && !is_left;
}

// A constant that only plain kernels read is unpacked by one.
void LeaveConstantsOfOthers(const Model& model, std::vector<bool>& taken) {
  std::vector<bool> is_read(model.graph().tensors.size());
  for (size_t i = 0; i < taken.size(); ++i) {
    if (!taken[i]) continue;
    for (const int32_t input : model.graph().operators[i]->inputs) {
      if (input >= 0) is_read[input] = true;
    }
  }
  for (size_t i = 0; i < taken.size(); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    if (IsUnpacked(model, op)) taken[i] = is_read[static_cast<int>(OutputOf(op, 0))];
  }
}

schema::TensorType TypeOf(const Model& model, TensorIndex tensor) {
  return tensor == kNoTensor ? schema::TensorType_FLOAT32 : model.tensor(tensor).type;
}

std::string WhyNot(const Model& written, const Model& model, const schema::OperatorT& op) {
  if (HasOnlyBiasUnpacked(written, op)) return "a bias in float16 behind weights in float32";
  if (!HasConstantSizes(model, op)) return "the shape of its output is computed while running";
  const OperatorRow* row = FindOperator(model.OperatorType(op));
  const uint32_t activations = row == nullptr ? 1 : row->activation_inputs;
  const int input = activations == 0 ? 0 : std::countr_zero(activations);
  const schema::TensorType from = TypeOf(model, InputOf(op, input));
  const schema::TensorType to = TypeOf(model, OutputOf(op, 0));
  if (row != nullptr && row->weights_input >= 0 && from == schema::TensorType_FLOAT32) {
    const schema::TensorType weights = TypeOf(model, InputOf(op, row->weights_input));
    if (!model.IsConstant(InputOf(op, row->weights_input)))
      return "its weights are unpacked while running";
    if (weights != from) {
      return absl::StrCat("no XNNPACK kernel of FLOAT32 activations with ", TypeName(weights),
                          " weights");
    }
  }
  if (from == to) return absl::StrCat("no XNNPACK kernel of this kind in ", TypeName(from));
  return absl::StrCat("no XNNPACK kernel from ", TypeName(from), " to ", TypeName(to));
}

// Operators that have all their inputs, the first first.
using ReadyOperators = std::priority_queue<int, std::vector<int>, std::greater<>>;

// Which operators wait for which.
class Waiting {
 public:
  explicit Waiting(const Model& model)
      : missing_(model.graph().operators.size()), consumers_(model.graph().operators.size()) {
    std::vector<int> producers(model.graph().tensors.size(), -1);
    const auto& operators = model.graph().operators;
    for (int index = 0; index < static_cast<int>(operators.size()); ++index) {
      for (const int32_t input : operators[index]->inputs) {
        if (input < 0 || producers[input] < 0) continue;
        ++missing_[index];
        consumers_[producers[input]].push_back(index);
      }
      for (const int32_t output : operators[index]->outputs) {
        if (output >= 0) producers[output] = index;
      }
    }
  }

  bool IsReady(int index) const { return missing_[index] == 0; }
  template <typename Add>
  void Finish(int index, Add add_ready) {
    for (const int consumer : consumers_[index]) {
      if (--missing_[consumer] == 0) add_ready(consumer);
    }
  }

 private:
  std::vector<int> missing_;
  std::vector<std::vector<int>> consumers_;
};

// The epochs in their order: whether each is the delegate's, and which one an operator is in.
struct Epochs {
  std::vector<bool> are_taken;
  std::vector<int> of_operators;
};

Epochs FindEpochs(const Model& model, const std::vector<bool>& taken) {
  Waiting waiting(model);
  ReadyOperators ready[2];
  const auto add = [&](int index) { ready[taken[index] ? 1 : 0].push(index); };
  for (int index = 0; index < static_cast<int>(taken.size()); ++index) {
    if (waiting.IsReady(index)) add(index);
  }
  Epochs epochs{.are_taken = {}, .of_operators = std::vector<int>(taken.size())};
  while (!ready[0].empty() || !ready[1].empty()) {
    const bool is_taken =
        ready[0].empty() || (!ready[1].empty() && ready[1].top() < ready[0].top());
    ReadyOperators& same = ready[is_taken ? 1 : 0];
    while (!same.empty()) {
      const int index = same.top();
      same.pop();
      epochs.of_operators[index] = static_cast<int>(epochs.are_taken.size());
      waiting.Finish(index, add);
    }
    epochs.are_taken.push_back(is_taken);
  }
  return epochs;
}

}  // namespace

DelegateParts EstimateDelegateParts(const Model& model) {
  const Model unpacked = WithConstantsUnpacked(model);
  std::vector<bool> taken;
  for (const auto& op : unpacked.graph().operators) taken.push_back(IsTaken(model, unpacked, *op));
  LeaveConstantsOfOthers(model, taken);
  const Epochs epochs = FindEpochs(model, taken);
  const auto& kinds = epochs.are_taken;
  const auto first = std::ranges::find(kinds, true) - kinds.begin();
  const auto last = kinds.rend() - std::find(kinds.rbegin(), kinds.rend(), true) - 1;

  DelegateParts result;
  result.parts = static_cast<int>(std::ranges::count(kinds, true));
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) continue;
    const int epoch = epochs.of_operators[i];
    result.undelegated.push_back({.index = static_cast<int>(i),
                                  .why = WhyNot(model, unpacked, *model.graph().operators[i]),
                                  .breaks = epoch > first && epoch < last});
  }
  return result;
}

}  // namespace octavo
