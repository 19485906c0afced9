// Two models tensor by tensor: where what one computes parts from what the other does.

#ifndef OCTAVO_CORE_EVALUATE_TENSOR_ERRORS_H_
#define OCTAVO_CORE_EVALUATE_TENSOR_ERRORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"

namespace octavo {

struct ValueRange {
  float min = 0;
  float max = 0;
};

// Of one tensor that both models have, over all examples.
struct TensorError {
  std::string name;
  // 10 log10(sum of x x / sum of (x - y)(x - y)), x the reference's; infinite where they are equal.
  double sqnr_db = 0;
  double cosine = 1;
  double max_error = 0;
  ValueRange reference_range;
  // The share of the reference's values that the other's integers cannot hold: more than half a
  // step outside what they stand for. 0 where it is float.
  double saturated = 0;
};

struct TensorErrorOptions {
  // More tell little more.
  int64_t max_examples = 16;
  int num_threads = 1;
  ProgressListener progress{};
};

// Runs both models (fixed shapes) over the first examples of `dataset` and compares each activation
// of one with that of the same name and size in the other, codes as the real values that they stand
// for; in the order in which `reference` computes them. Names that a model has twice are left
// out. The result does not depend on `num_threads`. At most two executors a thread, with all of
// their activations.
//
// Errors as those of ModelRunner, naming the example.
absl::StatusOr<std::vector<TensorError>> CompareTensors(const Model& reference, const Model& other,
                                                        const Dataset& dataset,
                                                        const TensorErrorOptions& options);

// The same of each operator of `other` alone: its inputs are the reference's, so that no error of
// an operator before it is in it. One for each operator whose activations `reference` has too,
// named by its first output; a tensor of `other` that is another form of one ("x_quantized",
// "x_float") counts as that one. Operators that only convert are left out, and of others the
// examples on which they do not run alone.
absl::StatusOr<std::vector<TensorError>> CompareOperatorsAlone(const Model& reference,
                                                               const Model& other,
                                                               const Dataset& dataset,
                                                               const TensorErrorOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_TENSOR_ERRORS_H_
