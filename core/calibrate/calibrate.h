// Calibration: the range of values each activation takes over a set of examples.

#ifndef OCTAVO_CORE_CALIBRATE_CALIBRATE_H_
#define OCTAVO_CORE_CALIBRATE_CALIBRATE_H_

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"

namespace octavo {

struct Range {
  float min = 0;
  float max = 0;
  bool operator==(const Range&) const = default;
};

// The ranges of the float activations, by their places. Constants and integer tensors have none.
using TensorRanges = std::map<TensorIndex, Range>;

struct CalibrateOptions {
  int64_t max_examples = 512;
  int num_threads = 1;
  ProgressListener progress;  // of examples
};

// Runs `model` (fixed shapes) over the first `max_examples` of `dataset` and returns what its
// activations did.
//
// The ranges depend on the model and the examples alone: each example's are kept and folded in
// order, so `num_threads` changes only the time. Each thread holds one executor.
//
// INVALID_ARGUMENT (NOT_FINITE), naming the example and the tensor: an input or an activation is
// NaN or infinite; the set is empty; an example does not fit.
absl::StatusOr<TensorRanges> Calibrate(const Model& model, const Dataset& dataset,
                                       const CalibrateOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_CALIBRATE_H_
