#include "core/quantize/decide_operators.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/quantize/operator_roles.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

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
        !std::ranges::binary_search(activations, i)) {
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
  if (outputs.empty() && row->output_scale != OutputScale::kNone) {
    return "float: none of its outputs is float32";
  }
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

std::string NoteOf(const StaticForm& form, const OperatorRow& row, bool per_channel) {
  if (HasWeights(row)) {
    if (!per_channel) return "int8 per tensor";
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

bool HasLearnedOutput(const Model& model, const schema::OperatorT& op) {
  return std::ranges::any_of(FloatOutputs(model, op), [&](TensorIndex output) {
    return LearnedParamsOf(model.tensor(output)).has_value();
  });
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
      LeaveFloat(model, static_cast<int>(i), "it stands between float operators", plan);
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
        LeaveFloat(model, static_cast<int>(i), "it reads float values", plan);
        break;
      }
    }
  }
}

}  // namespace

void DecideOperators(const Model& model, const TensorRanges& ranges, QuantPlan* plan) {
  for (size_t i = 0; i < plan->operators.size(); ++i) {
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    const schema::OperatorT& op = *model.graph().operators[i];
    const OperatorRow* row = RowOf(model, op);
    const StaticForm& form = FormOf(decision.activation_type);
    decision.note = OwnProblem(model, ranges, form, op, row);
    if (!decision.note.empty()) continue;
    decision.quantized = true;
    decision.version = std::max(decision.version, row->*form.version);
    decision.note = NoteOf(form, *row, plan->spec.scheme() != v1::SCHEME_INT8_PER_TENSOR);
    if (HasLearnedOutput(model, op)) absl::StrAppend(&decision.note, "; range as it was trained");
  }
}

void DecideByNeighbours(const Model& model, QuantPlan* plan) {
  const Neighbours neighbours = FindNeighbours(model);
  LeaveLoneMoversFloat(model, neighbours, plan);
  LeaveLookersAtFloatFloat(model, neighbours, plan);
}

void LeaveFloat(const Model& model, int op, absl::string_view why, QuantPlan* plan) {
  plan->operators[op] = {.version = model.OperatorVersion(*model.graph().operators[op]),
                         .note = absl::StrCat("float: ", why)};
}

}  // namespace octavo
