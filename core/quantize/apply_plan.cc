#include "core/quantize/apply_plan.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/status_macros.h"
#include "core/graph/passes.h"
#include "core/quantize/conversion.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/rounding.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

std::unique_ptr<schema::QuantizationParametersT> QuantizationOf(const QuantParams& params) {
  auto quantization = std::make_unique<schema::QuantizationParametersT>();
  quantization->scale = params.scales;
  quantization->zero_point = params.zero_points;
  quantization->quantized_dimension = params.quantized_dimension;
  return quantization;
}

// What distinguishes a constant stored anew from others of the same tensor.
using ConstantKey = std::tuple<TensorIndex, schema::TensorType, std::vector<float>,
                               std::vector<int64_t>, int32_t, bool>;

// Writes the operators of `model` again, one after the other, with what they take and give in the
// planned forms.
//
// A tensor at the model's border keeps its place and name, in the border's type; so signatures stay
// right. Any other tensor keeps them in the form in which its operator makes it. Further forms are
// new tensors behind a QUANTIZE or DEQUANTIZE, put in where first wanted and shared by all who want
// them.
class Rewriter {
  // An activation can be there in several at once: float, int8, int16; at the border uint8.
  using Form = schema::TensorType;

 public:
  Rewriter(const Model& model, const QuantPlan& plan)
      : model_(model),
        plan_(plan),
        result_(model),
        inputs_(model.graph().inputs.begin(), model.graph().inputs.end()),
        outputs_(model.graph().outputs.begin(), model.graph().outputs.end()) {
    result_.graph().operators.clear();
    for (size_t i = 0; i < plan.operators.size(); ++i) {
      if (!plan.operators[i].quantized) continue;
      for (const int32_t output : model.graph().operators[i]->outputs) {
        made_as_[output] = plan.operators[i].activation_type;
      }
    }
  }

  Model Rewrite() && {
    for (const auto& [form, params] : plan_.activations) {
      if (!IsPlaced(form.tensor)) Place(form.tensor);
    }
    for (int i = 0; i < static_cast<int>(plan_.operators.size()); ++i) RewriteOperator(i);
    for (const int32_t output : model_.graph().outputs) {
      const TensorIndex tensor{output};
      if (IsPlaced(tensor)) InForm(tensor, plan_.io_type);
    }
    ClearLearnedParams(result_);
    for (const auto& tensor : result_.graph().tensors) LeaveOnlyScales(*tensor);
    return std::move(result_);
  }

 private:
  // Converters write ranges that were seen, and a table without anything in it for each tensor.
  static void LeaveOnlyScales(schema::TensorT& tensor) {
    schema::QuantizationParametersT* quantization = tensor.quantization.get();
    if (quantization == nullptr) return;
    quantization->min.clear();
    quantization->max.clear();
    const bool is_empty = quantization->scale.empty() &&
                          quantization->details.type == schema::QuantizationDetails_NONE;
    if (is_empty) tensor.quantization = nullptr;
  }

  // --- Activations ------------------------------------------------------------------------------

  bool IsPlaced(TensorIndex tensor) const { return made_.contains(tensor); }

  Form MadeAs(int32_t tensor) const {
    if (inputs_.contains(tensor)) return plan_.io_type;
    const auto made = made_as_.find(tensor);
    return made == made_as_.end() ? schema::TensorType_FLOAT32 : made->second;
  }

  // Settles in which form `tensor` comes into being, and where.
  void Place(TensorIndex tensor) {
    const auto place = static_cast<int32_t>(tensor);
    const Form made = MadeAs(place);
    const Form kept = outputs_.contains(place) ? plan_.io_type : made;
    made_[tensor] = made;
    SetForm(tensor, kept, tensor);
    places_[{tensor, kept}] = tensor;
    // An output that is made in another form than it leaves: its maker writes a new tensor.
    if (made != kept) places_[{tensor, made}] = NewTensor(tensor, made);
    is_there_.emplace(tensor, made);
  }

  void SetForm(TensorIndex original, Form form, TensorIndex place) {
    schema::TensorT& tensor = result_.tensor(place);
    tensor.type = form;
    if (form == schema::TensorType_FLOAT32) {
      tensor.quantization = nullptr;
    } else if (form == schema::TensorType_UINT8) {
      const IntegerForm integers{original, schema::TensorType_INT8};
      tensor.quantization = QuantizationOf(AsUint8(plan_.activations.at(integers)));
    } else {
      tensor.quantization = QuantizationOf(plan_.activations.at({original, form}));
    }
  }

  static QuantParams AsUint8(QuantParams params) {
    for (int64_t& zero_point : params.zero_points) zero_point += 128;
    return params;
  }

  TensorIndex NewTensor(TensorIndex original, Form form) {
    schema::TensorT tensor = model_.tensor(original);
    absl::StrAppend(&tensor.name, form == schema::TensorType_FLOAT32 ? "_float" : "_quantized");
    tensor.is_variable = false;
    const TensorIndex place = result_.AddTensor(std::move(tensor), SharedBytes());
    SetForm(original, form, place);
    return place;
  }

  // From what `form` is made of a tensor that is there as `made`. Int8 lies between uint8 and the
  // others, float between int8 and int16.
  static Form Before(Form form, Form made) {
    const bool is_uint8 = form == schema::TensorType_UINT8 || made == schema::TensorType_UINT8;
    const bool is_int16 = form == schema::TensorType_INT16 || made == schema::TensorType_INT16;
    if (is_uint8 && form != schema::TensorType_INT8 && made != schema::TensorType_INT8 &&
        form != schema::TensorType_INT16) {
      return schema::TensorType_INT8;
    }
    if (is_int16 && form != schema::TensorType_FLOAT32 && made != schema::TensorType_FLOAT32) {
      return schema::TensorType_FLOAT32;
    }
    return made;
  }

  // The tensor that holds `original` in `form`, made from the form that is there.
  TensorIndex InForm(TensorIndex original, Form form) {
    if (is_there_.contains({original, form})) return places_.at({original, form});
    const TensorIndex source = InForm(original, Before(form, made_.at(original)));
    const auto [place, is_new] = places_.try_emplace({original, form});
    if (is_new) place->second = NewTensor(original, form);
    AddConversion(source, place->second);
    is_there_.emplace(original, form);
    return place->second;
  }

  void AddConversion(TensorIndex from, TensorIndex to) {
    result_.graph().operators.push_back(Conversion(from, to, result_));
  }

  // `original` in other integer parameters than its own.
  TensorIndex Requantized(TensorIndex original, Form form, const QuantParams& params) {
    const auto [place, is_new] =
        requantized_.try_emplace({original, form, params.scales, params.zero_points});
    if (!is_new) return place->second;
    const TensorIndex source = InForm(original, form);
    place->second = NewTensor(original, form);
    result_.tensor(place->second).quantization = QuantizationOf(params);
    AddConversion(source, place->second);
    return place->second;
  }

  // --- Constants --------------------------------------------------------------------------------

  TensorIndex StoredAnew(TensorIndex original, const PlannedConstant& constant) {
    const QuantParams& params = constant.params;
    const ConstantKey key{original,
                          constant.type,
                          params.scales,
                          params.zero_points,
                          params.quantized_dimension,
                          constant.dequantize};
    const auto [place, is_new] = constants_.try_emplace(key);
    if (!is_new) return place->second;

    schema::TensorT tensor = model_.tensor(original);
    tensor.type = constant.type;
    tensor.quantization = params.scales.empty() ? nullptr : QuantizationOf(params);
    if (params.block_size > 0) AddBlockScales(params, tensor);
    SharedBytes bytes =
        StoreAs(constant.type, params, model_.ConstantValues<float>(original), tensor.shape);
    const TensorIndex stored = result_.AddTensor(std::move(tensor), std::move(bytes));
    place->second = constant.dequantize ? Dequantized(original, stored) : stored;
    return place->second;
  }

  // Scales of blocks are a tensor of their own.
  void AddBlockScales(const QuantParams& params, schema::TensorT& weights) {
    schema::TensorT scales;
    scales.name = absl::StrCat(weights.name, "_scales");
    scales.type = schema::TensorType_FLOAT16;
    scales.shape = weights.shape;
    scales.shape.back() /= params.block_size;
    SharedBytes bytes = StoreAs(scales.type, {}, params.scales, scales.shape);
    schema::BlockwiseQuantizationT blocks;
    blocks.scales = static_cast<int32_t>(result_.AddTensor(std::move(scales), std::move(bytes)));
    blocks.zero_points = static_cast<int32_t>(kNoTensor);
    blocks.block_size = params.block_size;
    weights.quantization = std::make_unique<schema::QuantizationParametersT>();
    weights.quantization->details.Set(std::move(blocks));
  }

  TensorIndex Dequantized(TensorIndex original, TensorIndex stored) {
    schema::TensorT tensor = model_.tensor(original);
    absl::StrAppend(&tensor.name, "_float");
    tensor.is_variable = false;
    const TensorIndex place = result_.AddTensor(std::move(tensor), SharedBytes());
    AddConversion(stored, place);
    return place;
  }

  // A bias of zeros for an operator that has none.
  TensorIndex ZeroBias(const schema::OperatorT& op, const PlannedConstant& constant) {
    schema::TensorT tensor;
    tensor.name = absl::StrCat(model_.TensorName(OutputOf(op, 0)), "_bias");
    tensor.type = constant.type;
    const OperatorRow* row = RowOf(model_, op);
    tensor.shape = {model_.tensor(InputOf(op, row->weights_input)).shape[row->weights_axis]};
    tensor.quantization = QuantizationOf(constant.params);
    const std::vector<float> zeros(tensor.shape[0]);
    SharedBytes bytes = StoreAs(constant.type, constant.params, zeros, tensor.shape);
    return result_.AddTensor(std::move(tensor), std::move(bytes));
  }

  // --- Operators --------------------------------------------------------------------------------

  TensorIndex NewInput(const Use& use, const schema::OperatorT& op) {
    const TensorIndex original = InputOf(op, use.position);
    const OperatorDecision& decision = plan_.operators[use.op];
    if (const auto constant = plan_.constants.find(use); constant != plan_.constants.end()) {
      return original == kNoTensor ? ZeroBias(op, constant->second)
                                   : StoredAnew(original, constant->second);
    }
    if (const auto params = plan_.requantize.find(use); params != plan_.requantize.end()) {
      return Requantized(original, decision.activation_type, params->second);
    }
    if (!IsPlaced(original)) return original;
    return InForm(original,
                  decision.quantized ? decision.activation_type : schema::TensorType_FLOAT32);
  }

  int NumInputs(int i, const schema::OperatorT& op) const {
    int count = static_cast<int>(op.inputs.size());
    for (auto use = plan_.constants.lower_bound({i, 0});
         use != plan_.constants.end() && use->first.op == i; ++use) {
      count = std::max(count, use->first.position + 1);
    }
    return count;
  }

  void RewriteOperator(int i) {
    const schema::OperatorT& op = *model_.graph().operators[i];
    const OperatorDecision& decision = plan_.operators[i];
    auto rewritten = std::make_unique<schema::OperatorT>(op);
    rewritten->inputs.resize(NumInputs(i, op), static_cast<int32_t>(kNoTensor));
    for (int position = 0; position < static_cast<int>(rewritten->inputs.size()); ++position) {
      rewritten->inputs[position] = static_cast<int32_t>(NewInput({i, position}, op));
    }
    for (int32_t& output : rewritten->outputs) {
      const auto made = made_.find(TensorIndex{output});
      if (made == made_.end()) continue;
      output = static_cast<int32_t>(places_.at({made->first, made->second}));
    }
    if (decision.version != model_.OperatorVersion(op)) {
      rewritten->opcode_index =
          result_.OperatorCodeIndex(model_.OperatorType(op), decision.version);
    }
    if (decision.quantized) SetOptions(decision, rewritten.get());
    result_.graph().operators.push_back(std::move(rewritten));
  }

  // What quantized operators say about themselves in their options.
  static void SetOptions(const OperatorDecision& decision, schema::OperatorT* op) {
    schema::BuiltinOptionsUnion& options = op->builtin_options;
    switch (decision.activation_type) {
      case schema::TensorType_FLOAT32:  // quantized while it runs
        if (auto* fc = options.AsFullyConnectedOptions()) fc->asymmetric_quantize_inputs = true;
        break;
      case schema::TensorType_INT16:
        // Else the kernels want scales that are powers of two.
        if (auto* add = options.AsAddOptions()) add->pot_scale_int16 = false;
        if (auto* sub = options.AsSubOptions()) sub->pot_scale_int16 = false;
        if (auto* conv = options.AsConv2DOptions()) {
          conv->quantized_bias_type = schema::TensorType_INT64;
        }
        if (auto* fc = options.AsFullyConnectedOptions()) {
          fc->quantized_bias_type = schema::TensorType_INT64;
        }
        if (auto* transpose_conv = options.AsTransposeConvOptions()) {
          transpose_conv->quantized_bias_type = schema::TensorType_INT64;
        }
        break;
      default:
        break;
    }
  }

  const Model& model_;
  const QuantPlan& plan_;
  Model result_;

  const std::set<int32_t> inputs_;
  const std::set<int32_t> outputs_;
  // What quantized operators make.
  std::map<int32_t, Form> made_as_;

  std::map<TensorIndex, Form> made_;
  // Where a tensor is, or will be, in a form; and the forms that are there by now.
  std::map<std::pair<TensorIndex, Form>, TensorIndex> places_;
  std::set<std::pair<TensorIndex, Form>> is_there_;
  std::map<std::tuple<TensorIndex, Form, std::vector<float>, std::vector<int64_t>>, TensorIndex>
      requantized_;
  std::map<ConstantKey, TensorIndex> constants_;
};

// A plan that does not pass this was made for another model.
absl::Status CheckFits(const Model& model, const QuantPlan& plan) {
  const auto& operators = model.graph().operators;
  if (plan.operators.size() != operators.size()) {
    return absl::InternalError(absl::StrCat("the plan is for ", plan.operators.size(),
                                            " operators, the model has ", operators.size()));
  }
  for (const auto& [form, params] : plan.activations) {
    const auto place = static_cast<int32_t>(form.tensor);
    if (place < 0 || place >= static_cast<int32_t>(model.graph().tensors.size()) ||
        !IsFloatActivation(model, form.tensor)) {
      return absl::InternalError(
          absl::StrCat("the plan quantizes tensor ", place, ", which is no float activation"));
    }
  }
  for (const auto& [use, constant] : plan.constants) {
    if (use.op < 0 || use.op >= static_cast<int>(operators.size()) || use.position < 0) {
      return absl::InternalError(absl::StrCat("the plan stores a constant of operator ", use.op));
    }
    const TensorIndex tensor = InputOf(*operators[use.op], use.position);
    if (tensor != kNoTensor && !IsFloatConstant(model, tensor)) {
      return absl::InternalError(absl::StrCat("the plan stores input ", use.position,
                                              " of operator ", use.op,
                                              ", which is no float constant"));
    }
  }
  for (const auto& [use, params] : plan.requantize) {
    if (use.op < 0 || use.op >= static_cast<int>(operators.size()) ||
        !plan.activations.contains(
            {InputOf(*operators[use.op], use.position), plan.operators[use.op].activation_type})) {
      return absl::InternalError(
          absl::StrCat("the plan requantizes an input of operator ", use.op));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Model> ApplyPlan(const Model& model, const QuantPlan& plan) {
  RETURN_IF_ERROR(CheckFits(model, plan));
  return RemoveUnused(Rewriter(model, plan).Rewrite());
}

}  // namespace octavo
