#include "core/evaluate/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"

namespace octavo {
namespace {

constexpr int64_t kMaxConfusionClasses = 100;
constexpr int64_t kTopK = 5;

std::span<const float> FirstOutput(const ModelOutputs& outputs, size_t example) {
  return std::span<const float>(outputs.examples[example])
      .first(static_cast<size_t>(outputs.output_sizes[0]));
}

// No number is below every number, so that it never wins.
float Score(float value) {
  return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
}

int64_t ArgMax(std::span<const float> scores) {
  int64_t best = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    if (Score(scores[i]) > Score(scores[best])) best = static_cast<int64_t>(i);
  }
  return best;
}

// How many classes come before `label`: those with a higher score, and of the same score the lower
// ones.
int64_t RankOf(std::span<const float> scores, int64_t label) {
  int64_t before = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool higher = Score(scores[i]) > Score(scores[label]);
    const bool tie_before =
        Score(scores[i]) == Score(scores[label]) && static_cast<int64_t>(i) < label;
    before += higher || tie_before ? 1 : 0;
  }
  return before;
}

// Sums over one or more examples, of the float model's x and the variant's y.
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

double SqnrDb(double signal, double noise) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (noise == 0) return kInfinity;
  if (!std::isfinite(noise) || !std::isfinite(signal)) return -kInfinity;
  return 10 * std::log10(signal / noise);
}

}  // namespace

ShareInterval WilsonInterval(int64_t successes, int64_t trials) {
  if (trials == 0) return {};
  constexpr double kZ = 1.959963984540054;  // 97.5 % of the normal distribution
  const auto n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double centre = share + kZ * kZ / (2 * n);
  const double half_width = kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  const double divisor = 1 + kZ * kZ / n;
  // At shares of 0 and 1 rounding would leave the share just outside.
  return {std::clamp((centre - half_width) / divisor, 0.0, share),
          std::clamp((centre + half_width) / divisor, share, 1.0)};
}

absl::StatusOr<v1::Accuracy> ComputeAccuracy(const ModelOutputs& outputs,
                                             const std::vector<int64_t>& labels) {
  const auto examples = static_cast<int64_t>(outputs.examples.size());
  const int64_t classes = outputs.output_sizes.empty() ? 0 : outputs.output_sizes[0];
  if (static_cast<int64_t>(labels.size()) != examples) {
    return absl::InvalidArgumentError(
        absl::StrCat(labels.size(), " labels for ", examples, " examples"));
  }
  const bool has_confusion = classes <= kMaxConfusionClasses;
  std::vector<int64_t> confusion(has_confusion ? static_cast<size_t>(classes * classes) : 0);
  int64_t top1 = 0, top5 = 0;
  for (int64_t example = 0; example < examples; ++example) {
    const int64_t label = labels[example];
    if (label < 0 || label >= classes) {
      return FieldError("labels",
                        absl::StrCat("example ", example, ": class ", label, " of a model with ",
                                     classes, " classes, numbered from 0"));
    }
    const std::span<const float> scores = FirstOutput(outputs, static_cast<size_t>(example));
    const int64_t rank = RankOf(scores, label);
    top1 += rank < 1 ? 1 : 0;
    top5 += rank < kTopK ? 1 : 0;
    if (has_confusion) ++confusion[label * classes + ArgMax(scores)];
  }

  v1::Accuracy accuracy;
  accuracy.set_examples(examples);
  accuracy.set_classes(static_cast<int32_t>(classes));
  accuracy.mutable_confusion()->Add(confusion.begin(), confusion.end());
  if (examples == 0) return accuracy;
  accuracy.set_top1(static_cast<double>(top1) / static_cast<double>(examples));
  if (classes > kTopK) accuracy.set_top5(static_cast<double>(top5) / static_cast<double>(examples));
  const ShareInterval interval = WilsonInterval(top1, examples);
  accuracy.set_top1_low(interval.low);
  accuracy.set_top1_high(interval.high);
  return accuracy;
}

v1::Fidelity ComputeFidelity(const ModelOutputs& outputs, const ModelOutputs& reference) {
  CHECK(outputs.output_sizes == reference.output_sizes);
  CHECK_EQ(outputs.examples.size(), reference.examples.size());
  const size_t examples = reference.examples.size();
  double signal = 0, noise = 0, cosine = 0, max_error = 0;
  int64_t agreeing = 0;
  for (size_t example = 0; example < examples; ++example) {
    const Sums sums = SumsOf(reference.examples[example], outputs.examples[example]);
    signal += sums.signal;
    noise += sums.noise;
    cosine += Cosine(sums);
    max_error = std::max(max_error, sums.max_error);
    if (!reference.output_sizes.empty() && reference.output_sizes[0] > 0 &&
        ArgMax(FirstOutput(outputs, example)) == ArgMax(FirstOutput(reference, example))) {
      ++agreeing;
    }
  }

  v1::Fidelity fidelity;
  fidelity.set_examples(static_cast<int64_t>(examples));
  if (examples == 0) return fidelity;
  fidelity.set_sqnr_db(SqnrDb(signal, noise));
  fidelity.set_cosine(cosine / static_cast<double>(examples));
  fidelity.set_argmax_agreement(static_cast<double>(agreeing) / static_cast<double>(examples));
  fidelity.set_max_abs_error(max_error);
  return fidelity;
}

}  // namespace octavo
