#include "core/engine/explain.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/base/status_macros.h"
#include "core/evaluate/tensor_errors.h"
#include "core/runtime/delegate_parts.h"
#include "core/tflite/operator_table.h"
#include "re2/re2.h"

namespace octavo {
namespace {

using v1::OperatorReport;
using v1::VariantReport;

constexpr int kMaxAdvised = 20;
constexpr int kMaxUndelegated = 50;
constexpr int kMaxDifferences = 100;
// An operator that alone is above this ratio costs a deep net little.
constexpr double kGoodSqnrDb = 35;
// Noise of one cause this much below that of all is not the cause.
constexpr double kMinorDb = 6;
constexpr double kMuchSaturated = 0.001;
constexpr double kMuchLostDb = 6;
// A name that is longer is not typed again.
constexpr size_t kMaxNameBytes = 300;

using ErrorsByName = std::map<std::string, const TensorError*>;

ErrorsByName ByName(const std::vector<TensorError>& errors) {
  ErrorsByName by_name;
  for (const TensorError& error : errors) by_name[error.name] = &error;
  return by_name;
}

// The least ratio of what feeds `op`; nothing where none of it is known.
std::optional<double> WorstInput(const Model& model, const schema::OperatorT& op,
                                 const ErrorsByName& errors) {
  std::optional<double> worst;
  for (const int32_t input : op.inputs) {
    if (input < 0) continue;
    const auto found = errors.find(std::string(model.TensorName(TensorIndex{input})));
    if (found == errors.end()) continue;
    worst = std::min(worst.value_or(found->second->sqnr_db), found->second->sqnr_db);
  }
  return worst;
}

// The operators of `model` by their first outputs' names.
std::map<std::string, const schema::OperatorT*> OperatorsByOutput(const Model& model) {
  std::map<std::string, const schema::OperatorT*> found;
  for (const auto& op : model.graph().operators) {
    const TensorIndex output = OutputOf(*op, 0);
    if (output != kNoTensor) found[std::string(model.TensorName(output))] = op.get();
  }
  return found;
}

void ReportAccumulated(const Model& reference, const ErrorsByName& errors, VariantReport& report) {
  const auto operators = OperatorsByOutput(reference);
  for (OperatorReport& row : *report.mutable_operators()) {
    const auto found = errors.find(row.name());
    if (found == errors.end()) continue;
    const TensorError& error = *found->second;
    row.set_sqnr_db(error.sqnr_db);
    row.set_range_min(error.reference_range.min);
    row.set_range_max(error.reference_range.max);
    row.set_saturated(error.saturated);
    const auto op = operators.find(row.name());
    if (op == operators.end()) continue;
    const double lost = WorstInput(reference, *op->second, errors).value_or(NAN) - error.sqnr_db;
    if (std::isfinite(lost)) row.set_sqnr_lost_db(lost);
  }
}

// Behind a conversion to float the tensor of the operator's name can hold everything: only the
// operator's own output shows what its integers cannot.
void ReportAlone(const TensorError& error, OperatorReport& row) {
  row.set_sqnr_alone_db(error.sqnr_db);
  row.set_range_min(error.reference_range.min);
  row.set_range_max(error.reference_range.max);
  row.set_saturated(std::max(row.saturated(), error.saturated));
}

std::string ShellQuoted(absl::string_view name) {
  return absl::StrCat("'", absl::StrReplaceAll(name, {{"'", "'\\''"}}), "'");
}

// The end of a sentence. The flag takes a regular expression, which other operators' names may
// match in part; no full stop follows, which would be copied with it.
std::string KeepFloat(const OperatorReport& op) {
  if (op.name().empty() || op.name().size() > kMaxNameBytes) return "keep this operator in float.";
  return absl::StrCat("keep it in float: --keep-float ",
                      ShellQuoted(absl::StrCat("^", RE2::QuoteMeta(op.name()), "$")));
}

bool HasInt4Weights(const VariantReport& report) {
  return report.spec().scheme() == v1::SCHEME_WEIGHT_INT4 ||
         report.spec().scheme() == v1::SCHEME_DYNAMIC_INT4 ||
         report.spec().scheme() == v1::SCHEME_DYNAMIC_INT4_BLOCK32;
}

bool HasFloatActivations(const VariantReport& report) {
  return report.spec().scheme() == v1::SCHEME_FLOAT16 ||
         report.spec().scheme() == v1::SCHEME_WEIGHT_INT8 ||
         report.spec().scheme() == v1::SCHEME_WEIGHT_INT4;
}

std::string AgainstWeights(const OperatorReport& op, const VariantReport& report) {
  const std::string cause =
      absl::StrFormat("Its weights lose most (%.1f dB): ", op.weights_sqnr_db());
  if (HasInt4Weights(report)) {
    return absl::StrCat(cause, "try weights in int8, or ", KeepFloat(op));
  }
  if (report.spec().scheme() == v1::SCHEME_INT8_PER_TENSOR) {
    return absl::StrCat(cause, "try int8, which has a scale for each channel, or ", KeepFloat(op));
  }
  return absl::StrCat(cause, KeepFloat(op));
}

std::string AgainstSaturation(const OperatorReport& op, const VariantReport& report) {
  const std::string cause =
      absl::StrFormat("%.3g %% of its values are outside of the range that calibration chose: ",
                      100 * op.saturated());
  const bool keeps_all = report.observer() == v1::OBSERVER_KIND_MIN_MAX;
  return absl::StrCat(cause, keeps_all ? "calibrate on more examples, and on such as it will meet."
                                       : "try --observer min-max or auto, or more examples.");
}

std::string AgainstActivations(const OperatorReport& op, const VariantReport& report) {
  const bool is_auto = !report.observer_trials().empty();
  switch (report.spec().scheme()) {
    case v1::SCHEME_INT8:
    case v1::SCHEME_INT8_PER_TENSOR:
      return absl::StrCat(
          "Its 256 steps from ", absl::StrFormat("%.4g to %.4g", op.range_min(), op.range_max()),
          " are coarse: try ", is_auto ? "" : "--observer auto, ", "int16x8, or ", KeepFloat(op));
    case v1::SCHEME_DYNAMIC_INT8:
    case v1::SCHEME_DYNAMIC_INT4:
    case v1::SCHEME_DYNAMIC_INT4_BLOCK32:
      return absl::StrCat("Its inputs lose most, quantized while running: try weight-int8, or ",
                          KeepFloat(op));
    default:
      return absl::StrCat("To spare it, ", KeepFloat(op));
  }
}

double AloneOf(const OperatorReport& op) {
  return op.has_sqnr_alone_db() ? op.sqnr_alone_db() : std::numeric_limits<double>::infinity();
}

// Whether no calibration could have chosen another range: that of SOFTMAX ends just below 1,
// whatever the data.
bool HasFixedRange(const OperatorReport& op) {
  const auto row = std::ranges::find(OperatorTable(), op.type(), &OperatorRow::name);
  return row != OperatorTable().end() && row->output_scale == OutputScale::kFixed;
}

bool IsSaturated(const OperatorReport& op) {
  return op.saturated() > kMuchSaturated && !HasFixedRange(op);
}

bool CostsMuch(const OperatorReport& op) {
  return AloneOf(op) < kGoodSqnrDb || IsSaturated(op) ||
         (!op.has_sqnr_alone_db() && op.sqnr_lost_db() > kMuchLostDb);
}

std::string AdviceFor(const OperatorReport& op, const VariantReport& report) {
  if (!op.quantized() && !op.has_weights_sqnr_db()) return "";
  if (IsSaturated(op)) return AgainstSaturation(op, report);
  if (op.has_weights_sqnr_db() &&
      (HasFloatActivations(report) || op.weights_sqnr_db() < AloneOf(op) + kMinorDb)) {
    return AgainstWeights(op, report);
  }
  // A ratio of all weights together does not show that one channel's are lost.
  if (op.has_weights_sqnr_db() && report.spec().scheme() == v1::SCHEME_INT8_PER_TENSOR) {
    return absl::StrCat(
        "One scale for all channels may be too coarse for some: try int8, which has "
        "a scale for each, or ",
        KeepFloat(op));
  }
  return AgainstActivations(op, report);
}

std::string OutputName(const Model& model, const schema::OperatorT& op) {
  const TensorIndex output = OutputOf(op, 0);
  return output == kNoTensor ? "" : std::string(model.TensorName(output));
}

}  // namespace

absl::Status ExplainOperators(const Model& reference, const Model& variant, const Dataset& dataset,
                              int num_threads, VariantReport& report) {
  const TensorErrorOptions options{.num_threads = num_threads};
  ASSIGN_OR_RETURN(const std::vector<TensorError> accumulated,
                   CompareTensors(reference, variant, dataset, options));
  ReportAccumulated(reference, ByName(accumulated), report);
  ASSIGN_OR_RETURN(const std::vector<TensorError> alone,
                   CompareOperatorsAlone(reference, variant, dataset, options));
  const ErrorsByName by_name = ByName(alone);
  for (OperatorReport& row : *report.mutable_operators()) {
    const auto found = by_name.find(row.name());
    if (found != by_name.end()) ReportAlone(*found->second, row);
  }
  AdviseOperators(report);
  return absl::OkStatus();
}

void AdviseOperators(VariantReport& report) {
  std::vector<OperatorReport*> costly;
  for (OperatorReport& op : *report.mutable_operators()) {
    if (CostsMuch(op)) costly.push_back(&op);
  }
  std::ranges::stable_sort(costly, [](const OperatorReport* a, const OperatorReport* b) {
    return AloneOf(*a) < AloneOf(*b);
  });
  if (costly.size() > kMaxAdvised) costly.resize(kMaxAdvised);
  for (OperatorReport* op : costly) op->set_advice(AdviceFor(*op, report));
}

v1::DelegateEstimate DescribeDelegate(const Model& written) {
  const DelegateParts parts = EstimateDelegateParts(written);
  const auto& operators = written.graph().operators;
  v1::DelegateEstimate estimate;
  estimate.set_parts(parts.parts);
  estimate.set_operators(static_cast<int32_t>(operators.size()));
  estimate.set_delegated(static_cast<int32_t>(operators.size() - parts.undelegated.size()));
  for (const bool breaks : {true, false}) {
    for (const UndelegatedOperator& op : parts.undelegated) {
      if (op.breaks != breaks || estimate.undelegated_size() == kMaxUndelegated) continue;
      v1::UndelegatedOperator& row = *estimate.add_undelegated();
      row.set_index(op.index);
      row.set_type(written.OperatorName(*operators[op.index]));
      row.set_name(OutputName(written, *operators[op.index]));
      row.set_why(op.why);
      row.set_breaks(op.breaks);
    }
  }
  return estimate;
}

v1::BackendComparison DescribeBackends(const Model& model, const BackendDifferences& differences) {
  v1::BackendComparison comparison;
  comparison.set_operators(static_cast<int32_t>(differences.operators.size()));
  comparison.set_examples(differences.examples);
  comparison.set_outputs_max_codes(differences.outputs_max_codes);
  comparison.set_outputs_sqnr_db(differences.outputs_sqnr_db);
  std::vector<CodeDifference> worst;
  for (const CodeDifference& difference : differences.operators) {
    if (difference.max_codes > 1) worst.push_back(difference);
  }
  std::ranges::stable_sort(worst, std::greater<>(), &CodeDifference::max_codes);
  if (worst.size() > kMaxDifferences) worst.resize(kMaxDifferences);
  for (const CodeDifference& difference : worst) {
    const schema::OperatorT& op = *model.graph().operators[difference.op];
    v1::BackendDifference& row = *comparison.add_differences();
    row.set_index(difference.op);
    row.set_type(model.OperatorName(op));
    row.set_name(OutputName(model, op));
    row.set_max_codes(difference.max_codes);
    row.set_share(difference.share);
  }
  return comparison;
}

}  // namespace octavo
