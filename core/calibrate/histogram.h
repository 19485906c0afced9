// Histograms of float values that depend on the values alone, not on their order.

#ifndef OCTAVO_CORE_CALIBRATE_HISTOGRAM_H_
#define OCTAVO_CORE_CALIBRATE_HISTOGRAM_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace octavo {

// Counts of values in 2,048 bins around 0: bin b >= 0 is [b * width, (b + 1) * width), bin b < 0
// is (b * width, (b + 1) * width] without 0. The width is the smallest power of two with which
// every value so far lies inside; it doubles by merging neighbours, which is exact, so that values
// and histograms may be added in any order.
class Histogram {
 public:
  static constexpr int kBins = 2048;
  static constexpr int kFirstBin = -kBins / 2;

  Histogram() : counts_(kBins, 0) {}
  // Of what exponent(), counts() and zeros() said; nothing where no histogram says so.
  static std::optional<Histogram> FromCounts(int exponent, std::span<const int64_t> counts,
                                             int64_t zeros);

  // `values` are finite; `magnitude` is at least the largest of theirs.
  void Add(std::span<const float> values, float magnitude);
  void Add(const Histogram& other);

  float width() const;                        // > 0
  int exponent() const { return exponent_; }  // of the width, a power of two
  // From kFirstBin on.
  std::span<const int64_t> counts() const { return counts_; }
  // Of bin `bin`, counted from kFirstBin.
  int64_t count(int bin) const { return counts_[bin - kFirstBin]; }
  int64_t total() const { return total_; }
  // Of values that are 0; they are in bin 0 too.
  int64_t zeros() const { return zeros_; }

  bool operator==(const Histogram&) const = default;

 private:
  // The least width that is a normal float, as its inverse is.
  static constexpr int kLeastExponent = -126;
  static constexpr int kMostExponent = 118;  // of the largest float

  void GrowTo(int exponent);

  int exponent_ = kLeastExponent;  // of the width
  int64_t total_ = 0;
  int64_t zeros_ = 0;
  std::vector<int64_t> counts_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_HISTOGRAM_H_
