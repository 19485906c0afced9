#include "core/calibrate/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace octavo {
namespace {

// Neighbouring values often fall into one bin: with several tables they do not wait for each other.
constexpr size_t kTables = 4;
using Tables = std::array<std::array<uint32_t, Histogram::kBins>, kTables>;
// So many values that no table's counter overflows.
constexpr size_t kMaxBlock = size_t{1} << 30;

// `inverse_width` is a power of two: but for underflow to 0 the product is exact, and so is the
// bin.
int BinOf(float value, float inverse_width) {
  const int magnitude = static_cast<int>(std::abs(value) * inverse_width);
  const int sign = std::bit_cast<int32_t>(value + 0.0f) >> 31;  // -0 counts as 0
  return magnitude ^ sign;                                      // -1 - magnitude below 0
}

void CountBlock(std::span<const float> values, float inverse_width, Tables* tables) {
  size_t i = 0;
  for (; i + kTables <= values.size(); i += kTables) {
    for (size_t table = 0; table < kTables; ++table) {
      ++(*tables)[table][BinOf(values[i + table], inverse_width) - Histogram::kFirstBin];
    }
  }
  for (; i < values.size(); ++i) {
    ++(*tables)[0][BinOf(values[i], inverse_width) - Histogram::kFirstBin];
  }
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
  for (size_t first = 0; first < values.size(); first += kMaxBlock) {
    const auto block = values.subspan(first, std::min(kMaxBlock, values.size() - first));
    Tables tables = {};  // 32 KiB
    CountBlock(block, inverse_width, &tables);
    for (int bin = 0; bin < kBins; ++bin) {
      for (const auto& table : tables) counts_[bin] += table[bin];
    }
  }
  total_ += static_cast<int64_t>(values.size());
  int64_t zeros = 0;
  for (const float value : values) zeros += value == 0.0f ? 1 : 0;
  zeros_ += zeros;
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
