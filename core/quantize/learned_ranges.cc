#include "core/quantize/learned_ranges.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/calibrate/min_max.h"
#include "core/quantize/operator_roles.h"
#include "core/tflite/learned_params.h"

namespace octavo {
namespace {

std::set<TensorIndex> FloatActivations(const Model& model) {
  std::set<TensorIndex> activations;
  const auto add = [&](int32_t tensor) {
    if (IsFloatActivation(model, TensorIndex{tensor})) activations.insert(TensorIndex{tensor});
  };
  for (const int32_t input : model.graph().inputs) add(input);
  for (const auto& op : model.graph().operators) {
    for (const int32_t output : op->outputs) add(output);
  }
  return activations;
}

std::vector<TensorIndex> ActivationInputs(const Model& model, const schema::OperatorT& op,
                                          const OperatorRow& row) {
  std::vector<TensorIndex> inputs;
  for (const int position : ActivationPositions(model, op, row)) {
    if (!model.IsConstant(InputOf(op, position))) inputs.push_back(InputOf(op, position));
  }
  return inputs;
}

// Of all of them together; nothing where one has none.
std::optional<Range> RangeOfAll(const TensorRanges& ranges,
                                const std::vector<TensorIndex>& tensors) {
  std::optional<Range> all;
  for (const TensorIndex tensor : tensors) {
    const auto place = ranges.find(tensor);
    if (place == ranges.end()) return std::nullopt;
    all = all ? Union(*all, place->second) : place->second;
  }
  return all;
}

Range RangeOf(const LearnedParams& params) { return {params.min(), params.max()}; }

// What `op` says of its outputs: their range.
std::optional<Range> OutputRange(const Model& model, const TensorRanges& ranges,
                                 const schema::OperatorT& op, const OperatorRow& row) {
  switch (row.output_scale) {
    case OutputScale::kFixed:
      return RangeOf({row.fixed_int8.scale, row.fixed_int8.zero_point});
    case OutputScale::kAsInput:
    case OutputScale::kAllTheSame:
      return RangeOfAll(ranges, ActivationInputs(model, op, row));
    default:
      return std::nullopt;
  }
}

// One way: what follows for the outputs of all operators, first to last, and for the inputs of
// those that move values, last to first.
void Derive(const Model& model, TensorRanges& ranges) {
  const auto& operators = model.graph().operators;
  for (const auto& op : operators) {
    const OperatorRow* row = RowOf(model, *op);
    const auto range = row == nullptr ? std::nullopt : OutputRange(model, ranges, *op, *row);
    if (!range) continue;
    for (const TensorIndex output : FloatOutputs(model, *op)) ranges.emplace(output, *range);
  }
  for (auto op = operators.rbegin(); op != operators.rend(); ++op) {
    const OperatorRow* row = RowOf(model, **op);
    if (row == nullptr || row->output_scale != OutputScale::kAsInput) continue;
    const auto range = RangeOfAll(ranges, FloatOutputs(model, **op));
    if (!range) continue;
    for (const TensorIndex input : ActivationInputs(model, **op, *row)) {
      ranges.emplace(input, *range);
    }
  }
}

}  // namespace

TensorRanges WithLearnedRanges(const Model& model, TensorRanges measured) {
  bool has_learned = false;
  for (const TensorIndex tensor : FloatActivations(model)) {
    const std::optional<LearnedParams> params = LearnedParamsOf(model.tensor(tensor));
    if (!params) continue;
    measured[tensor] = RangeOf(*params);
    has_learned = true;
  }
  if (has_learned) Derive(model, measured);
  return measured;
}

LearnedCount CountLearned(const Model& model) {
  const TensorRanges known = WithLearnedRanges(model, {});
  LearnedCount count;
  for (const TensorIndex tensor : FloatActivations(model)) {
    ++count.activations;
    if (LearnedParamsOf(model.tensor(tensor))) ++count.learned;
    if (!known.contains(tensor)) ++count.without_range;
  }
  return count;
}

}  // namespace octavo
