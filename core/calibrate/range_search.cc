#include "core/calibrate/range_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace octavo {
namespace {

constexpr int kFirst = Histogram::kFirstBin;
constexpr int kEnd = kFirst + Histogram::kBins;

// Bins that hold values: [first, end).
struct Bins {
  int first = 0;
  int end = 0;
};

Bins UsedBins(const Histogram& histogram) {
  Bins used{kFirst, kEnd};
  while (used.first < used.end && histogram.count(used.first) == 0) ++used.first;
  while (used.end > used.first && histogram.count(used.end - 1) == 0) --used.end;
  return used;
}

Range Inside(double min, double max, const Range& seen) {
  return {std::clamp(static_cast<float>(min), seen.min, seen.max),
          std::clamp(static_cast<float>(max), seen.min, seen.max)};
}

// Sums over the bins below each edge, of counts and of the moments of their values; those of a bin
// are spread evenly over it.
struct Moments {
  // [e]: of bins [kFirst, kFirst + e).
  std::array<double, Histogram::kBins + 1> count{};
  std::array<double, Histogram::kBins + 1> sum{};
  std::array<double, Histogram::kBins + 1> squares{};

  explicit Moments(const Histogram& histogram) {
    const double width = histogram.width();
    for (int bin = kFirst; bin < kEnd; ++bin) {
      const int edge = bin - kFirst;
      // Zeros are no spread of values.
      const double n =
          static_cast<double>(histogram.count(bin) - (bin == 0 ? histogram.zeros() : 0));
      const double center = (bin + 0.5) * width;
      count[edge + 1] = count[edge] + n;
      sum[edge + 1] = sum[edge] + n * center;
      squares[edge + 1] = squares[edge] + n * (center * center + width * width / 12);
    }
  }
  // The sum of (value - at)^2 over bins [first, end).
  double SquaredDistance(int first, int end, double at) const {
    const int a = first - kFirst;
    const int b = end - kFirst;
    const double distance =
        (squares[b] - squares[a]) - 2 * at * (sum[b] - sum[a]) + at * at * (count[b] - count[a]);
    return std::max(distance, 0.0);
  }
  double Count(int first, int end) const { return count[end - kFirst] - count[first - kFirst]; }
};

// Counts as probabilities of bins [first, end) with what lies outside at the ends, against the same
// merged to `levels` levels and spread again over the bins that were not empty.
double Divergence(const std::vector<double>& counts, int first, int end, int levels) {
  const int size = end - first;
  std::vector<double> clipped(counts.begin() + first, counts.begin() + end);
  double below = 0;
  double above = 0;
  for (int bin = 0; bin < first; ++bin) below += counts[bin];
  for (int bin = end; bin < static_cast<int>(counts.size()); ++bin) above += counts[bin];
  // What is quantized are the values inside, without what was clipped.
  const std::vector<double> inside = clipped;
  clipped.front() += below;
  clipped.back() += above;
  double total_clipped = 0;
  double total_inside = 0;
  for (int bin = 0; bin < size; ++bin) {
    total_clipped += clipped[bin];
    total_inside += inside[bin];
  }
  if (total_inside == 0) return std::numeric_limits<double>::infinity();
  double divergence = 0;
  for (int level = 0; level < levels; ++level) {
    const int from = static_cast<int>(int64_t{level} * size / levels);
    const int to = static_cast<int>(int64_t{level + 1} * size / levels);
    double merged = 0;
    int used = 0;
    for (int bin = from; bin < to; ++bin) {
      merged += inside[bin];
      used += clipped[bin] > 0 ? 1 : 0;
    }
    for (int bin = from; bin < to; ++bin) {
      if (clipped[bin] == 0) continue;
      const double p = clipped[bin] / total_clipped;
      // A level that has nothing but what was clipped gets a little, or the divergence has no end.
      const double q = std::max(merged / used / total_inside, 1e-4 / total_inside);
      divergence += p * std::log(p / q);
    }
  }
  return divergence;
}

}  // namespace

Range PercentileRange(const Histogram& histogram, const Range& seen, double kept) {
  const double tail = static_cast<double>(histogram.total()) * (1 - kept) / 2;
  const double width = histogram.width();
  double below = 0;
  int low = kFirst;
  while (low < kEnd - 1 && below + static_cast<double>(histogram.count(low)) <= tail) {
    below += static_cast<double>(histogram.count(low++));
  }
  double above = 0;
  int high = kEnd - 1;
  while (high > low && above + static_cast<double>(histogram.count(high)) <= tail) {
    above += static_cast<double>(histogram.count(high--));
  }
  const auto part = [](double wanted, int64_t of) {
    return of == 0 ? 0.0 : std::clamp(wanted / static_cast<double>(of), 0.0, 1.0);
  };
  double min = (low + part(tail - below, histogram.count(low))) * width;
  double max = (high + 1 - part(tail - above, histogram.count(high))) * width;
  if (min > max) min = max = (min + max) / 2;
  if (seen.min <= 0 && seen.max >= 0) {
    min = std::min(min, 0.0);
    max = std::max(max, 0.0);
  }
  return Inside(min, max, seen);
}

Range MeanSquaredErrorRange(const Histogram& histogram, const Range& seen, int levels) {
  const Bins used = UsedBins(histogram);
  const Moments moments(histogram);
  const double width = histogram.width();
  // Ends are edges of bins, the outermost what was seen. 0 is always between them.
  const int lowest = std::min(used.first, 0);
  const int highest = std::max(used.end, 0);
  const auto min_of = [&](int edge) {
    return edge == lowest ? std::min<double>(seen.min, 0) : edge * width;
  };
  const auto max_of = [&](int edge) {
    return edge == highest ? std::max<double>(seen.max, 0) : edge * width;
  };
  struct Best {
    double error = std::numeric_limits<double>::infinity();
    int low;
    int high;
  };
  Best best{.low = lowest, .high = highest};
  const auto search = [&](int low_from, int low_to, int high_from, int high_to, int step) {
    for (int low = std::max(low_from, lowest); low <= std::min(low_to, 0); low += step) {
      for (int high = std::min(high_from, highest); high >= std::max(high_to, 0); high -= step) {
        const double span = max_of(high) - min_of(low);
        if (span <= 0) continue;
        const double step_size = span / (levels - 1);
        const double error = moments.Count(low, high) * step_size * step_size / 12 +
                             moments.SquaredDistance(kFirst, low, min_of(low)) +
                             moments.SquaredDistance(high, kEnd, max_of(high));
        if (error < best.error) best = {error, low, high};
      }
    }
  };
  constexpr int kGrid = 8;
  search(lowest, 0, highest, 0, kGrid);
  const Best coarse = best;
  search(coarse.low - kGrid, coarse.low + kGrid, coarse.high + kGrid, coarse.high - kGrid, 1);
  return Inside(min_of(best.low), max_of(best.high), seen);
}

Range EntropyRange(const Histogram& histogram, const Range& seen, int levels) {
  const Bins used = UsedBins(histogram);
  std::vector<double> counts(Histogram::kBins);
  for (int bin = kFirst; bin < kEnd; ++bin) {
    counts[bin - kFirst] = static_cast<double>(histogram.count(bin));
  }
  // Values that are 0 are many after a rectifier and lose nothing.
  counts[-kFirst] -= static_cast<double>(histogram.zeros());
  const int most = std::max(-used.first, used.end);
  const int low_bound = std::min(used.first, 0);
  const int high_bound = std::max(used.end, 0);
  constexpr int kStep = 8;
  double least = std::numeric_limits<double>::infinity();
  Range best = seen;
  for (int cut = most; cut > 0; cut -= kStep) {
    const int first = std::max(low_bound, -cut);
    const int end = std::min(high_bound, cut);
    if (end - first < levels / 2) break;
    const double divergence = Divergence(counts, first - kFirst, end - kFirst, levels);
    if (divergence < least) {
      least = divergence;
      best = {static_cast<float>(first * static_cast<double>(histogram.width())),
              static_cast<float>(end * static_cast<double>(histogram.width()))};
    }
  }
  return Inside(best.min, best.max, seen);
}

}  // namespace octavo
