// The smallest and largest of many floats, at memory speed.

#ifndef OCTAVO_CORE_CALIBRATE_MIN_MAX_H_
#define OCTAVO_CORE_CALIBRATE_MIN_MAX_H_

#include <optional>
#include <span>

#include "core/calibrate/range.h"

namespace octavo {

// The range of `values`, zeros as +0. Nothing where one of them is NaN or infinite. `values` is not
// empty.
std::optional<Range> FiniteRange(std::span<const float> values);

// The smallest range that holds both.
Range Union(const Range& a, const Range& b);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_MIN_MAX_H_
