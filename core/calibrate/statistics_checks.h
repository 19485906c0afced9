// What calibration shows of data and a model that do not go together.

#ifndef OCTAVO_CORE_CALIBRATE_STATISTICS_CHECKS_H_
#define OCTAVO_CORE_CALIBRATE_STATISTICS_CHECKS_H_

#include <cstdint>
#include <vector>

#include "core/calibrate/calibrate.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Warnings, each a reason and a sentence that names tensors and says what to do:
//   FEW_EXAMPLES     fewer than 50: ranges hang on single ones
//   CONSTANT_INPUT   an input has one value in all examples
//   INPUT_RANGE      an input looks like pixels of 0 to 255 that nothing in the model rescales, or
//                    is rescaled by the model and yet comes scaled already
//   DEAD_ACTIVATIONS a tensor is 0 on every example
// `model` is the one that `statistics` are of.
std::vector<v1::Warning> CheckStatistics(const Model& model,
                                         const CalibrationStatistics& statistics,
                                         int64_t num_examples);

// A warning (DEAD_CHANNELS) that counts channels of weights that are all 0: they cost bytes and
// time and give nothing. Empty where there are none.
std::vector<v1::Warning> CheckWeights(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_STATISTICS_CHECKS_H_
