// `auto` of eight bits: the observer whose ranges serve best on examples that calibration did not
// see.

#ifndef OCTAVO_CORE_ENGINE_CHOOSE_OBSERVER_H_
#define OCTAVO_CORE_ENGINE_CHOOSE_OBSERVER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/calibrate/calibrate.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct ObserverScore {
  RangeOptions ranges;
  // Of the outputs against the float model's, on the examples that were held back.
  double sqnr_db = 0;
};

// Quantizes `fixed`, a model for one example, as `spec` says with the ranges of every observer in
// turn, measured on four fifths of `calibration`, and runs each on the fifth that was held back.
// The best one comes first; ties go to the one that was tried first, min-max before all.
// `statistics` are of the four fifths (HoldBackAFifth), with histograms. Sees no evaluation data.
// Errors are those of planning and of running a variant.
absl::StatusOr<std::vector<ObserverScore>> ChooseObserver(const Model& fixed,
                                                          const Dataset& calibration,
                                                          const CalibrationStatistics& statistics,
                                                          const v1::VariantSpec& spec,
                                                          int num_threads);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_CHOOSE_OBSERVER_H_
