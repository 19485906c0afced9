#include "core/engine/prepare.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/data/open_dataset.h"
#include "core/engine/describe_model.h"
#include "core/engine/inspect.h"
#include "core/evaluate/model_runner.h"
#include "core/evaluate/set_checks.h"
#include "core/graph/fix_shapes.h"
#include "core/graph/passes.h"
#include "core/import/import_model.h"
#include "core/quantize/learned_ranges.h"
#include "core/runtime/executor.h"

namespace octavo {
namespace {

std::vector<const v1::Preprocess*> PreprocessOf(const v1::OptimizeSpec& spec) {
  std::vector<const v1::Preprocess*> preprocess;
  for (const v1::Preprocess& one : spec.preprocess()) preprocess.push_back(&one);
  return preprocess;
}

bool IsFloat(const v1::DatasetInfo& info, const std::string& name) {
  return std::ranges::any_of(info.arrays(), [&](const v1::ArrayInfo& array) {
    return array.name() == name && array.type().starts_with("float");
  });
}

// Integers are always finite, and half of reading a set is looking at each value.
bool HoldsFloats(const v1::DatasetInfo& info, const v1::DatasetUsed& used) {
  return std::ranges::any_of(used.bindings(), [&](const v1::ArrayBinding& binding) {
    return std::ranges::any_of(binding.arrays(),
                               [&](const std::string& name) { return IsFloat(info, name); });
  });
}

struct OpenedSet {
  BoundDataset bound;
  bool holds_floats = false;
};

absl::StatusOr<OpenedSet> Open(const Prepared& prepared, const v1::DatasetUse& use,
                               const engine::v1::DataFile& file, int64_t max_bytes) {
  ASSIGN_OR_RETURN(BoundDataset bound, OpenDataset(file.fd(), InputsOf(prepared.fixed), use,
                                                   PreprocessOf(prepared.spec), max_bytes));
  bound.used.set_name(use.dataset().empty() ? file.name() : use.dataset());
  ASSIGN_OR_RETURN(*bound.used.mutable_digest(), DigestOf(file));
  if (bound.dataset->size() == 0) return absl::InvalidArgumentError("there are no examples");
  const bool holds_floats = HoldsFloats(bound.info, bound.used);
  return OpenedSet{std::move(bound), holds_floats};
}

void Warn(std::vector<v1::Warning>& warnings, absl::string_view reason, std::string message) {
  v1::Warning warning;
  warning.set_reason(std::string(reason));
  warning.set_message(std::move(message));
  warnings.push_back(std::move(warning));
}

absl::Status SettleLabels(Prepared& prepared) {
  const Dataset& evaluation = *prepared.evaluation->dataset;
  if (evaluation.labels().empty()) return absl::OkStatus();
  const int64_t num_classes = NumClasses(prepared.fixed);
  if (num_classes > 0) {
    RETURN_IF_ERROR(CheckLabels(evaluation, num_classes));
    prepared.has_accuracy = true;
    return absl::OkStatus();
  }
  if (!prepared.spec.evaluation().labels().empty()) {
    return FieldError("spec.evaluation.labels", "the model's first output is no list of classes");
  }
  Warn(prepared.warnings, "LABELS_IGNORED",
       absl::StrCat("The labels in '", prepared.evaluation->used.labels(),
                    "' were left out: the model's first output is no list of classes."));
  return absl::OkStatus();
}

// What was done to a set without being asked for.
void AddWarnings(const BoundDataset& bound, absl::string_view set, Prepared& prepared) {
  for (const v1::Warning& warning : bound.warnings) {
    Warn(prepared.warnings, warning.reason(), absl::StrCat(set, ": ", warning.message()));
  }
}

// Both sets together unpack at most `max_bytes`.
absl::Status OpenSets(const engine::v1::ValidateWork& work, int64_t max_bytes, Prepared& prepared) {
  const v1::OptimizeSpec& spec = prepared.spec;
  if (spec.has_calibration()) {
    ASSIGN_OR_RETURN(OpenedSet set,
                     Open(prepared, spec.calibration(), work.calibration(), max_bytes),
                     "calibration set");
    if (set.holds_floats) {
      RETURN_IF_ERROR(CheckFinite(prepared.fixed, *set.bound.dataset, spec.num_threads()),
                      "calibration set");
    }
    AddWarnings(set.bound, "Calibration set", prepared);
    max_bytes -= set.bound.unpacked_bytes;
    prepared.calibration = std::move(set.bound);
  }
  if (spec.has_evaluation() && !spec.skip_evaluation()) {
    ASSIGN_OR_RETURN(OpenedSet set, Open(prepared, spec.evaluation(), work.evaluation(), max_bytes),
                     "evaluation set");
    AddWarnings(set.bound, "Evaluation set", prepared);
    prepared.evaluation_holds_floats = set.holds_floats;
    prepared.evaluation = std::move(set.bound);
    RETURN_IF_ERROR(SettleLabels(prepared), "evaluation set");
    ASSIGN_OR_RETURN(prepared.metrics, SettleMetrics(prepared.fixed, spec, *prepared.evaluation),
                     "evaluation set");
  }
  if (prepared.calibration.has_value() && !prepared.evaluation.has_value() &&
      !spec.skip_evaluation()) {
    prepared.metrics.parts = NaturalParts(prepared.fixed);
    Warn(prepared.warnings, "MEASURED_ON_CALIBRATION_SET",
         "Fidelity was measured on the calibration set, which flatters: there is no evaluation "
         "set.");
  }
  return absl::OkStatus();
}

// Variants are written; nothing can be measured.
absl::Status TakeAsItIs(const absl::Status& why, ImportedModel imported, Prepared& prepared) {
  if (prepared.spec.batch() > 0) return Annotate(why, "spec.batch");
  prepared.not_run = std::string(why.message());
  prepared.fixed_baseline = imported.baseline;
  prepared.fixed = imported.model;
  prepared.baseline = std::move(imported.baseline);
  prepared.model = std::move(imported.model);
  const bool has_sets = prepared.spec.has_calibration() || prepared.spec.has_evaluation();
  Warn(prepared.warnings, "NOT_RUN",
       absl::StrCat("The variants were written and not measured: the model holds ",
                    prepared.not_run, has_sets ? ". The data were not looked at." : "."));
  return absl::OkStatus();
}

absl::Status TakeModels(ImportedModel imported, Prepared& prepared) {
  if (const absl::Status carried = CheckNothingIsCarried(imported.baseline); !carried.ok()) {
    return TakeAsItIs(carried, std::move(imported), prepared);
  }
  if (imported.is_uint8) prepared.uint8_source = std::move(imported.source);
  ASSIGN_OR_RETURN(prepared.fixed_baseline, FixShapes(imported.baseline), "model");
  ASSIGN_OR_RETURN(prepared.fixed, FixShapes(imported.model), "model");
  prepared.baseline = std::move(imported.baseline);
  prepared.model = std::move(imported.model);
  if (const int32_t batch = prepared.spec.batch(); batch > 0) {
    ASSIGN_OR_RETURN(prepared.baseline, FixShapes(prepared.baseline, batch), "spec.batch");
    ASSIGN_OR_RETURN(prepared.model, FixShapes(prepared.model, batch), "spec.batch");
  }
  RETURN_IF_ERROR(CheckRunnable(prepared.fixed_baseline), "model");
  RETURN_IF_ERROR(CheckRunnable(prepared.fixed), "model");
  return absl::OkStatus();
}

// What is not as with other models.
void WarnOfOrigin(const LearnedCount& learned, Prepared& prepared) {
  if (prepared.uint8_source.has_value()) {
    Warn(prepared.warnings, "UINT8_AS_FLOAT",
         "The model is uint8 throughout. It was measured as a float model that rounds as it does, "
         "its latency without the rounding; variants are made of that float model.");
  }
  if (learned.learned == 0) return;
  Warn(prepared.warnings, "LEARNED_RANGES",
       absl::StrCat("The ranges of ", learned.learned, " of ", learned.activations,
                    " activations are the model's own."));
}

}  // namespace

std::vector<InputSpec> InputsOf(const Model& fixed) {
  std::vector<InputSpec> inputs;
  for (const int32_t input : fixed.graph().inputs) {
    const schema::TensorT& tensor = *fixed.graph().tensors[input];
    inputs.push_back({.name = tensor.name,
                      .type = IsQuantizedInput(tensor) ? schema::TensorType_FLOAT32 : tensor.type,
                      .shape = tensor.shape});
  }
  return inputs;
}

absl::StatusOr<Prepared> Prepare(const engine::v1::ValidateWork& work, int64_t memory_limit_bytes) {
  Prepared prepared;
  ASSIGN_OR_RETURN(prepared.spec, FillDefaults(work.spec()));
  ASSIGN_OR_RETURN(const auto file, ReadModelFile(work.model()), "model");
  ASSIGN_OR_RETURN(ImportedModel imported, ImportModel(file), "model");
  prepared.model_info = DescribeModel(imported.source, *file);
  RETURN_IF_ERROR(TakeModels(std::move(imported), prepared));
  const LearnedCount learned = CountLearned(prepared.fixed);
  WarnOfOrigin(learned, prepared);
  ASSIGN_OR_RETURN(prepared.variants,
                   SettleVariants(prepared.spec,
                                  {.is_quantized = !prepared.model_info.is_float(),
                                   .is_uint8 = prepared.uint8_source.has_value(),
                                   .has_ranges = learned.learned > 0 && learned.without_range == 0,
                                   .not_run = prepared.not_run}));
  prepared.spec.clear_variants();
  for (const SettledVariant& variant : prepared.variants) {
    *prepared.spec.add_variants() = variant.spec;
  }
  const int64_t max_bytes = memory_limit_bytes > 0 ? memory_limit_bytes / 2 : kMaxDatasetBytes;
  if (prepared.not_run.empty()) RETURN_IF_ERROR(OpenSets(work, max_bytes, prepared));
  return prepared;
}

absl::Status WarnOfSharedExamples(Prepared& prepared) {
  if (!prepared.calibration.has_value() || !prepared.evaluation.has_value()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::optional<v1::Warning> warning,
                   CheckSetsDiffer(*prepared.calibration->dataset, *prepared.evaluation->dataset,
                                   prepared.spec.num_threads()));
  if (warning.has_value()) prepared.warnings.push_back(*std::move(warning));
  return absl::OkStatus();
}

}  // namespace octavo
