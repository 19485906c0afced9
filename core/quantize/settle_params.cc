#include "core/quantize/settle_params.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/calibrate/min_max.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/param_classes.h"
#include "core/quantize/quant_params.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

// Settles the parameters of every activation of the quantized operators, and of the constants that
// they take for activations.
class ParamSettler {
 public:
  ParamSettler(const Model& model, const TensorRanges& ranges, const StaticForm& form,
               QuantPlan* plan)
      : model_(model), ranges_(ranges), form_(form), plan_(*plan) {}

  absl::Status Settle() {
    for (int i = 0; i < num_operators(); ++i) {
      if (IsOfForm(i)) RETURN_IF_ERROR(JoinClassesOf(i));
    }
    if (IntegersOf(plan_.io_type) == form_.activation_type) {
      for (const int32_t tensor : BorderTensors(model_)) {
        if (!IsFloatActivation(model_, TensorIndex{tensor})) continue;
        if (!ranges_.contains(TensorIndex{tensor})) return NoRangeOf(TensorIndex{tensor});
        MemberOf(TensorIndex{tensor});
      }
    }
    for (const auto& [tensor, member] : tensors_) {
      plan_.activations[{tensor, form_.activation_type}] = ParamsOf(member);
    }
    for (const auto& [use, member] : constants_) {
      plan_.constants[use] = {.type = form_.activation_type, .params = ParamsOf(member)};
    }
    for (const auto& [use, member] : requantized_) plan_.requantize[use] = ParamsOf(member);
    for (int i = 0; i < num_operators(); ++i) {
      const OperatorRow* row = RowOf(model_, Operator(i));
      if (IsOfForm(i) && HasWeights(*row)) RETURN_IF_ERROR(PlanWeights(i, *row));
    }
    return absl::OkStatus();
  }

 private:
  int num_operators() const { return static_cast<int>(plan_.operators.size()); }
  const schema::OperatorT& Operator(int i) const { return *model_.graph().operators[i]; }
  bool IsOfForm(int i) const {
    return plan_.operators[i].quantized &&
           plan_.operators[i].activation_type == form_.activation_type;
  }
  // Uint8 is int8 to all but the border.
  static schema::TensorType IntegersOf(schema::TensorType border) {
    return border == schema::TensorType_UINT8 ? schema::TensorType_INT8 : border;
  }

  int MemberOf(TensorIndex tensor) {
    const auto [place, is_new] = tensors_.try_emplace(tensor);
    if (is_new) place->second = Add(tensor, ranges_.at(tensor));
    return place->second;
  }

  int Add(TensorIndex tensor, const Range& range) {
    const std::optional<LearnedParams> learned = LearnedParamsOf(model_.tensor(tensor));
    if (!learned) return classes_.Add(range);
    if (form_.activation_type != schema::TensorType_INT8) {
      return classes_.AddLearned(std::nullopt, range);
    }
    return classes_.AddLearned(QuantParams{{learned->scale}, {learned->zero_point}}, range);
  }

  absl::StatusOr<int> MemberOf(Use use) {
    const TensorIndex tensor = InputOf(Operator(use.op), use.position);
    if (!model_.IsConstant(tensor)) return MemberOf(tensor);
    RETURN_IF_ERROR(CheckFinite(model_, tensor));
    return constants_[use] = Add(tensor, *FiniteRange(model_.ConstantValues<float>(tensor)));
  }

  absl::Status NoRangeOf(TensorIndex border) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat("no range was measured of '",
                                                                 model_.TensorName(border),
                                                                 "', which is an input or output")),
                      "NO_CALIBRATION");
  }

  QuantParams ParamsOf(int member) {
    const QuantParams* fixed = classes_.Fixed(member);
    if (fixed != nullptr) return *fixed;
    const QuantParams* learned = classes_.Learned(member);
    return learned != nullptr ? *learned : form_.activation_params(classes_.RangeOf(member));
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
        if (classes_.Learned(MemberOf(outputs[0])) != nullptr) {
          RequantizeOthers(inputs, MemberOf(outputs[0]), &plan_.operators[i]);
        } else {
          JoinAll(inputs, outputs, &plan_.operators[i]);
        }
        break;
    }
    return absl::OkStatus();
  }

  void Fix(TensorIndex output, const FixedParams& fixed) {
    tensors_[output] = classes_.AddFixed({{fixed.scale}, {fixed.zero_point}}, ranges_.at(output));
  }

  // To what the output learned, where they have other parameters of their own.
  void RequantizeOthers(const std::vector<std::pair<Use, int>>& inputs, int output,
                        OperatorDecision* decision) {
    const QuantParams wanted = *classes_.Learned(output);
    bool is_any_requantized = false;
    for (const auto& [use, member] : inputs) {
      const QuantParams* fixed = classes_.Fixed(member);
      const QuantParams* own = fixed != nullptr ? fixed : classes_.Learned(member);
      if (constants_.contains(use)) {
        constants_[use] = output;
      } else if (own == nullptr || *own == wanted) {
        classes_.Join(output, member);
      } else {
        requantized_[use] = output;
        is_any_requantized = true;
      }
    }
    if (is_any_requantized)
      absl::StrAppend(&decision->note, "; inputs of other scales are requantized");
  }

  // What some inputs learned says nothing of the others: where those go beyond it, the output holds
  // their ranges too.
  void KeepWiderRanges(const std::vector<std::pair<Use, int>>& inputs) {
    std::optional<Range> learned;
    for (const auto& [use, member] : inputs) {
      if (!classes_.HasLearnedRange(member)) continue;
      const Range& range = classes_.RangeOf(member);
      learned = learned ? Union(*learned, range) : range;
    }
    if (!learned) return;
    for (const auto& [use, member] : inputs) {
      if (Union(*learned, classes_.RangeOf(member)) != *learned) classes_.KeepRange(member);
    }
  }

  // Inputs of fixed parameters join only their equals; where there are others, they are
  // requantized.
  void JoinAll(const std::vector<std::pair<Use, int>>& inputs,
               const std::vector<TensorIndex>& outputs, OperatorDecision* decision) {
    KeepWiderRanges(inputs);
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
        const int values = classes_.Add(classes_.RangeOf(member));
        if (classes_.HasLearnedRange(member)) classes_.KeepRange(values);
        classes_.Join(joined, values);
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
    return plan_.activations.at({InputOf(Operator(use.op), use.position), form_.activation_type});
  }

  absl::Status PlanWeights(int i, const OperatorRow& row) {
    const schema::OperatorT& op = Operator(i);
    RETURN_IF_ERROR(CheckFinite(model_, InputOf(op, row.weights_input)));
    const TensorIndex bias = InputOf(op, row.bias_input);
    if (bias != kNoTensor) RETURN_IF_ERROR(CheckFinite(model_, bias));

    const bool per_channel = plan_.spec.scheme() != v1::SCHEME_INT8_PER_TENSOR;
    QuantParams weights = WeightParams(model_, op, row, WeightType::kInt8, per_channel);
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
      absl::StrAppend(&plan_.operators[i].note, "; ", enlarged,
                      enlarged == 1 ? " channel" : " channels",
                      " of weights stored coarser to fit the bias");
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

}  // namespace

absl::Status SettleParams(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                          QuantPlan* plan) {
  return ParamSettler(model, ranges, form, plan).Settle();
}

}  // namespace octavo
