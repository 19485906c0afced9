#include "core/evaluate/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace octavo {
namespace {

constexpr int64_t kMaxConfusionClasses = 100;
constexpr int64_t kTopK = 5;

// No number is below every number, so that it never wins.
float Score(float value) {
  return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
}

}  // namespace

int64_t ArgMax(std::span<const float> scores) {
  int64_t best = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    if (Score(scores[i]) > Score(scores[best])) best = static_cast<int64_t>(i);
  }
  return best;
}

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

Ranking RankLabel(std::span<const float> scores, int64_t label) {
  Ranking ranking{.label = label, .predicted = ArgMax(scores)};
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool higher = Score(scores[i]) > Score(scores[label]);
    const bool tie_before =
        Score(scores[i]) == Score(scores[label]) && static_cast<int64_t>(i) < label;
    ranking.rank += higher || tie_before ? 1 : 0;
  }
  return ranking;
}

v1::Accuracy FoldAccuracy(const std::vector<Ranking>& rankings, int64_t classes) {
  const auto examples = static_cast<int64_t>(rankings.size());
  const bool has_confusion = classes <= kMaxConfusionClasses;
  std::vector<int64_t> confusion(has_confusion ? static_cast<size_t>(classes * classes) : 0);
  int64_t top1 = 0, top5 = 0;
  for (const Ranking& ranking : rankings) {
    top1 += ranking.rank < 1 ? 1 : 0;
    top5 += ranking.rank < kTopK ? 1 : 0;
    if (has_confusion) ++confusion[ranking.label * classes + ranking.predicted];
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

}  // namespace octavo
