#include "core/quantize/plan_static.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/quantize/decide_operators.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/settle_params.h"
#include "core/quantize/static_form.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// An operator of weights whose output steps are so fine that one step of an input times one of the
// weights is this many of them. Its values would be noise, and XNNPACK refuses to run it: LiteRT
// could not even load the file.
constexpr double kLargestRequantization = 256;

bool IsTooCoarse(const Model& model, const QuantPlan& plan, int i, const OperatorRow& row) {
  const schema::OperatorT& op = *model.graph().operators[i];
  const IntegerForm output{FloatOutputs(model, op)[0], schema::TensorType_INT8};
  const double output_scale = plan.activations.at(output).scales[0];
  // The bias has input scale times weight scale.
  const std::vector<float>& products = plan.constants.at({i, row.bias_input}).params.scales;
  return *std::ranges::max_element(products) / output_scale >= kLargestRequantization;
}

// Leaves those that `settled` shows to be such in float; whether there are any. Int16 is as fine as
// that, and XNNPACK has none of it.
bool LeaveTooCoarseFloat(const Model& model, const QuantPlan& settled, QuantPlan* plan) {
  bool found = false;
  for (int i = 0; i < static_cast<int>(settled.operators.size()); ++i) {
    const OperatorDecision& decision = settled.operators[i];
    if (!decision.quantized || decision.activation_type != schema::TensorType_INT8) continue;
    const OperatorRow& row = *RowOf(model, *model.graph().operators[i]);
    if (!HasWeights(row) || row.bias_input < 0 || !IsTooCoarse(model, settled, i, row)) continue;
    LeaveFloat(model, i, "its output is too small beside its input and weights for int8", plan);
    found = true;
  }
  return found;
}

// LiteRT's int16 LOGISTIC and TANH take an input scale times 12,288 that fits 16 bits.
constexpr double kLargestSigmoidScale = 32768.0 / 12288;

// Leaves those whose input's scale in `settled` is none such in float; whether there are any.
bool LeaveWideSigmoidsFloat(const Model& model, const QuantPlan& settled, QuantPlan* plan) {
  bool found = false;
  for (int i = 0; i < static_cast<int>(settled.operators.size()); ++i) {
    const OperatorDecision& decision = settled.operators[i];
    if (!decision.quantized || decision.activation_type != schema::TensorType_INT16) continue;
    const schema::OperatorT& op = *model.graph().operators[i];
    const schema::BuiltinOperator type = model.OperatorType(op);
    if (type != schema::BuiltinOperator_LOGISTIC && type != schema::BuiltinOperator_TANH) continue;
    const auto input = settled.activations.find({InputOf(op, 0), schema::TensorType_INT16});
    if (input == settled.activations.end() || input->second.scales[0] < kLargestSigmoidScale) {
      continue;
    }
    LeaveFloat(model, i, "its input's range is too wide for int16", plan);
    found = true;
  }
  return found;
}

// What an input of a join keeps of the codes that all its inputs share.
struct ScarceInput {
  TensorIndex tensor = kNoTensor;
  double codes = 0;
};

// The input of CONCATENATION or PACK `i` that keeps the fewest codes.
ScarceInput ScarcestInput(const Model& model, const TensorRanges& ranges, const QuantPlan& settled,
                          int i) {
  const schema::OperatorT& op = *model.graph().operators[i];
  const IntegerForm output{FloatOutputs(model, op)[0], settled.operators[i].activation_type};
  const double scale = settled.activations.at(output).scales[0];
  ScarceInput scarcest{.codes = std::numeric_limits<double>::infinity()};
  for (const int position : ActivationPositions(model, op, *RowOf(model, op))) {
    const TensorIndex input = InputOf(op, position);
    const auto range = ranges.find(input);
    if (range == ranges.end()) continue;
    const double width =
        double{std::max(range->second.max, 0.0f)} - std::min(range->second.min, 0.0f);
    // A branch of nothing but zeros needs no codes.
    if (width > 0 && width / scale < scarcest.codes) scarcest = {input, width / scale};
  }
  return scarcest;
}

bool IsJoin(const Model& model, const schema::OperatorT& op) {
  const schema::BuiltinOperator type = model.OperatorType(op);
  return type == schema::BuiltinOperator_CONCATENATION || type == schema::BuiltinOperator_PACK;
}

// Joins one of whose inputs would keep too few codes: detection heads put boxes in pixels beside
// scores of 0 to 1. They stay float, unless their output must be an integer; then the note says
// what to do. Whether any is left in float that was not.
bool LeaveUnevenJoinsFloat(const Model& model, const TensorRanges& ranges, QuantPlan* settled,
                           QuantPlan* plan) {
  constexpr double kFewestCodes = 16;
  bool found = false;
  for (int i = 0; i < static_cast<int>(settled->operators.size()); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    if (!settled->operators[i].quantized || !IsJoin(model, op)) continue;
    const ScarceInput scarce = ScarcestInput(model, ranges, *settled, i);
    if (!(scarce.codes < kFewestCodes)) continue;
    const std::string why =
        absl::StrCat("beside its other inputs '", ShortName(model.TensorName(scarce.tensor)),
                     "' would keep ", static_cast<int>(scarce.codes), " codes");
    const bool is_border =
        std::ranges::find(model.graph().outputs, op.outputs[0]) != model.graph().outputs.end();
    if (is_border && plan->io_type != schema::TensorType_FLOAT32) {
      absl::StrAppend(&settled->operators[i].note, "; ", why,
                      ": give the model an output for each, or take float outputs");
      continue;
    }
    LeaveFloat(model, i, why, plan);
    found = true;
  }
  return found;
}

// Movers go with what they move: behind an operator that the request puts in other integers they
// are in these, unless the request names them too.
void LetMoversFollow(const Model& model, schema::TensorType usual, QuantPlan* plan) {
  std::map<int32_t, schema::TensorType> made;
  for (size_t i = 0; i < plan->operators.size(); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    const OperatorRow* row = RowOf(model, op);
    const bool is_mover = row != nullptr && row->output_scale == OutputScale::kAsInput;
    if (is_mover && decision.activation_type == usual) {
      const auto source = made.find(op.inputs[0]);
      if (source != made.end() && row->*FormOf(source->second).version != 0) {
        decision.activation_type = source->second;
      }
    }
    for (const int32_t output : op.outputs) made[output] = decision.activation_type;
  }
}

}  // namespace

absl::Status PlanStatic(const Model& model, const TensorRanges& ranges, schema::TensorType usual,
                        QuantPlan* plan) {
  LetMoversFollow(model, usual, plan);
  DecideOperators(model, ranges, plan);
  // What one operator becomes changes the scales of its neighbours. Ends because each round but the
  // last leaves more operators in float.
  QuantPlan settled;
  do {
    DecideByNeighbours(model, plan);
    settled = *plan;
    for (const auto type : {schema::TensorType_INT8, schema::TensorType_INT16}) {
      RETURN_IF_ERROR(SettleParams(model, ranges, FormOf(type), &settled));
    }
  } while (LeaveTooCoarseFloat(model, settled, plan) ||
           LeaveWideSigmoidsFloat(model, settled, plan) ||
           LeaveUnevenJoinsFloat(model, ranges, &settled, plan));
  *plan = std::move(settled);
  return absl::OkStatus();
}

}  // namespace octavo
