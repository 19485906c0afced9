#include "core/calibrate/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/lanes.h"

namespace octavo {
namespace {

// Places of bins, counted from kFirstBin.
using Place = uint16_t;
// So many values a step that their places stay in the nearest cache.
constexpr size_t kBlock = 1024;

// `inverse_width` is a power of two: but for underflow to 0 the product is exact, and so is the
// bin.
Place PlaceOf(float value, float inverse_width) {
  const int magnitude = static_cast<int>(std::abs(value) * inverse_width);
  const int sign = std::bit_cast<int32_t>(value + 0.0f) >> 31;           // -0 counts as 0
  return static_cast<Place>((magnitude ^ sign) - Histogram::kFirstBin);  // -1 - magnitude below 0
}

// PlaceOf of eight values at a time; gives how many of all of them are zeros.
[[gnu::always_inline]] inline int64_t FindPlacesIn(std::span<const float> values,
                                                   float inverse_width, Place* places) {
  IntLanes zeros = {};
  size_t done = 0;
  for (; done + kLanes <= values.size(); done += kLanes) {
    Lanes value;
    std::memcpy(&value, values.data() + done, sizeof(value));
    zeros -= value == 0.0f;  // comparisons give -1 where they hold
    const IntLanes sign = reinterpret_cast<IntLanes>(value + 0.0f) >> 31;
    const auto magnitude = reinterpret_cast<Lanes>(reinterpret_cast<IntLanes>(value) &
                                                   std::numeric_limits<int32_t>::max());
    const IntLanes bin = __builtin_convertvector(magnitude * inverse_width, IntLanes) ^ sign;
    typedef Place Halves __attribute__((vector_size(sizeof(IntLanes))));
    const auto halves = reinterpret_cast<Halves>(bin - Histogram::kFirstBin);
    const auto low = __builtin_shufflevector(halves, halves, 0, 2, 4, 6, 8, 10, 12, 14);
    std::memcpy(places + done, &low, sizeof(low));
  }
  int64_t num_zeros = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) num_zeros += zeros[lane];
  for (size_t i = done; i < values.size(); ++i) {
    places[i] = PlaceOf(values[i], inverse_width);
    num_zeros += values[i] == 0.0f ? 1 : 0;
  }
  return num_zeros;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] int64_t FindPlacesAvx2(std::span<const float> values, float inverse_width,
                                               Place* places) {
  return FindPlacesIn(values, inverse_width, places);
}
#endif

int64_t FindPlacesPlain(std::span<const float> values, float inverse_width, Place* places) {
  return FindPlacesIn(values, inverse_width, places);
}

int64_t FindPlaces(std::span<const float> values, float inverse_width, Place* places) {
  static const auto find_places = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &FindPlacesAvx2;
#endif
    return &FindPlacesPlain;
  }();
  return find_places(values, inverse_width, places);
}

// Neighbouring values often fall into one bin: with several tables they do not wait for each other.
constexpr size_t kTables = 4;
// Behind each table, so that a bin's places in two of them do not differ by a multiple of 4 KiB:
// processors take such addresses for the same one at first.
constexpr size_t kPadding = 48;
using Tables = std::array<std::array<uint32_t, Histogram::kBins + kPadding>, kTables>;
// So many values that no table's counter overflows.
constexpr size_t kMaxValues = size_t{1} << 30;

// Gives the zeros.
int64_t CountValues(std::span<const float> values, float inverse_width, Tables* tables) {
  std::array<Place, kBlock> places;
  int64_t zeros = 0;
  for (size_t first = 0; first < values.size(); first += kBlock) {
    const auto block = values.subspan(first, std::min(kBlock, values.size() - first));
    zeros += FindPlaces(block, inverse_width, places.data());
    size_t i = 0;
    for (; i + kTables <= block.size(); i += kTables) {
      for (size_t table = 0; table < kTables; ++table) ++(*tables)[table][places[i + table]];
    }
    for (; i < block.size(); ++i) ++(*tables)[0][places[i]];
  }
  return zeros;
}

// The least exponent with magnitude < 2^exponent * kBins / 2.
int ExponentFor(float magnitude) {
  if (magnitude == 0) return INT32_MIN;
  int exponent;
  std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
  constexpr int kBits = 10;
  static_assert(Histogram::kBins == 2 << kBits);
  return exponent - kBits;
}

}  // namespace

std::optional<Histogram> Histogram::FromCounts(int exponent, std::span<const int64_t> counts,
                                               int64_t zeros) {
  constexpr int64_t kMostCount = INT64_MAX / kBins;  // so that the sum is one
  const auto is_count = [](int64_t count) { return count >= 0 && count <= kMostCount; };
  if (exponent < kLeastExponent || exponent > kMostExponent || counts.size() != kBins ||
      !std::ranges::all_of(counts, is_count) || zeros < 0 || zeros > counts[-kFirstBin]) {
    return std::nullopt;
  }
  Histogram histogram;
  histogram.exponent_ = exponent;
  histogram.counts_.assign(counts.begin(), counts.end());
  histogram.total_ = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  histogram.zeros_ = zeros;
  return histogram;
}

float Histogram::width() const { return std::ldexp(1.0f, exponent_); }

void Histogram::Add(std::span<const float> values, float magnitude) {
  GrowTo(ExponentFor(magnitude));
  const float inverse_width = std::ldexp(1.0f, -exponent_);
  for (size_t first = 0; first < values.size(); first += kMaxValues) {
    const auto part = values.subspan(first, std::min(kMaxValues, values.size() - first));
    Tables tables = {};  // 33 KiB
    zeros_ += CountValues(part, inverse_width, &tables);
    for (int bin = 0; bin < kBins; ++bin) {
      for (const auto& table : tables) counts_[bin] += table[bin];
    }
  }
  total_ += static_cast<int64_t>(values.size());
}

void Histogram::Add(const Histogram& other) {
  if (other.exponent_ > exponent_) GrowTo(other.exponent_);
  const int shift = exponent_ - other.exponent_;
  for (int bin = 0; bin < kBins; ++bin) {
    // From 11 on all that is left is the sign.
    counts_[((bin + kFirstBin) >> std::min(shift, 31)) - kFirstBin] += other.counts_[bin];
  }
  total_ += other.total_;
  zeros_ += other.zeros_;
}

void Histogram::GrowTo(int exponent) {
  if (exponent <= exponent_) return;
  const int shift = std::min(exponent - exponent_, 31);
  std::vector<int64_t> merged(kBins, 0);
  for (int bin = 0; bin < kBins; ++bin) {
    merged[((bin + kFirstBin) >> shift) - kFirstBin] += counts_[bin];
  }
  counts_ = std::move(merged);
  exponent_ = exponent;
}

}  // namespace octavo
