#include "core/quantize/plan_quantization.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/base/usual_variants.h"
#include "core/quantize/learned_ranges.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/plan_static.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/rounding.h"
#include "core/tflite/operator_table.h"
#include "re2/re2.h"

namespace octavo {
namespace {

// Smaller weights stay float in the dynamic scheme, as TFLiteConverter leaves them: they save few
// bytes, and MobileNetV2 loses 9 dB when those of its first layers are not among the float ones.
constexpr int64_t kMinDynamicWeights = 1024;
// A scale a channel and the tables of a DEQUANTIZE take about as many bytes as are saved below
// this.
constexpr int64_t kMinStoredWeights = 256;
constexpr absl::string_view kKept = "float: kept on request";

absl::Status CheckSpec(const v1::VariantSpec& spec) {
  if (spec.scheme() == v1::SCHEME_UNSPECIFIED || !v1::Scheme_IsValid(spec.scheme())) {
    return FieldError("scheme", "names no scheme");
  }
  if (spec.scheme() == v1::SCHEME_CHANGE_IO) {
    return FieldError("scheme", "quantizes nothing");
  }
  if (VariantName(spec.scheme(), spec.io_type()).empty()) {
    return FieldError("io_type", absl::StrCat(v1::Scheme_Name(spec.scheme()),
                                              " has float32 inputs and outputs only"));
  }
  if (spec.min_weights() < 0) return FieldError("min_weights", "is negative");
  return absl::OkStatus();
}

// What activations are where nothing else is asked for.
schema::TensorType UsualActivations(v1::Scheme scheme) {
  if (!NeedsCalibration(scheme)) return schema::TensorType_FLOAT32;
  return scheme == v1::SCHEME_INT16X8 ? schema::TensorType_INT16 : schema::TensorType_INT8;
}

// Those that the request keeps in float get a note.
absl::Status KeepNamedTensors(const Model& model, const v1::VariantSpec& spec,
                              std::vector<OperatorDecision>& decisions) {
  const std::set<absl::string_view> kept(spec.keep_float_tensors().begin(),
                                         spec.keep_float_tensors().end());
  std::set<absl::string_view> unknown = kept;
  for (size_t i = 0; i < decisions.size(); ++i) {
    for (const int32_t output : model.graph().operators[i]->outputs) {
      const absl::string_view name = model.TensorName(TensorIndex{output});
      if (!kept.contains(name)) continue;
      unknown.erase(name);
      decisions[i].note = std::string(kKept);
    }
  }
  if (!unknown.empty()) {
    return FieldError("keep_float_tensors",
                      absl::StrCat("no operator's output is named '", *unknown.begin(), "'"));
  }
  return absl::OkStatus();
}

bool IsMeant(const RE2& pattern, const Model& model, const schema::OperatorT& op) {
  if (RE2::FullMatch(model.OperatorName(op), pattern)) return true;
  return std::ranges::any_of(op.outputs, [&](int32_t output) {
    return RE2::PartialMatch(std::string(model.TensorName(TensorIndex{output})), pattern);
  });
}

absl::Status CheckPrecision(const v1::OperatorOverride& one, v1::Scheme scheme,
                            const std::string& field) {
  if (!v1::OperatorOverride::Precision_IsValid(one.precision()) ||
      one.precision() == v1::OperatorOverride::PRECISION_UNSPECIFIED) {
    return FieldError(field + ".precision", "names no precision");
  }
  if (one.precision() != v1::OperatorOverride::PRECISION_FLOAT32 && !NeedsCalibration(scheme)) {
    return FieldError(field + ".precision",
                      absl::StrCat(v1::Scheme_Name(scheme), " has no integer activations"));
  }
  return absl::OkStatus();
}

void Override(v1::OperatorOverride::Precision precision, OperatorDecision& decision) {
  decision.note = "";
  switch (precision) {
    case v1::OperatorOverride::PRECISION_INT8:
      decision.activation_type = schema::TensorType_INT8;
      return;
    case v1::OperatorOverride::PRECISION_INT16X8:
      decision.activation_type = schema::TensorType_INT16;
      return;
    default:
      decision.note = std::string(kKept);
  }
}

absl::Status ApplyOverrides(const Model& model, const v1::VariantSpec& spec,
                            std::vector<OperatorDecision>& decisions) {
  for (int i = 0; i < spec.overrides_size(); ++i) {
    const v1::OperatorOverride& one = spec.overrides(i);
    const std::string field = absl::StrCat("overrides[", i, "]");
    RETURN_IF_ERROR(CheckPrecision(one, spec.scheme(), field));
    const RE2 pattern(one.pattern(), RE2::Quiet);
    if (!pattern.ok()) {
      return FieldError(field + ".pattern",
                        absl::StrCat("is no regular expression: ", pattern.error()));
    }
    bool is_any_meant = false;
    for (size_t op = 0; op < decisions.size(); ++op) {
      if (!IsMeant(pattern, model, *model.graph().operators[op])) continue;
      is_any_meant = true;
      Override(one.precision(), decisions[op]);
    }
    if (!is_any_meant) {
      return FieldError(field + ".pattern",
                        absl::StrCat("'", one.pattern(), "' names no operator of the model"));
    }
  }
  return absl::OkStatus();
}

// A decision for each operator as if nothing were done; those that the request keeps in float have
// a note already.
absl::StatusOr<std::vector<OperatorDecision>> OpenDecisions(const Model& model,
                                                            const v1::VariantSpec& spec) {
  std::vector<OperatorDecision> decisions;
  for (const auto& op : model.graph().operators) {
    // Runtimes may want to find the constants of what is carried in place.
    const bool is_carried = RowOf(model, *op) == nullptr;
    decisions.push_back({.version = model.OperatorVersion(*op),
                         .note = is_carried ? "float: carried as it is, nothing here runs it" : "",
                         .activation_type = UsualActivations(spec.scheme())});
  }
  RETURN_IF_ERROR(KeepNamedTensors(model, spec, decisions));
  RETURN_IF_ERROR(ApplyOverrides(model, spec, decisions));
  return decisions;
}

void PlanFloat32(QuantPlan* plan) {
  for (OperatorDecision& decision : plan->operators) {
    if (decision.note.empty()) decision.note = "float: as it was";
  }
}

bool FitsFloat16(const Model& model, TensorIndex constant) {
  const std::span<const float> values = model.ConstantValues<float>(constant);
  return std::ranges::all_of(values,
                             [](float value) { return std::abs(value) <= kLargestFloat16; });
}

absl::Status PlanFloat16(const Model& model, QuantPlan* plan) {
  for (int i = 0; i < static_cast<int>(plan->operators.size()); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    decision.note = "float: it has no float constants";
    bool is_beyond = false;
    for (int position = 0; position < static_cast<int>(op.inputs.size()); ++position) {
      const TensorIndex input = InputOf(op, position);
      if (!IsFloatConstant(model, input)) continue;
      RETURN_IF_ERROR(CheckFinite(model, input));
      if (!FitsFloat16(model, input)) {
        is_beyond = true;
        continue;
      }
      plan->constants[{i, position}] = {
          .type = schema::TensorType_FLOAT16, .params = {}, .dequantize = true};
      decision.note = "float: constants stored in float16";
    }
    if (is_beyond) decision.note = "float: a constant is beyond float16's range and stays float32";
  }
  return absl::OkStatus();
}

// Why so few weights stay float, in a reader's words; empty where they do not.
std::string TooFewWeights(const Model& model, TensorIndex weights, const v1::VariantSpec& spec,
                          int64_t usual) {
  const int64_t least = spec.min_weights() > 0 ? spec.min_weights() : usual;
  if (std::ssize(model.ConstantValues<float>(weights)) >= least) return "";
  return absl::StrCat("float: it has fewer than ", least, " weights");
}

// Why `op` has no dynamic form, in a reader's words; empty where it has one.
std::string DynamicProblem(const Model& model, const schema::OperatorT& op, const OperatorRow* row,
                           const v1::VariantSpec& spec) {
  if (row == nullptr || !row->has_dynamic() || !HasWeights(*row)) {
    return "float: no dynamic form of this operator";
  }
  if (std::string problem = WeightsProblem(model, op, *row); !problem.empty()) return problem;
  return TooFewWeights(model, InputOf(op, row->weights_input), spec, kMinDynamicWeights);
}

// What the weights of an operator become where a variant wants `type`.
WeightType WeightsFor(const Model& model, const schema::OperatorT& op, const OperatorRow& row,
                      WeightType type) {
  const bool fits = type == WeightType::kInt4Blocks ? FitsBlocks(model, op, row) : row.takes_int4;
  return fits ? type : WeightType::kInt8;
}

// One operator at least must have blocks, or the variant would be dynamic-int8 by another name.
absl::Status CheckHasBlocks(const QuantPlan& plan) {
  for (const auto& [use, constant] : plan.constants) {
    if (constant.params.block_size > 0) return absl::OkStatus();
  }
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          VariantName(plan.spec.scheme(), plan.spec.io_type()),
          " finds no FULLY_CONNECTED operator with a multiple of ", kWeightBlock, " inputs")),
      "OP_UNSUPPORTED");
}

absl::Status PlanDynamic(const Model& model, WeightType type, QuantPlan* plan) {
  for (int i = 0; i < static_cast<int>(plan->operators.size()); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    const OperatorRow* row = RowOf(model, op);
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    decision.note = DynamicProblem(model, op, row, plan->spec);
    if (!decision.note.empty()) continue;
    RETURN_IF_ERROR(CheckFinite(model, InputOf(op, row->weights_input)));
    const WeightType stored = WeightsFor(model, op, *row, type);
    plan->constants[{i, row->weights_input}] = {.type = StoredType(stored),
                                                .params = WeightParams(model, op, *row, stored)};
    decision = {.quantized = true,
                .version = std::max(decision.version, row->dynamic_version),
                .note = absl::StrCat(NameOf(stored), " weights per ",
                                     stored == WeightType::kInt4Blocks ? "block" : "channel",
                                     ", activations quantized while it runs")};
  }
  return type == WeightType::kInt4Blocks ? CheckHasBlocks(*plan) : absl::OkStatus();
}

// Why the weights of `op` stay float, in a reader's words; empty where they need not.
std::string WeightOnlyProblem(const Model& model, const schema::OperatorT& op,
                              const OperatorRow* row, const v1::VariantSpec& spec) {
  if (row == nullptr || !HasWeights(*row)) return "float: it has no weights";
  if (std::string problem = WeightsProblem(model, op, *row); !problem.empty()) return problem;
  return TooFewWeights(model, InputOf(op, row->weights_input), spec, kMinStoredWeights);
}

// Weights alone: behind a DEQUANTIZE the operator is what it was.
absl::Status PlanWeightOnly(const Model& model, WeightType type, QuantPlan* plan) {
  for (int i = 0; i < static_cast<int>(plan->operators.size()); ++i) {
    const schema::OperatorT& op = *model.graph().operators[i];
    const OperatorRow* row = RowOf(model, op);
    OperatorDecision& decision = plan->operators[i];
    if (!decision.note.empty()) continue;
    decision.note = WeightOnlyProblem(model, op, row, plan->spec);
    if (!decision.note.empty()) continue;
    RETURN_IF_ERROR(CheckFinite(model, InputOf(op, row->weights_input)));
    const WeightType stored = WeightsFor(model, op, *row, type);
    plan->constants[{i, row->weights_input}] = {.type = StoredType(stored),
                                                .params = WeightParams(model, op, *row, stored),
                                                .dequantize = true};
    decision.note = absl::StrCat("float: weights stored in ", NameOf(stored), " per channel");
  }
  return absl::OkStatus();
}

absl::Status PlanScheme(const Model& model, const TensorRanges& ranges, QuantPlan* plan) {
  switch (plan->spec.scheme()) {
    case v1::SCHEME_FLOAT16:
      return PlanFloat16(model, plan);
    case v1::SCHEME_DYNAMIC_INT8:
      return PlanDynamic(model, WeightType::kInt8, plan);
    case v1::SCHEME_DYNAMIC_INT4:
      return PlanDynamic(model, WeightType::kInt4, plan);
    case v1::SCHEME_DYNAMIC_INT4_BLOCK32:
      return PlanDynamic(model, WeightType::kInt4Blocks, plan);
    case v1::SCHEME_WEIGHT_INT8:
      return PlanWeightOnly(model, WeightType::kInt8, plan);
    case v1::SCHEME_WEIGHT_INT4:
      return PlanWeightOnly(model, WeightType::kInt4, plan);
    case v1::SCHEME_INT8:
    case v1::SCHEME_INT8_PER_TENSOR:
    case v1::SCHEME_INT16X8:
      return PlanStatic(model, ranges, UsualActivations(plan->spec.scheme()), plan);
    default:
      PlanFloat32(plan);
      return absl::OkStatus();
  }
}

// Every scheme but float32 stores something anew: a file like the one that came in is no variant.
absl::Status CheckSomethingChanges(const QuantPlan& plan) {
  if (plan.spec.scheme() == v1::SCHEME_FLOAT32) return absl::OkStatus();
  if (!plan.constants.empty() || !plan.activations.empty()) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          VariantName(plan.spec.scheme(), plan.spec.io_type()), " leaves every operator in float")),
      "OP_UNSUPPORTED");
}

}  // namespace

std::string VariantName(v1::Scheme scheme, v1::IoType io_type) {
  const UsualVariant* usual = FindUsual(scheme, io_type);
  return usual == nullptr ? "" : usual->name;
}

std::vector<v1::VariantSpec> UsualVariants() {
  std::vector<v1::VariantSpec> variants;
  for (const UsualVariant& variant : UsualVariantTable()) {
    v1::VariantSpec& spec = variants.emplace_back();
    spec.set_name(variant.name);
    spec.set_scheme(variant.scheme);
    spec.set_io_type(variant.io_type);
  }
  return variants;
}

schema::TensorType TypeOf(v1::IoType io_type) {
  if (io_type == v1::IO_TYPE_INT8) return schema::TensorType_INT8;
  if (io_type == v1::IO_TYPE_UINT8) return schema::TensorType_UINT8;
  if (io_type == v1::IO_TYPE_INT16) return schema::TensorType_INT16;
  return schema::TensorType_FLOAT32;
}

int LevelsOf(v1::Scheme scheme) { return scheme == v1::SCHEME_INT16X8 ? 65536 : 256; }

bool NeedsCalibration(v1::Scheme scheme) {
  const UsualVariant* usual = FindUsual(scheme, v1::IO_TYPE_FLOAT32);
  return usual != nullptr && usual->needs_calibration;
}

absl::StatusOr<QuantPlan> PlanQuantization(const Model& model, const TensorRanges& measured,
                                           const v1::VariantSpec& spec) {
  RETURN_IF_ERROR(CheckSpec(spec));
  const TensorRanges ranges = WithLearnedRanges(model, measured);
  if (NeedsCalibration(spec.scheme()) && ranges.empty()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(VariantName(spec.scheme(), spec.io_type()),
                                                   " needs the ranges that calibration measures")),
        "NO_CALIBRATION");
  }
  QuantPlan plan;
  plan.spec = spec;
  plan.io_type = TypeOf(spec.io_type());
  ASSIGN_OR_RETURN(plan.operators, OpenDecisions(model, spec));
  RETURN_IF_ERROR(PlanScheme(model, ranges, &plan));
  RETURN_IF_ERROR(CheckSomethingChanges(plan));
  return plan;
}

}  // namespace octavo
