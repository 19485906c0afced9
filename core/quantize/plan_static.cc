#include "core/quantize/plan_static.h"

#include <algorithm>
#include <bit>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/calibrate/min_max.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/param_classes.h"
#include "core/quantize/quant_params.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

// What the static schemes differ in.
struct StaticForm {
  absl::string_view name;
  schema::TensorType activation_type;
  schema::TensorType bias_type;
  int OperatorRow::* version;
  FixedParams OperatorRow::* fixed;
  QuantParams (*activation_params)(const Range& range);
};

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

// --- Which operators ----------------------------------------------------------------------------

// Why `op` has a tensor that the form does not know how to store; empty where it has none.
std::string BiasProblem(const Model& model, const schema::OperatorT& op, const OperatorRow& row) {
  const TensorIndex bias = InputOf(op, row.bias_input);
  if (bias == kNoTensor) return "";
  if (!IsFloatConstant(model, bias)) return "float: its bias is no float32 constant";
  const auto channels = model.tensor(InputOf(op, row.weights_input)).shape[row.weights_axis];
  if (static_cast<int64_t>(model.ConstantValues<float>(bias).size()) != channels) {
    return "float: its bias does not fit its weights";
  }
  return "";
}

// A float input that is no activation, no weights and no bias has no integer form.
bool HasOtherFloatInput(const Model& model, const schema::OperatorT& op, const OperatorRow& row,
                        const std::vector<int>& activations) {
  for (int i = 0; i < static_cast<int>(op.inputs.size()); ++i) {
    if (IsFloat(model, InputOf(op, i)) && i != row.weights_input && i != row.bias_input &&
        std::ranges::find(activations, i) == activations.end()) {
      return true;
    }
  }
  return false;
}

std::string RangeProblem(const Model& model, const TensorRanges& ranges, TensorIndex tensor) {
  if (!IsFloatActivation(model, tensor) || ranges.contains(tensor)) return "";
  return absl::StrCat("float: no range was measured of '", model.TensorName(tensor), "'");
}

// Why `op` stays float by what it is itself, in a reader's words; empty where it need not.
std::string OwnProblem(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                       const schema::OperatorT& op, const OperatorRow* row) {
  if (row == nullptr || row->*form.version == 0 ||
      (row->output_scale == OutputScale::kFixed && (row->*form.fixed).scale == 0)) {
    return absl::StrCat("float: no ", form.name, " form of this operator");
  }
  const std::vector<int> activations = ActivationPositions(model, op, *row);
  const std::vector<TensorIndex> outputs = FloatOutputs(model, op);
  if (activations.empty() && outputs.empty()) return "as it was: it computes no float values";
  if (activations.empty()) return "float: none of its inputs is a float32 activation";
  if (HasWeights(*row)) {
    if (std::string problem = WeightsProblem(model, op, *row); !problem.empty()) return problem;
    if (std::string problem = BiasProblem(model, op, *row); !problem.empty()) return problem;
  }
  if (HasOtherFloatInput(model, op, *row, activations)) {
    return absl::StrCat("float: one of its inputs has no ", form.name, " form");
  }
  for (const int position : activations) {
    std::string problem = RangeProblem(model, ranges, InputOf(op, position));
    if (!problem.empty()) return problem;
  }
  for (const TensorIndex output : outputs) {
    if (std::string problem = RangeProblem(model, ranges, output); !problem.empty()) return problem;
  }
  return "";
}

std::string NoteOf(const StaticForm& form, const OperatorRow& row) {
  if (HasWeights(row)) {
    return form.activation_type == schema::TensorType_INT8
               ? "int8 per channel"
               : absl::StrCat(form.name, " activations, int8 weights per channel");
  }
  switch (row.output_scale) {
    case OutputScale::kFree:
      return std::string(form.name);
    case OutputScale::kAsInput:
      return absl::StrCat(form.name, ", scale of its input");
    case OutputScale::kAllTheSame:
      return absl::StrCat(form.name, ", one scale for its inputs and output");
    case OutputScale::kFixed:
      return absl::StrCat(form.name, ", fixed output scale");
    case OutputScale::kNone:
      return absl::StrCat("reads ", form.name);
  }
  return std::string(form.name);
}

void DecideAlone(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                 QuantPlan* plan) {
  for (size_t i = 0; i < plan->operators.size(); ++i) {
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    const schema::OperatorT& op = *model.graph().operators[i];
    const OperatorRow* row = RowOf(model, op);
    decision.note = OwnProblem(model, ranges, form, op, row);
    if (!decision.note.empty()) continue;
    decision.quantized = true;
    decision.version = std::max(decision.version, row->*form.version);
    decision.note = NoteOf(form, *row);
  }
}

void LeaveFloat(absl::string_view why, const Model& model, size_t op, QuantPlan* plan) {
  plan->operators[op] = {.version = model.OperatorVersion(*model.graph().operators[op]),
                         .note = absl::StrCat("float: ", why)};
}

// Which operators touch a tensor, and which of them make it.
struct Neighbours {
  std::vector<std::vector<int>> users;  // by tensor, makers among them
  std::vector<int> maker;               // by tensor; -1: the caller, or nobody
};

Neighbours FindNeighbours(const Model& model) {
  const size_t num_tensors = model.graph().tensors.size();
  Neighbours neighbours{std::vector<std::vector<int>>(num_tensors),
                        std::vector<int>(num_tensors, -1)};
  for (int i = 0; i < static_cast<int>(model.graph().operators.size()); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    for (const int32_t input : op.inputs) {
      if (IsFloatActivation(model, TensorIndex{input})) neighbours.users[input].push_back(i);
    }
    for (const int32_t output : op.outputs) {
      if (!IsFloat(model, TensorIndex{output})) continue;
      neighbours.users[output].push_back(i);
      neighbours.maker[output] = i;
    }
  }
  return neighbours;
}

std::vector<int32_t> TensorsOf(const Model& model, const schema::OperatorT& op) {
  std::vector<int32_t> tensors;
  for (const int32_t input : op.inputs) {
    if (IsFloatActivation(model, TensorIndex{input})) tensors.push_back(input);
  }
  for (const int32_t output : op.outputs) {
    if (IsFloat(model, TensorIndex{output})) tensors.push_back(output);
  }
  return tensors;
}

std::vector<int32_t> BorderTensors(const Model& model) {
  std::vector<int32_t> border = model.graph().inputs;
  border.insert(border.end(), model.graph().outputs.begin(), model.graph().outputs.end());
  return border;
}

OutputScale ScaleRule(const Model& model, int op) {
  return RowOf(model, *model.graph().operators[op])->output_scale;
}

// Moving values in int8 between float operators would cost accuracy for nothing: movers are
// quantized only where they are joined, by themselves or through other movers, to an operator that
// computes in integers or to an integer border.
void LeaveLoneMoversFloat(const Model& model, const Neighbours& neighbours, QuantPlan* plan) {
  std::vector<bool> is_joined(plan->operators.size());
  std::vector<bool> is_seen(model.graph().tensors.size());
  std::vector<int32_t> to_visit;
  const auto join = [&](int op) {
    is_joined[op] = true;
    for (const int32_t tensor : TensorsOf(model, *model.graph().operators[op])) {
      to_visit.push_back(tensor);
    }
  };

  if (plan->io_type != schema::TensorType_FLOAT32) to_visit = BorderTensors(model);
  for (int i = 0; i < static_cast<int>(plan->operators.size()); ++i) {
    if (!plan->operators[i].quantized) continue;
    const OutputScale rule = ScaleRule(model, i);
    if (rule != OutputScale::kAsInput && rule != OutputScale::kNone) join(i);
  }
  while (!to_visit.empty()) {
    const int32_t tensor = to_visit.back();
    to_visit.pop_back();
    if (is_seen[tensor]) continue;
    is_seen[tensor] = true;
    for (const int op : neighbours.users[tensor]) {
      if (plan->operators[op].quantized && !is_joined[op] &&
          ScaleRule(model, op) == OutputScale::kAsInput) {
        join(op);
      }
    }
  }
  for (size_t i = 0; i < plan->operators.size(); ++i) {
    if (plan->operators[i].quantized && !is_joined[i] &&
        ScaleRule(model, i) == OutputScale::kAsInput) {
      LeaveFloat("it stands between float operators", model, i, plan);
    }
  }
}

// An operator that only looks at values (SHAPE, ARG_MAX) takes them in the form in which they are
// there anyway.
void LeaveLookersAtFloatFloat(const Model& model, const Neighbours& neighbours, QuantPlan* plan) {
  std::vector<bool> has_integer_form(model.graph().tensors.size());
  if (plan->io_type != schema::TensorType_FLOAT32) {
    for (const int32_t input : model.graph().inputs) has_integer_form[input] = true;
  }
  for (size_t tensor = 0; tensor < has_integer_form.size(); ++tensor) {
    const int maker = neighbours.maker[tensor];
    if (maker >= 0) {
      has_integer_form[tensor] = plan->operators[maker].quantized;
      continue;
    }
    for (const int user : neighbours.users[tensor]) {
      if (plan->operators[user].quantized && ScaleRule(model, user) != OutputScale::kNone) {
        has_integer_form[tensor] = true;
      }
    }
  }
  for (size_t i = 0; i < plan->operators.size(); ++i) {
    if (!plan->operators[i].quantized || ScaleRule(model, i) != OutputScale::kNone) continue;
    for (const int32_t tensor : TensorsOf(model, *model.graph().operators[i])) {
      if (!has_integer_form[tensor]) {
        LeaveFloat("it reads float values", model, i, plan);
        break;
      }
    }
  }
}

// --- Which scales -------------------------------------------------------------------------------

// Settles the parameters of every activation of the quantized operators, and of the constants that
// they take for activations.
class ParamSettler {
 public:
  ParamSettler(const Model& model, const TensorRanges& ranges, const StaticForm& form,
               QuantPlan* plan)
      : model_(model), ranges_(ranges), form_(form), plan_(*plan) {}

  absl::Status Settle() {
    for (int i = 0; i < num_operators(); ++i) {
      if (plan_.operators[i].quantized) RETURN_IF_ERROR(JoinClassesOf(i));
    }
    if (plan_.io_type != schema::TensorType_FLOAT32) {
      for (const int32_t tensor : BorderTensors(model_)) {
        if (!IsFloatActivation(model_, TensorIndex{tensor})) continue;
        if (!ranges_.contains(TensorIndex{tensor})) return NoRangeOf(TensorIndex{tensor});
        MemberOf(TensorIndex{tensor});
      }
    }
    for (const auto& [tensor, member] : tensors_) {
      plan_.activations[tensor] = {form_.activation_type, ParamsOf(member)};
    }
    for (const auto& [use, member] : constants_) {
      plan_.constants[use] = {.type = form_.activation_type, .params = ParamsOf(member)};
    }
    for (const auto& [use, member] : requantized_) plan_.requantize[use] = ParamsOf(member);
    for (int i = 0; i < num_operators(); ++i) {
      const OperatorRow* row = RowOf(model_, Operator(i));
      if (plan_.operators[i].quantized && HasWeights(*row)) RETURN_IF_ERROR(PlanWeights(i, *row));
    }
    return absl::OkStatus();
  }

 private:
  int num_operators() const { return static_cast<int>(plan_.operators.size()); }
  const schema::OperatorT& Operator(int i) const { return *model_.graph().operators[i]; }

  int MemberOf(TensorIndex tensor) {
    const auto [place, is_new] = tensors_.try_emplace(tensor);
    if (is_new) place->second = classes_.Add(ranges_.at(tensor));
    return place->second;
  }

  absl::StatusOr<int> MemberOf(Use use) {
    const TensorIndex tensor = InputOf(Operator(use.op), use.position);
    if (!model_.IsConstant(tensor)) return MemberOf(tensor);
    RETURN_IF_ERROR(CheckFinite(model_, tensor));
    return constants_[use] = classes_.Add(*FiniteRange(model_.ConstantValues<float>(tensor)));
  }

  absl::Status NoRangeOf(TensorIndex border) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat("no range was measured of '",
                                                                 model_.TensorName(border),
                                                                 "', which is an input or output")),
                      "NO_CALIBRATION");
  }

  QuantParams ParamsOf(int member) {
    const QuantParams* fixed = classes_.Fixed(member);
    return fixed != nullptr ? *fixed : form_.activation_params(classes_.RangeOf(member));
  }

  absl::Status JoinClassesOf(int i) {
    const schema::OperatorT& op = Operator(i);
    const OperatorRow& row = *RowOf(model_, op);
    std::vector<std::pair<Use, int>> inputs;
    for (const int position : ActivationPositions(model_, op, row)) {
      const Use use{i, position};
      ASSIGN_OR_RETURN(const int member, MemberOf(use));
      inputs.emplace_back(use, member);
    }
    const std::vector<TensorIndex> outputs = FloatOutputs(model_, op);
    switch (row.output_scale) {
      case OutputScale::kNone:
        break;
      case OutputScale::kFree:
        for (const TensorIndex output : outputs) MemberOf(output);
        break;
      case OutputScale::kFixed:
        for (const TensorIndex output : outputs) Fix(output, row.*form_.fixed);
        break;
      case OutputScale::kAsInput:
        for (const TensorIndex output : outputs) {
          classes_.Join(inputs[0].second, MemberOf(output));
        }
        break;
      case OutputScale::kAllTheSame:
        JoinAll(inputs, outputs, &plan_.operators[i]);
        break;
    }
    return absl::OkStatus();
  }

  void Fix(TensorIndex output, const FixedParams& fixed) {
    tensors_[output] = classes_.AddFixed({{fixed.scale}, {fixed.zero_point}}, ranges_.at(output));
  }

  // Inputs of fixed parameters join only their equals; where there are others, they are
  // requantized.
  void JoinAll(const std::vector<std::pair<Use, int>>& inputs,
               const std::vector<TensorIndex>& outputs, OperatorDecision* decision) {
    const QuantParams* first = classes_.Fixed(inputs[0].second);
    const bool all_equal = std::ranges::all_of(inputs, [&](const auto& input) {
      const QuantParams* fixed = classes_.Fixed(input.second);
      return first == nullptr ? fixed == nullptr : fixed != nullptr && *fixed == *first;
    });
    if (all_equal) {
      for (const auto& [use, member] : inputs) classes_.Join(inputs[0].second, member);
      for (const TensorIndex output : outputs) {
        classes_.Join(inputs[0].second, MemberOf(output));
      }
      return;
    }
    for (const TensorIndex output : outputs) {
      const int joined = MemberOf(output);
      for (const auto& [use, member] : inputs) {
        if (classes_.Fixed(member) == nullptr) {
          classes_.Join(joined, member);
          continue;
        }
        // The union needs the fixed input's values too.
        classes_.Join(joined, classes_.Add(classes_.RangeOf(member)));
        requantized_[use] = joined;
      }
    }
    absl::StrAppend(&decision->note, "; inputs of a fixed scale are requantized");
  }

  QuantParams ParamsOfUse(Use use) {
    if (const auto place = plan_.requantize.find(use); place != plan_.requantize.end()) {
      return place->second;
    }
    if (const auto place = plan_.constants.find(use); place != plan_.constants.end()) {
      return place->second.params;
    }
    return plan_.activations.at(InputOf(Operator(use.op), use.position)).second;
  }

  absl::Status PlanWeights(int i, const OperatorRow& row) {
    const schema::OperatorT& op = Operator(i);
    RETURN_IF_ERROR(CheckFinite(model_, InputOf(op, row.weights_input)));
    const TensorIndex bias = InputOf(op, row.bias_input);
    if (bias != kNoTensor) RETURN_IF_ERROR(CheckFinite(model_, bias));

    QuantParams weights = WeightParams(model_, op, row);
    const QuantParams exact = weights;
    const QuantParams input = ParamsOfUse({i, std::countr_zero(row.activation_inputs)});
    const QuantParams bias_params = BiasParams(
        input.scales[0],
        bias == kNoTensor ? std::span<const float>() : model_.ConstantValues<float>(bias),
        &weights);
    int enlarged = 0;
    for (size_t c = 0; c < exact.scales.size(); ++c) {
      enlarged += exact.scales[c] != weights.scales[c];
    }
    if (enlarged > 0) {
      absl::StrAppend(&plan_.operators[i].note, "; weights of ", enlarged,
                      " channels stored coarser so that their bias fits");
    }
    plan_.constants[{i, row.weights_input}] = {.type = schema::TensorType_INT8,
                                               .params = std::move(weights)};
    // Also where there is none: runtimes want a bias, and zeros are one.
    if (row.bias_input >= 0) {
      plan_.constants[{i, row.bias_input}] = {.type = form_.bias_type, .params = bias_params};
    }
    return absl::OkStatus();
  }

  const Model& model_;
  const TensorRanges& ranges_;
  const StaticForm& form_;
  QuantPlan& plan_;

  ParamClasses classes_;
  std::map<TensorIndex, int> tensors_;
  std::map<Use, int> constants_;
  std::map<Use, int> requantized_;
};

// --- What the scales rule out -------------------------------------------------------------------

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
    LeaveFloat("its output is too small beside its input and weights for int8", model, i, plan);
    found = true;
  }
  return found;
}

absl::Status PlanStatic(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                        QuantPlan* plan) {
  DecideAlone(model, ranges, form, plan);
  const Neighbours neighbours = FindNeighbours(model);
  // What one operator becomes changes the scales of its neighbours. Ends because each round but the
  // last leaves more operators in float.
  QuantPlan settled;
  do {
    LeaveLoneMoversFloat(model, neighbours, plan);
    LeaveLookersAtFloatFloat(model, neighbours, plan);
    settled = *plan;
    RETURN_IF_ERROR(ParamSettler(model, ranges, form, &settled).Settle());
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
