#include "core/engine/settle_metrics.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

constexpr int kMaxMetrics = 64;
constexpr int kMaxFeedbacks = 64;

// A step's error as one of `field`; one that has a reason keeps it.
absl::Status AsField(absl::string_view field, const absl::Status& status) {
  if (status.ok() || !ReasonOf(status).empty()) return status;
  return FieldError(field, status.message());
}

absl::Status CheckMetric(const std::string& field, const v1::EvaluationSpec& metric) {
  if (!v1::EvaluationKind_IsValid(metric.kind())) {
    return FieldError(absl::StrCat(field, ".kind"), absl::StrCat(metric.kind(), " is no kind"));
  }
  if (!std::isfinite(metric.threshold())) {
    return FieldError(absl::StrCat(field, ".threshold"), "is not finite");
  }
  return absl::OkStatus();
}

absl::Status CheckRecurrence(const v1::OptimizeSpec& spec) {
  const v1::RecurrenceSpec& recurrence = spec.recurrence();
  if (!spec.has_recurrence()) {
    if (spec.evaluation().sequences().empty()) return absl::OkStatus();
    return FieldError("spec.evaluation.sequences", "there is no recurrence");
  }
  if (recurrence.feedbacks().empty() || recurrence.feedbacks_size() > kMaxFeedbacks) {
    return FieldError("spec.recurrence.feedbacks", absl::StrCat("wants 1 to ", kMaxFeedbacks));
  }
  if (recurrence.sequence_length() < 0) {
    return FieldError("spec.recurrence.sequence_length", "is negative");
  }
  if (recurrence.sequence_length() > 0 && !spec.evaluation().sequences().empty()) {
    return FieldError("spec.recurrence.sequence_length",
                      "spec.evaluation.sequences says too where sequences begin");
  }
  return absl::OkStatus();
}

// The metric that was asked for of an output: by its name, else for all.
absl::StatusOr<v1::EvaluationSpec> MetricOf(const Model& model, const v1::OptimizeSpec& spec,
                                            const OutputPart& part) {
  v1::EvaluationSpec found;
  for (int i = 0; i < spec.metrics_size(); ++i) {
    const v1::EvaluationSpec& metric = spec.metrics(i);
    if (metric.output().empty()) {
      if (found.output().empty()) found = metric;
      continue;
    }
    const auto named = FindOutputPart(model, metric.output());
    RETURN_IF_ERROR(AsField(absl::StrCat("spec.metrics[", i, "].output"), named.status()));
    if (named->name == part.name) found = metric;
  }
  return found;
}

absl::Status CheckEveryMetricHasTargets(const Model& model, const v1::OptimizeSpec& spec,
                                        const std::vector<TaskMetric>& metrics, bool has_labels) {
  for (int i = 0; i < spec.metrics_size(); ++i) {
    const v1::EvaluationSpec& wanted = spec.metrics(i);
    const std::string field = absl::StrCat("spec.metrics[", i, "]");
    const auto part = FindOutputPart(model, wanted.output());
    RETURN_IF_ERROR(AsField(absl::StrCat(field, ".output"), part.status()));
    const bool is_met = std::ranges::any_of(metrics, [&](const TaskMetric& metric) {
      return wanted.output().empty() || metric.part.name == part->name;
    });
    const bool is_of_labels = has_labels && part->output == 0 && part->width() == part->columns &&
                              (wanted.kind() == v1::EVALUATION_KIND_CLASSES ||
                               wanted.kind() == v1::EVALUATION_KIND_UNSPECIFIED);
    if (is_met || is_of_labels) continue;
    return FieldError(
        field, absl::StrCat("there are no targets of output '", part->name,
                            "' (spec.evaluation.targets; on the command line --targets ARRAY)"));
  }
  return absl::OkStatus();
}

// Masks in image files take the size of an output of rows and columns.
absl::Status FitMasks(const OutputPart& part, Targets& targets) {
  if (part.shape.size() == 4) {
    RETURN_IF_ERROR(targets.FitMasks(part.shape[1], part.shape[2]));
  }
  if (std::ranges::count(targets.shape(), -1) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the masks are of several sizes, and output '",
                                                 part.name, "' has no rows and columns"));
}

absl::StatusOr<TaskMetric> SettleMetric(const Model& model, const v1::OptimizeSpec& spec,
                                        BoundDataset& evaluation, int i) {
  const v1::TargetBinding& binding = spec.evaluation().targets(i);
  const std::string field = absl::StrCat("spec.evaluation.targets[", i, "]");
  auto part = FindOutputPart(model, binding.output());
  RETURN_IF_ERROR(AsField(absl::StrCat(field, ".output"), part.status()));
  ASSIGN_OR_RETURN(const v1::EvaluationSpec wanted, MetricOf(model, spec, *part));
  RETURN_IF_ERROR(AsField(absl::StrCat(field, ".array"), FitMasks(*part, *evaluation.targets[i])));
  auto metric = PlanMetric(*std::move(part), *evaluation.targets[i], binding.array(), wanted);
  RETURN_IF_ERROR(AsField(absl::StrCat(field, ".array"), metric.status()));
  RETURN_IF_ERROR(CheckTargets(evaluation.dataset->size(), spec.num_threads(), *metric));
  evaluation.used.mutable_targets(i)->set_output(metric->part.name);
  return metric;
}

// What the model has, and what targets name beside that; the only output is not told twice.
std::vector<OutputPart> PartsToTell(const Model& model, const std::vector<TaskMetric>& metrics) {
  std::vector<OutputPart> parts = NaturalParts(model);
  const bool is_whole = parts.size() == 1;
  for (const TaskMetric& metric : metrics) {
    const bool is_there = std::ranges::any_of(
        parts, [&](const OutputPart& part) { return part.name == metric.part.name; });
    if (!is_there) parts.push_back(metric.part);
  }
  if (is_whole && parts.size() > 1) parts.erase(parts.begin());
  return parts;
}

std::vector<int64_t> StartsOf(const v1::RecurrenceSpec& recurrence,
                              const BoundDataset& evaluation) {
  if (!evaluation.sequence_starts.empty()) return evaluation.sequence_starts;
  const int64_t size = evaluation.dataset->size();
  const int64_t length = recurrence.sequence_length() > 0 ? recurrence.sequence_length() : size;
  std::vector<int64_t> starts;
  for (int64_t start = 0; start < size; start += std::min(length, size)) starts.push_back(start);
  return starts;
}

absl::StatusOr<Recurrence> SettleRecurrence(const Model& model, const v1::RecurrenceSpec& wanted,
                                            const BoundDataset& evaluation) {
  Recurrence recurrence{.starts = StartsOf(wanted, evaluation)};
  for (int i = 0; i < wanted.feedbacks_size(); ++i) {
    auto plan = PlanFeedback(model, wanted.feedbacks(i));
    RETURN_IF_ERROR(AsField(absl::StrCat("spec.recurrence.feedbacks[", i, "]"), plan.status()));
    recurrence.feedbacks.push_back(*std::move(plan));
  }
  return recurrence;
}

}  // namespace

absl::Status CheckMetrics(const v1::OptimizeSpec& spec) {
  if (spec.metrics_size() > kMaxMetrics) {
    return FieldError("spec.metrics", absl::StrCat("more than ", kMaxMetrics));
  }
  for (int i = 0; i < spec.metrics_size(); ++i) {
    RETURN_IF_ERROR(CheckMetric(absl::StrCat("spec.metrics[", i, "]"), spec.metrics(i)));
  }
  if (spec.evaluation().targets_size() > kMaxMetrics) {
    return FieldError("spec.evaluation.targets", absl::StrCat("more than ", kMaxMetrics));
  }
  if (!spec.calibration().targets().empty() || !spec.calibration().sequences().empty()) {
    return FieldError("spec.calibration.targets", "targets and sequences are of evaluation");
  }
  const bool is_evaluated = spec.has_evaluation() && !spec.skip_evaluation();
  if (!is_evaluated && !spec.metrics().empty()) {
    return FieldError("spec.metrics", "nothing is evaluated: there is no evaluation set");
  }
  if (!is_evaluated && spec.has_recurrence()) {
    return FieldError("spec.recurrence", "nothing is evaluated: there is no evaluation set");
  }
  return CheckRecurrence(spec);
}

absl::StatusOr<SettledMetrics> SettleMetrics(const Model& model, const v1::OptimizeSpec& spec,
                                             BoundDataset& evaluation) {
  SettledMetrics settled;
  std::set<std::string> names;
  for (int i = 0; i < spec.evaluation().targets_size(); ++i) {
    ASSIGN_OR_RETURN(TaskMetric metric, SettleMetric(model, spec, evaluation, i));
    if (!names.insert(metric.part.name).second) {
      return FieldError(absl::StrCat("spec.evaluation.targets[", i, "].output"),
                        absl::StrCat("'", metric.part.name, "' has targets already"));
    }
    settled.metrics.push_back(std::move(metric));
  }
  RETURN_IF_ERROR(CheckEveryMetricHasTargets(model, spec, settled.metrics,
                                             !evaluation.dataset->labels().empty()));
  settled.parts = PartsToTell(model, settled.metrics);
  if (spec.has_recurrence()) {
    ASSIGN_OR_RETURN(settled.recurrence, SettleRecurrence(model, spec.recurrence(), evaluation));
  }
  return settled;
}

}  // namespace octavo
