#include "core/engine/spec_check.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/base/usual_variants.h"
#include "core/engine/settle_metrics.h"
#include "core/evaluate/latency.h"
#include "core/evaluate/set_checks.h"
#include "core/graph/fix_shapes.h"
#include "core/quantize/plan_quantization.h"

namespace octavo {
namespace {

constexpr int kMaxVariants = 32;
constexpr size_t kMaxNameBytes = 64;
constexpr int kMaxThreads = 256;
constexpr int64_t kCalibrationExamples = 512;
constexpr int kMaxBenchmarkRuns = 100'000;
constexpr int kMaxBenchmarkDurationMs = 600'000;

absl::Status CheckBetween(absl::string_view field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return FieldError(field, absl::StrCat(value, " is not between ", low, " and ", high));
}

absl::Status CheckGoal(absl::string_view field, bool is_set, double value) {
  if (!is_set || (std::isfinite(value) && value >= 0)) return absl::OkStatus();
  return FieldError(field, absl::StrCat(value, " is no goal"));
}

absl::Status CheckGoals(const v1::Goals& goals) {
  RETURN_IF_ERROR(CheckGoal("spec.goals.max_drop_points", goals.has_max_drop_points(),
                            goals.max_drop_points()));
  RETURN_IF_ERROR(
      CheckGoal("spec.goals.max_size_ratio", goals.has_max_size_ratio(), goals.max_size_ratio()));
  return CheckGoal("spec.goals.max_latency_ratio", goals.has_max_latency_ratio(),
                   goals.max_latency_ratio());
}

absl::Status FillBenchmark(v1::BenchmarkSpec& benchmark) {
  RETURN_IF_ERROR(
      CheckBetween("spec.benchmark.warmup_runs", benchmark.warmup_runs(), 0, kMaxBenchmarkRuns));
  RETURN_IF_ERROR(CheckBetween("spec.benchmark.runs", benchmark.runs(), 0, kMaxBenchmarkRuns));
  RETURN_IF_ERROR(CheckBetween("spec.benchmark.max_duration_ms", benchmark.max_duration_ms(), 0,
                               kMaxBenchmarkDurationMs));
  if (benchmark.warmup_runs() == 0) benchmark.set_warmup_runs(kDefaultWarmupRuns);
  if (benchmark.max_duration_ms() == 0) benchmark.set_max_duration_ms(kDefaultBenchmarkMs);
  return absl::OkStatus();
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         std::ranges::all_of(name, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

// One variant as asked for, with its I/O type and name.
absl::StatusOr<v1::VariantSpec> SettleVariant(v1::VariantSpec variant, absl::string_view field) {
  if (!v1::Scheme_IsValid(variant.scheme()) || variant.scheme() == v1::SCHEME_UNSPECIFIED) {
    return FieldError(absl::StrCat(field, ".scheme"),
                      absl::StrCat(variant.scheme(), " is no scheme"));
  }
  if (variant.io_type() == v1::IO_TYPE_UNSPECIFIED) variant.set_io_type(v1::IO_TYPE_FLOAT32);
  const std::string usual_name = VariantName(variant.scheme(), variant.io_type());
  if (usual_name.empty()) {
    return FieldError(
        absl::StrCat(field, ".io_type"),
        absl::StrCat(v1::Scheme_Name(variant.scheme()), " has no inputs and outputs of ",
                     v1::IoType_Name(variant.io_type())));
  }
  if (variant.name().empty()) variant.set_name(usual_name);
  const std::string name_field = absl::StrCat(field, ".name");
  if (!IsName(variant.name())) {
    return FieldError(name_field, "a name has 1 to 64 letters, digits, '-', '_' and '.'");
  }
  if (IsNameOfAnother(variant.name(), variant.scheme(), variant.io_type())) {
    return FieldError(name_field,
                      absl::StrCat("'", variant.name(), "' is the name of another variant"));
  }
  return variant;
}

bool IsPlainFloat(const SettledVariant& variant) {
  return variant.spec.scheme() == v1::SCHEME_FLOAT32;
}

bool IsMadeOf(const VariantSource& source, const v1::VariantSpec& variant) {
  // The baseline of a quantized model has a name of its own.
  if (source.is_quantized && variant.scheme() == v1::SCHEME_FLOAT32) return false;
  const bool is_float = !source.is_quantized || source.is_uint8;
  return is_float == (variant.scheme() != v1::SCHEME_CHANGE_IO);
}

// Those of `all_variants` that were not asked for anyway.
void AddUsualVariants(const VariantSource& source, std::vector<SettledVariant>& variants) {
  for (const v1::VariantSpec& usual : UsualVariants()) {
    if (!IsMadeOf(source, usual) || FindUsual(usual.name())->only_by_name) continue;
    const bool is_there = std::ranges::any_of(variants, [&](const SettledVariant& variant) {
      return variant.spec.name() == usual.name();
    });
    if (!is_there) variants.push_back({.spec = usual, .optional = true, .skip_reason = ""});
  }
}

void PutFloatFirst(std::vector<SettledVariant>& variants, bool add, absl::string_view name) {
  const auto baseline = std::ranges::find_if(variants, IsPlainFloat);
  if (baseline != variants.end()) {
    std::rotate(variants.begin(), baseline, baseline + 1);
  } else if (add) {
    v1::VariantSpec float32;
    float32.set_name(std::string(name));
    float32.set_scheme(v1::SCHEME_FLOAT32);
    float32.set_io_type(v1::IO_TYPE_FLOAT32);
    variants.insert(variants.begin(), {.spec = float32, .optional = false, .skip_reason = ""});
  }
}

absl::Status CheckKind(const VariantSource& source, const v1::VariantSpec& variant) {
  if (variant.scheme() == v1::SCHEME_FLOAT32 || IsMadeOf(source, variant)) {
    return absl::OkStatus();
  }
  if (source.is_quantized && !source.is_uint8) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "variant '", variant.name(),
                          "': the model is quantized already; of such a model other inputs and "
                          "outputs are made: io-float32, io-int8, io-uint8, io-int16")),
                      "NOT_FLOAT", {{"variant", variant.name()}});
  }
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat("variant '", variant.name(),
                                                 "' is made of models that are quantized already")),
      "NOT_QUANTIZED", {{"variant", variant.name()}});
}

absl::Status SettleCalibration(bool has_set, const VariantSource& source, SettledVariant& variant) {
  const bool is_run = source.not_run.empty();
  if ((has_set && is_run) || source.has_ranges || !NeedsCalibration(variant.spec.scheme())) {
    return absl::OkStatus();
  }
  if (variant.optional) {
    variant.skip_reason = is_run ? "there is no calibration set"
                                 : absl::StrCat("cannot be calibrated: ", source.not_run);
    return absl::OkStatus();
  }
  const std::string what = absl::StrCat("variant '", variant.spec.name(), "' needs a calibration");
  return WithReason(
      absl::FailedPreconditionError(is_run ? absl::StrCat(what, " set, and there is none")
                                           : absl::StrCat(what, ": ", source.not_run)),
      is_run ? "NO_CALIBRATION" : "OP_UNSUPPORTED", {{"variant", variant.spec.name()}});
}

}  // namespace

absl::StatusOr<v1::OptimizeSpec> FillDefaults(const v1::OptimizeSpec& spec) {
  v1::OptimizeSpec full = spec;
  if (spec.variants().empty() && !spec.all_variants()) {
    return FieldError("spec.variants", "there are none");
  }
  if (spec.variants_size() > kMaxVariants) {
    return FieldError("spec.variants", absl::StrCat("more than ", kMaxVariants));
  }
  RETURN_IF_ERROR(CheckBetween("spec.num_threads", spec.num_threads(), 0, kMaxThreads));
  RETURN_IF_ERROR(CheckBetween("spec.batch", spec.batch(), 0, kMaxBatch));
  RETURN_IF_ERROR(CheckBetween("spec.calibration.max_examples", spec.calibration().max_examples(),
                               0, INT64_MAX));
  RETURN_IF_ERROR(
      CheckBetween("spec.evaluation.max_examples", spec.evaluation().max_examples(), 0, INT64_MAX));
  RETURN_IF_ERROR(CheckGoals(spec.goals()));
  RETURN_IF_ERROR(CheckMetrics(spec));
  RETURN_IF_ERROR(FillBenchmark(*full.mutable_benchmark()));
  if (!v1::ObserverKind_IsValid(spec.observer())) {
    return FieldError("spec.observer", absl::StrCat(spec.observer(), " is no observer"));
  }
  if (spec.observer() == v1::OBSERVER_KIND_UNSPECIFIED) {
    full.set_observer(v1::OBSERVER_KIND_MIN_MAX);
  }
  if (!v1::Backend_IsValid(spec.backend())) {
    return FieldError("spec.backend", absl::StrCat(spec.backend(), " is no backend"));
  }
  if (spec.backend() == v1::BACKEND_UNSPECIFIED) full.set_backend(v1::BACKEND_XNNPACK);
  if (spec.num_threads() == 0) full.set_num_threads(NumProcessors());
  if (spec.has_calibration() && spec.calibration().max_examples() == 0) {
    full.mutable_calibration()->set_max_examples(kCalibrationExamples);
  }
  return full;
}

absl::StatusOr<std::vector<SettledVariant>> SettleVariants(const v1::OptimizeSpec& spec,
                                                           const VariantSource& source) {
  std::vector<SettledVariant> variants;
  std::set<std::string> names;
  for (int i = 0; i < spec.variants_size(); ++i) {
    const std::string field = absl::StrCat("spec.variants[", i, "]");
    ASSIGN_OR_RETURN(v1::VariantSpec variant, SettleVariant(spec.variants(i), field));
    if (!names.insert(variant.name()).second) {
      return FieldError(absl::StrCat(field, ".name"),
                        absl::StrCat("'", variant.name(), "' is there twice"));
    }
    RETURN_IF_ERROR(CheckKind(source, variant));
    variants.push_back({.spec = std::move(variant), .optional = false, .skip_reason = ""});
  }
  if (spec.all_variants()) AddUsualVariants(source, variants);
  PutFloatFirst(variants, /*add=*/!spec.skip_evaluation(),
                source.is_quantized ? kQuantizedBaseline : "float32");
  for (SettledVariant& variant : variants) {
    RETURN_IF_ERROR(SettleCalibration(spec.has_calibration(), source, variant));
  }
  return variants;
}

int64_t NumClasses(const Model& model) {
  if (model.graph().outputs.empty()) return 0;
  const Shape& shape = model.tensor(TensorIndex{model.graph().outputs[0]}).shape;
  const int64_t elements = NumElements(shape).value_or(0);
  return !shape.empty() && shape.back() == elements && elements > 1 ? elements : 0;
}

absl::Status CheckLabels(const Dataset& dataset, int64_t num_classes) {
  const std::vector<int64_t>& labels = dataset.labels();
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0 && labels[i] < num_classes) continue;
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat("example ", i, " has the label ", labels[i],
                                                ", and the model has ", num_classes, " classes")),
        "LABEL_OUT_OF_RANGE", {{"example", absl::StrCat(i)}});
  }
  return absl::OkStatus();
}

absl::Status CheckFinite(const Model& model, const Dataset& dataset, int num_threads) {
  return ParallelFor(num_threads, dataset.size(), [&](int64_t index) -> absl::Status {
    ASSIGN_OR_RETURN(const Example example, dataset.Get(index), "example ", index);
    RETURN_IF_ERROR(CheckExampleIsFinite(model, example, index), "example ", index);
    return absl::OkStatus();
  });
}

}  // namespace octavo
