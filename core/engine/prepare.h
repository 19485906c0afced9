// The first stage of a job: a clean float model, its data sets and its variants, all of them
// checked.

#ifndef OCTAVO_CORE_ENGINE_PREPARE_H_
#define OCTAVO_CORE_ENGINE_PREPARE_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/npz_dataset.h"
#include "core/engine/spec_check.h"
#include "core/tflite/model.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// What all variants share. Data sets read from descriptors that are the caller's.
struct Prepared {
  v1::OptimizeSpec spec;  // with every default, its variants as settled
  std::vector<SettledVariant> variants;
  v1::ModelInfo model_info;
  Model model;  // clean, its batch as it came
  Model fixed;  // for one example
  std::optional<BoundDataset> calibration;
  std::optional<BoundDataset> evaluation;
  // Whether the evaluation set's labels are classes of the model's first output.
  bool has_accuracy = false;
  std::vector<v1::Warning> warnings;

  // What variants are measured on: the evaluation set, else the calibration set, else nothing
  // (null).
  const Dataset* measured_on() const {
    if (evaluation.has_value()) return evaluation->dataset.get();
    return calibration.has_value() ? calibration->dataset.get() : nullptr;
  }
};

// Imports, folds, binds and checks. Beside the errors of those steps and of spec_check.h:
// FAILED_PRECONDITION (NOT_FLOAT): the model is quantized already.
absl::StatusOr<Prepared> Prepare(const engine::v1::ValidateWork& work);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_PREPARE_H_
