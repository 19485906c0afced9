#include "core/evaluate/fidelity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/log/check.h"
#include "core/evaluate/scores.h"

namespace octavo {
namespace {

// Over one example, of the float model's x and the variant's y.
struct Sums {
  double signal = 0;    // x x
  double noise = 0;     // (x - y) (x - y)
  double variant = 0;   // y y
  double together = 0;  // x y
  double max_error = 0;
};

Sums SumsOf(std::span<const float> reference, std::span<const float> outputs) {
  Sums sums;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double x = reference[i];
    const double y = outputs[i];
    double error = x == y ? 0 : std::abs(x - y);  // of equal infinities too
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    sums.signal += x * x;
    sums.noise += error * error;
    sums.variant += y * y;
    sums.together += x * y;
    sums.max_error = std::max(sums.max_error, error);
  }
  return sums;
}

double Cosine(const Sums& sums) {
  if (sums.signal == 0 && sums.variant == 0) return 1;
  const double cosine = sums.together / (std::sqrt(sums.signal) * std::sqrt(sums.variant));
  return std::isfinite(cosine) ? std::clamp(cosine, -1.0, 1.0) : 0;
}

}  // namespace

double SqnrDb(double signal, double noise) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (noise == 0) return kInfinity;
  if (!std::isfinite(noise) || !std::isfinite(signal)) return -kInfinity;
  return 10 * std::log10(signal / noise);
}

Difference Compare(std::span<const float> reference, std::span<const float> outputs,
                   int64_t first_size) {
  CHECK_EQ(outputs.size(), reference.size());
  const Sums sums = SumsOf(reference, outputs);
  const auto first = static_cast<size_t>(first_size);
  return {
      .signal = sums.signal,
      .noise = sums.noise,
      .cosine = Cosine(sums),
      .max_error = sums.max_error,
      .same_argmax = first > 0 && ArgMax(outputs.first(first)) == ArgMax(reference.first(first))};
}

v1::Fidelity FoldFidelity(const std::vector<Difference>& differences) {
  double signal = 0, noise = 0, cosine = 0, max_error = 0;
  int64_t agreeing = 0;
  for (const Difference& difference : differences) {
    signal += difference.signal;
    noise += difference.noise;
    cosine += difference.cosine;
    max_error = std::max(max_error, difference.max_error);
    agreeing += difference.same_argmax ? 1 : 0;
  }

  v1::Fidelity fidelity;
  const auto examples = static_cast<int64_t>(differences.size());
  fidelity.set_examples(examples);
  if (examples == 0) return fidelity;
  fidelity.set_sqnr_db(SqnrDb(signal, noise));
  fidelity.set_cosine(cosine / static_cast<double>(examples));
  fidelity.set_argmax_agreement(static_cast<double>(agreeing) / static_cast<double>(examples));
  fidelity.set_max_abs_error(max_error);
  return fidelity;
}

}  // namespace octavo
