#include "core/quantize/plan_static.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/quantize/decide_operators.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/settle_params.h"
#include "core/quantize/static_form.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

constexpr StaticForm kInt8Form = {
    .name = "int8",
    .activation_type = schema::TensorType_INT8,
    .bias_type = schema::TensorType_INT32,
    .version = &OperatorRow::int8_version,
    .fixed = &OperatorRow::fixed_int8,
    .activation_params = Int8ActivationParams,
};
constexpr StaticForm kInt16x8Form = {
    .name = "int16",
    .activation_type = schema::TensorType_INT16,
    .bias_type = schema::TensorType_INT64,
    .version = &OperatorRow::int16_version,
    .fixed = &OperatorRow::fixed_int16,
    .activation_params = Int16ActivationParams,
};

// An operator of weights whose output steps are so fine that one step of an input times one of the
// weights is this many of them. Its values would be noise, and XNNPACK refuses to run it: LiteRT
// could not even load the file.
constexpr double kLargestRequantization = 256;

bool IsTooCoarse(const Model& model, const QuantPlan& plan, int i, const OperatorRow& row) {
  const schema::OperatorT& op = *model.graph().operators[i];
  const double output_scale = plan.activations.at(FloatOutputs(model, op)[0]).second.scales[0];
  // The bias has input scale times weight scale.
  const std::vector<float>& products = plan.constants.at({i, row.bias_input}).params.scales;
  return *std::ranges::max_element(products) / output_scale >= kLargestRequantization;
}

// Leaves those that `settled` shows to be such in float; whether there are any. Int16 is as fine as
// that, and XNNPACK has none of it.
bool LeaveTooCoarseFloat(const Model& model, const StaticForm& form, const QuantPlan& settled,
                         QuantPlan* plan) {
  if (form.activation_type != schema::TensorType_INT8) return false;
  bool found = false;
  for (int i = 0; i < static_cast<int>(settled.operators.size()); ++i) {
    if (!settled.operators[i].quantized) continue;
    const OperatorRow& row = *RowOf(model, *model.graph().operators[i]);
    if (!HasWeights(row) || row.bias_input < 0 || !IsTooCoarse(model, settled, i, row)) continue;
    LeaveFloat(model, i, "its output is too small beside its input and weights for int8", plan);
    found = true;
  }
  return found;
}

absl::Status PlanStatic(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                        QuantPlan* plan) {
  DecideOperators(model, ranges, form, plan);
  // What one operator becomes changes the scales of its neighbours. Ends because each round but the
  // last leaves more operators in float.
  QuantPlan settled;
  do {
    DecideByNeighbours(model, plan);
    settled = *plan;
    RETURN_IF_ERROR(SettleParams(model, ranges, form, &settled));
  } while (LeaveTooCoarseFloat(model, form, settled, plan));
  *plan = std::move(settled);
  return absl::OkStatus();
}

}  // namespace

absl::Status PlanInt8(const Model& model, const TensorRanges& ranges, QuantPlan* plan) {
  return PlanStatic(model, ranges, kInt8Form, plan);
}

absl::Status PlanInt16x8(const Model& model, const TensorRanges& ranges, QuantPlan* plan) {
  return PlanStatic(model, ranges, kInt16x8Form, plan);
}

}  // namespace octavo
