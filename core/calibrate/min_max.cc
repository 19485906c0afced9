#include "core/calibrate/min_max.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/log/check.h"
#include "core/base/lanes.h"

namespace octavo {
namespace {

struct Extremes {
  float min;
  float max;
  bool has_nan;
};

// Two accumulators of each kind, because one would wait for itself.
[[gnu::always_inline]] inline Extremes ScanBlocks(const float* values, size_t num_blocks) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Lanes min0 = Lanes{} + kInfinity, min1 = min0;
  Lanes max0 = Lanes{} - kInfinity, max1 = max0;
  IntLanes nan = {};
  for (size_t block = 0; block < num_blocks; ++block) {
    Lanes a, b;
    std::memcpy(&a, values + block * 2 * kLanes, sizeof(a));
    std::memcpy(&b, values + block * 2 * kLanes + kLanes, sizeof(b));
    min0 = a < min0 ? a : min0;
    min1 = b < min1 ? b : min1;
    max0 = a > max0 ? a : max0;
    max1 = b > max1 ? b : max1;
    nan |= (a != a) | (b != b);
  }
  Extremes found{kInfinity, -kInfinity, false};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    found.min = std::min({found.min, min0[lane], min1[lane]});
    found.max = std::max({found.max, max0[lane], max1[lane]});
    found.has_nan |= nan[lane] != 0;
  }
  return found;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] Extremes ScanBlocksAvx2(const float* values, size_t num_blocks) {
  return ScanBlocks(values, num_blocks);
}
#endif

Extremes ScanBlocksPlain(const float* values, size_t num_blocks) {
  return ScanBlocks(values, num_blocks);
}

using Scan = Extremes (*)(const float* values, size_t num_blocks);

Scan FastestScan() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return ScanBlocksAvx2;
#endif
  return ScanBlocksPlain;
}

}  // namespace

std::optional<Range> FiniteRange(std::span<const float> values) {
  CHECK(!values.empty());
  static const Scan scan = FastestScan();
  const size_t num_blocks = values.size() / (2 * kLanes);
  Extremes found = scan(values.data(), num_blocks);
  for (const float value : values.subspan(num_blocks * 2 * kLanes)) {
    found.min = std::min(found.min, value);
    found.max = std::max(found.max, value);
    found.has_nan |= std::isnan(value);
  }
  if (found.has_nan || !std::isfinite(found.min) || !std::isfinite(found.max)) return std::nullopt;
  // Which of -0 and +0 comes first depends on the lanes; the sum is +0 for both.
  return Range{found.min + 0.0f, found.max + 0.0f};
}

Range Union(const Range& a, const Range& b) {
  return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

}  // namespace octavo
