#include "core/base/percentile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace octavo {

double PercentileOfSorted(std::span<const float> sorted, double share) {
  if (sorted.empty()) return 0;
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

}  // namespace octavo
