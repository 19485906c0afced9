// The first stage of a job: a clean float model, its data sets and its variants, all of them
// checked.

#ifndef OCTAVO_CORE_ENGINE_PREPARE_H_
#define OCTAVO_CORE_ENGINE_PREPARE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/array_dataset.h"
#include "core/engine/settle_metrics.h"
#include "core/engine/spec_check.h"
#include "core/tflite/model.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// What data sets are bound to: real numbers where a model of one example takes quantized ones,
// which it has the scale of.
std::vector<InputSpec> InputsOf(const Model& fixed);

// What all variants share. Data sets read from descriptors that are the caller's.
struct Prepared {
  v1::OptimizeSpec spec;  // with every default, its variants as settled
  std::vector<SettledVariant> variants;
  v1::ModelInfo model_info;
  // What every variant is held against: as it came, FAKE_QUANT in place (import/import_model.h).
  Model baseline;  // its batch as it is to be written
  Model fixed_baseline;
  // Why nothing is run, in a reader's words; empty: it is. Where it is not there are no sets, and
  // the fixed models are as they came.
  std::string not_run;
  // What variants are made of.
  Model model;  // clean, its batch as it is to be written
  Model fixed;  // for one example; tensors have the same places
  // Where the source is uint8: it is the baseline's file, which runs as a float model.
  std::optional<Model> uint8_source;
  std::optional<BoundDataset> calibration;
  std::optional<BoundDataset> evaluation;
  // Whether the evaluation set's inputs come from floats, which may be NaN or infinite: those of
  // the calibration set were looked at.
  bool evaluation_holds_floats = false;
  // Whether the evaluation set's labels are classes of the model's first output.
  bool has_accuracy = false;
  // Of the evaluation set's targets; refers to the set.
  SettledMetrics metrics;
  std::vector<v1::Warning> warnings;

  // What variants are measured on: the evaluation set, else the calibration set, else nothing
  // (null).
  const Dataset* measured_on() const {
    if (evaluation.has_value()) return evaluation->dataset.get();
    return calibration.has_value() ? calibration->dataset.get() : nullptr;
  }
};

// Imports, folds, binds and checks all but the values of the evaluation set. Beside the errors of
// those steps and of spec_check.h: RESOURCE_EXHAUSTED (DATASET_TOO_LARGE): deflated arrays take
// more than half of `memory_limit_bytes` (0: no limit) when unpacked, which leaves nothing to work
// with.
absl::StatusOr<Prepared> Prepare(const engine::v1::ValidateWork& work, int64_t memory_limit_bytes);

// Adds a warning to `prepared` where its sets share examples. Reads both of them whole.
absl::Status WarnOfSharedExamples(Prepared& prepared);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_PREPARE_H_
