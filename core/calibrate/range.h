// The values that a tensor takes, from the smallest to the largest.

#ifndef OCTAVO_CORE_CALIBRATE_RANGE_H_
#define OCTAVO_CORE_CALIBRATE_RANGE_H_

#include <map>

#include "core/tflite/model.h"

namespace octavo {

struct Range {
  float min = 0;
  float max = 0;
  bool operator==(const Range&) const = default;
};

// The ranges of the float activations, by their places. Constants and integer tensors have none.
using TensorRanges = std::map<TensorIndex, Range>;

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_RANGE_H_
