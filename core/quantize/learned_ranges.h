// Ranges that need no calibration: those that a model was trained with, and what follows from them.

#ifndef OCTAVO_CORE_QUANTIZE_LEARNED_RANGES_H_
#define OCTAVO_CORE_QUANTIZE_LEARNED_RANGES_H_

#include "core/calibrate/range.h"
#include "core/tflite/model.h"

namespace octavo {

// `measured`, but of tensors that have a learned form (tflite/learned_params.h) its range. Where
// there is neither, what an operator says of its output: it moves its inputs' values, or has a
// fixed scale.
TensorRanges WithLearnedRanges(const Model& model, TensorRanges measured);

// How many float activations there are, and how many have a learned form; what moves values counts
// with what it moves.
struct LearnedCount {
  int activations = 0;
  int learned = 0;
  int without_range = 0;  // unless it is measured
};
LearnedCount CountLearned(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_LEARNED_RANGES_H_
