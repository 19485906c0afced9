#include "server/api/spec_check.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/api/field_checks.h"
#include "server/jobs/usual_variants.h"

namespace octavo {
namespace {

constexpr int kMaxVariants = 32;
constexpr size_t kMaxVariantNameBytes = 64;
constexpr int kMaxNamesOfTensors = 10'000;
constexpr int kMaxOverrides = 64;
constexpr size_t kMaxTensorNameBytes = 1024;
constexpr int kMaxInputs = 256;
constexpr int kMaxChannels = 4096;
constexpr int kMaxPixels = 8192;
constexpr int kMaxMetrics = 64;
constexpr int kMaxRuns = 100'000;
constexpr int kMaxBenchmarkMs = 600'000;
constexpr int kMaxThreads = 256;
constexpr size_t kMaxSpecBytes = 1 << 20;

std::string Item(absl::string_view field, int index) {
  return absl::StrCat(field, "[", index, "]");
}

bool IsVariantName(absl::string_view name) {
  // A file is named for it: no leading dot.
  return name.size() <= kMaxVariantNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsTensorName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxTensorNameBytes;
}

void CheckVariant(const std::string& field, const v1::VariantSpec& variant, FieldErrors& errors) {
  if (!v1::Scheme_IsValid(variant.scheme()) || variant.scheme() == v1::SCHEME_UNSPECIFIED) {
    return errors.Add(field + ".scheme", "is none of the schemes");
  }
  if (FindUsual(variant) == nullptr) {
    return errors.Add(field + ".io_type", "is no I/O type of this scheme");
  }
  errors.Check(variant.name().empty() || IsVariantName(variant.name()), field + ".name",
               absl::StrCat("is not made of at most ", kMaxVariantNameBytes,
                            " letters, digits, '-', '_' and '.'"));
  errors.Check(!IsNameOfAnother(variant.name(), variant.scheme(), variant.io_type()),
               field + ".name", "is the name of another variant");
  errors.Check(variant.keep_float_tensors_size() <= kMaxNamesOfTensors &&
                   std::all_of(variant.keep_float_tensors().begin(),
                               variant.keep_float_tensors().end(), IsTensorName),
               field + ".keep_float_tensors", "has too many or too long names");
  errors.Check(variant.min_weights() >= 0, field + ".min_weights", "is negative");
  errors.Check(
      variant.overrides_size() <= kMaxOverrides, field + ".overrides",
      absl::StrCat("has ", variant.overrides_size(), ", at most ", kMaxOverrides, " are taken"));
  for (int i = 0; i < std::min(variant.overrides_size(), kMaxOverrides); ++i) {
    const v1::OperatorOverride& one = variant.overrides(i);
    const std::string item = Item(field + ".overrides", i);
    errors.Check(IsTensorName(one.pattern()), item + ".pattern", "is empty or too long");
    errors.Check(v1::OperatorOverride::Precision_IsValid(one.precision()) &&
                     one.precision() != v1::OperatorOverride::PRECISION_UNSPECIFIED,
                 item + ".precision", "is none of the precisions");
  }
}

void CheckVariants(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  errors.Check(spec.all_variants() || spec.variants_size() > 0, "spec.variants",
               "names none, and all_variants is not set");
  errors.Check(spec.variants_size() <= kMaxVariants, "spec.variants",
               absl::StrCat("has ", spec.variants_size(), " variants, at most ", kMaxVariants,
                            " are taken"));
  std::set<std::string> names;
  for (int i = 0; i < std::min(spec.variants_size(), kMaxVariants); ++i) {
    const std::string field = Item("spec.variants", i);
    CheckVariant(field, spec.variants(i), errors);
    const std::string name = VariantName(spec.variants(i));
    errors.Check(name.empty() || names.insert(name).second, field + ".name",
                 "is the name of another variant");
  }
}

void CheckDatasetUse(const std::string& field, const v1::DatasetUse& use, FieldErrors& errors) {
  CheckName(field + ".dataset", use.dataset(), "datasets", errors);
  errors.Check(use.max_examples() >= 0, field + ".max_examples", "is negative");
  errors.Check(use.labels().size() <= kMaxTensorNameBytes, field + ".labels", "is too long");
  errors.Check(use.bindings_size() <= kMaxInputs, field + ".bindings", "has too many entries");
  errors.Check(use.sequences().size() <= kMaxTensorNameBytes, field + ".sequences", "is too long");
  errors.Check(use.targets_size() <= kMaxMetrics, field + ".targets", "has too many entries");
  for (int i = 0; i < std::min(use.targets_size(), kMaxMetrics); ++i) {
    const std::string item = Item(field + ".targets", i);
    errors.Check(IsTensorName(use.targets(i).array()), item + ".array", "is no name of an array");
    errors.Check(use.targets(i).output().size() <= kMaxTensorNameBytes, item + ".output",
                 "is too long");
  }
  std::set<std::string> inputs;
  for (int i = 0; i < std::min(use.bindings_size(), kMaxInputs); ++i) {
    const v1::ArrayBinding& binding = use.bindings(i);
    const std::string item = Item(field + ".bindings", i);
    errors.Check(binding.arrays_size() > 0 && binding.arrays_size() <= kMaxInputs, item + ".arrays",
                 "names no array, or too many");
    errors.Check(binding.input().size() <= kMaxTensorNameBytes, item + ".input", "is too long");
    errors.Check(inputs.insert(binding.input()).second, item + ".input",
                 "is the input of another binding");
  }
}

bool AreFinite(const google::protobuf::RepeatedField<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

void CheckPreprocess(const std::string& field, const v1::Preprocess& step, FieldErrors& errors) {
  errors.Check(v1::ChannelOrder_IsValid(step.channel_order()), field + ".channel_order",
               "is none of the orders");
  errors.Check(v1::ResizeMethod_IsValid(step.resize().method()), field + ".resize.method",
               "is none of the methods");
  const bool has_size = step.resize().height() >= 1 && step.resize().height() <= kMaxPixels &&
                        step.resize().width() >= 1 && step.resize().width() <= kMaxPixels;
  errors.Check(!step.has_resize() || has_size, field + ".resize",
               absl::StrCat("is not between 1 and ", kMaxPixels, " pixels"));
  for (int32_t count : {step.repeat().height(), step.repeat().width(), step.repeat().channels()}) {
    errors.Check(count >= 0 && count <= kMaxChannels, field + ".repeat",
                 absl::StrCat("is not between 0 and ", kMaxChannels));
  }
  errors.Check(step.scale_size() <= kMaxChannels && AreFinite(step.scale()), field + ".scale",
               "has too many values, or one that is not finite");
  errors.Check(step.offset_size() <= kMaxChannels && AreFinite(step.offset()), field + ".offset",
               "has too many values, or one that is not finite");
}

void CheckAllPreprocess(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  errors.Check(spec.preprocess_size() <= kMaxInputs, "spec.preprocess", "has too many entries");
  std::set<std::string> inputs;
  for (int i = 0; i < std::min(spec.preprocess_size(), kMaxInputs); ++i) {
    const std::string field = Item("spec.preprocess", i);
    CheckPreprocess(field, spec.preprocess(i), errors);
    errors.Check(inputs.insert(spec.preprocess(i).input()).second, field + ".input",
                 "is the input of another entry");
  }
}

void CheckGoals(const v1::Goals& goals, FieldErrors& errors) {
  const auto check = [&](const char* field, bool is_set, double value) {
    errors.Check(!is_set || (std::isfinite(value) && value >= 0), field, "is no number from 0 on");
  };
  check("spec.goals.max_drop_points", goals.has_max_drop_points(), goals.max_drop_points());
  check("spec.goals.max_size_ratio", goals.has_max_size_ratio(), goals.max_size_ratio());
  check("spec.goals.max_latency_ratio", goals.has_max_latency_ratio(), goals.max_latency_ratio());
}

void CheckMetrics(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  errors.Check(spec.metrics_size() <= kMaxMetrics, "spec.metrics", "has too many entries");
  const bool is_evaluated = spec.has_evaluation() && !spec.skip_evaluation();
  errors.Check(spec.metrics().empty() || is_evaluated, "spec.metrics",
               "nothing is evaluated: there is no evaluation set");
  for (int i = 0; i < std::min(spec.metrics_size(), kMaxMetrics); ++i) {
    const v1::EvaluationSpec& metric = spec.metrics(i);
    const std::string field = Item("spec.metrics", i);
    errors.Check(v1::EvaluationKind_IsValid(metric.kind()), field + ".kind",
                 "is none of the kinds");
    errors.Check(metric.output().size() <= kMaxTensorNameBytes, field + ".output", "is too long");
    errors.Check(std::isfinite(metric.threshold()), field + ".threshold", "is not finite");
  }
}

void CheckFeedback(const std::string& field, const v1::Feedback& feedback, FieldErrors& errors) {
  errors.Check(feedback.output().size() <= kMaxTensorNameBytes, field + ".output", "is too long");
  errors.Check(feedback.input().size() <= kMaxTensorNameBytes, field + ".input", "is too long");
  errors.Check(std::all_of(feedback.channels().begin(), feedback.channels().end(),
                           [](int32_t channel) { return channel >= 0; }),
               field + ".channels", "has one below 0");
  errors.Check(std::isfinite(feedback.scale()), field + ".scale", "is not finite");
  errors.Check(std::isfinite(feedback.offset()), field + ".offset", "is not finite");
}

void CheckRecurrence(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  const v1::RecurrenceSpec& recurrence = spec.recurrence();
  const bool has_sequences = !spec.evaluation().sequences().empty();
  errors.Check(spec.has_recurrence() || !has_sequences, "spec.evaluation.sequences",
               "there is no recurrence");
  if (!spec.has_recurrence()) return;
  errors.Check(spec.has_evaluation() && !spec.skip_evaluation(), "spec.recurrence",
               "nothing is evaluated: there is no evaluation set");
  errors.Check(recurrence.feedbacks_size() >= 1 && recurrence.feedbacks_size() <= kMaxMetrics,
               "spec.recurrence.feedbacks", absl::StrCat("is not between 1 and ", kMaxMetrics));
  errors.Check(recurrence.sequence_length() >= 0, "spec.recurrence.sequence_length", "is negative");
  errors.Check(recurrence.sequence_length() == 0 || !has_sequences,
               "spec.recurrence.sequence_length",
               "spec.evaluation.sequences says too where sequences begin");
  for (int i = 0; i < std::min(recurrence.feedbacks_size(), kMaxMetrics); ++i) {
    CheckFeedback(Item("spec.recurrence.feedbacks", i), recurrence.feedbacks(i), errors);
  }
}

void CheckBenchmark(const v1::BenchmarkSpec& benchmark, FieldErrors& errors) {
  auto check = [&](const char* field, int32_t value, int32_t largest) {
    errors.Check(value >= 0 && value <= largest, field,
                 absl::StrCat("is not between 0 and ", largest));
  };
  check("spec.benchmark.warmup_runs", benchmark.warmup_runs(), kMaxRuns);
  check("spec.benchmark.runs", benchmark.runs(), kMaxRuns);
  check("spec.benchmark.max_duration_ms", benchmark.max_duration_ms(), kMaxBenchmarkMs);
}

}  // namespace

absl::Status CheckCreateJob(const v1::CreateJobRequest& request) {
  const v1::OptimizeSpec& spec = request.spec();
  FieldErrors errors;
  CheckText("display_name", request.display_name(), errors);
  CheckText("request_id", request.request_id(), errors);
  CheckLabels("labels", request.labels(), errors);
  CheckName("spec.model", spec.model(), "models", errors);
  CheckVariants(spec, errors);
  if (spec.has_calibration()) CheckDatasetUse("spec.calibration", spec.calibration(), errors);
  errors.Check(spec.calibration().targets().empty() && spec.calibration().sequences().empty(),
               "spec.calibration.targets", "targets and sequences are of evaluation");
  if (spec.has_evaluation()) CheckDatasetUse("spec.evaluation", spec.evaluation(), errors);
  CheckAllPreprocess(spec, errors);
  errors.Check(spec.ByteSizeLong() <= kMaxSpecBytes, "spec",
               absl::StrCat("has more than ", kMaxSpecBytes, " bytes"));
  errors.Check(v1::ObserverKind_IsValid(spec.observer()), "spec.observer",
               "is none of the observers");
  errors.Check(v1::Backend_IsValid(spec.backend()), "spec.backend", "is none of the backends");
  CheckBenchmark(spec.benchmark(), errors);
  CheckGoals(spec.goals(), errors);
  CheckMetrics(spec, errors);
  CheckRecurrence(spec, errors);
  errors.Check(spec.num_threads() >= 0 && spec.num_threads() <= kMaxThreads, "spec.num_threads",
               absl::StrCat("is not between 0 and ", kMaxThreads));
  return errors.ToStatus();
}

}  // namespace octavo
