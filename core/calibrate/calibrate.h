// Calibration: what each activation does over a set of examples, and the range to quantize it in.

#ifndef OCTAVO_CORE_CALIBRATE_CALIBRATE_H_
#define OCTAVO_CORE_CALIBRATE_CALIBRATE_H_

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/calibrate/histogram.h"
#include "core/calibrate/range.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"

namespace octavo {

// How a range is chosen from what was seen.
enum class Observer {
  kMinMax,            // the smallest and the largest value
  kMovingAverage,     // of the examples' smallest and largest, in their order
  kPercentile,        // without the outermost values; range_search.h
  kMeanSquaredError,  // where quantization loses least; range_search.h
  kEntropy,           // where quantization tells most; range_search.h
};

struct TensorStatistics {
  Range min_max;
  // a * what it was + (1 - a) * the example's, a = 0.95, from the first example's on.
  Range moving_average;
  // Empty unless it was asked for.
  Histogram histogram;
  bool operator==(const TensorStatistics&) const = default;
};

// Of the float activations, by their places.
using CalibrationStatistics = std::map<TensorIndex, TensorStatistics>;

struct CalibrateOptions {
  int64_t max_examples = 512;
  int num_threads = 1;
  bool histograms = false;    // which take as long again as running the model
  ProgressListener progress;  // of examples
};

// Runs `model` (fixed shapes) over the first `max_examples` of `dataset` and returns what its
// activations did.
//
// The statistics depend on the model and the examples alone: each example's range is kept and
// folded in order, and histograms may be added in any; `num_threads` changes only the time. No
// tensor is kept. Each thread holds one executor, and with `histograms` 16 KiB a tensor. It goes on
// from `so_far`, as if the examples that these are of had come first.
//
// INVALID_ARGUMENT (NOT_FINITE), naming the example and the tensor: an input or an activation is
// NaN or infinite; the set is empty; an example does not fit.
absl::StatusOr<CalibrationStatistics> Calibrate(const Model& model, const Dataset& dataset,
                                                const CalibrateOptions& options,
                                                CalibrationStatistics so_far = {});

struct RangeOptions {
  Observer observer = Observer::kMinMax;
  int levels = 256;      // to quantize to
  double kept = 0.9999;  // by kPercentile, the share of the values
};

// The ranges that an observer chooses. `statistics` have histograms if it needs them.
TensorRanges ChooseRanges(const CalibrationStatistics& statistics, const RangeOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_CALIBRATE_H_
