// Percentiles of samples.

#ifndef OCTAVO_CORE_BASE_PERCENTILE_H_
#define OCTAVO_CORE_BASE_PERCENTILE_H_

#include <span>

namespace octavo {

// The value that a share of the samples does not exceed, between two samples in proportion. 0: no
// samples. `share` is in [0, 1].
double PercentileOfSorted(std::span<const float> sorted, double share);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_PERCENTILE_H_
