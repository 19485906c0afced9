// One model on XNNPACK and on own kernels: where the two give other codes.

#ifndef OCTAVO_CORE_EVALUATE_COMPARE_BACKENDS_H_
#define OCTAVO_CORE_EVALUATE_COMPARE_BACKENDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"

namespace octavo {

// Of one operator with integers as its output, both backends given what XNNPACK gives it.
struct CodeDifference {
  // In the model.
  int op = 0;
  int32_t max_codes = 0;
  // The share of the values that differ by more than one code.
  double share = 0;
};

struct BackendDifferences {
  // In the model's order, those without a difference too.
  std::vector<CodeDifference> operators;
  // Of the outputs, each backend with its own values all the way; -1: none is or was an integer.
  int32_t outputs_max_codes = -1;
  // XNNPACK's signal against the difference; infinite where there is none.
  double outputs_sqnr_db = 0;
  int64_t examples = 0;
};

struct CompareBackendsOptions {
  // Own kernels are slow.
  int64_t max_examples = 4;
  int num_threads = 1;
  ProgressListener progress{};
};

// `model` has fixed shapes. Operators that own kernels do not have are left out. The result does
// not depend on `num_threads`.
//
// Errors as those of ModelRunner, naming the example.
absl::StatusOr<BackendDifferences> CompareBackends(const Model& model, const Dataset& dataset,
                                                   const CompareBackendsOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_COMPARE_BACKENDS_H_
