#include "core/evaluate/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/evaluate/set_checks.h"

namespace octavo {
namespace {

constexpr int64_t kMaxConfusionClasses = 100;
constexpr int64_t kTopK = 5;

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

Evaluator::Evaluator(const Model& float_model, const Dataset& dataset, EvaluateOptions options)
    : float_model_(float_model),
      dataset_(dataset),
      options_(std::move(options)),
      output_sizes_(OutputSizes(float_model)) {
  const int64_t elements = std::accumulate(output_sizes_.begin(), output_sizes_.end(), int64_t{0});
  const int64_t example_bytes = elements * static_cast<int64_t>(sizeof(float));
  if (dataset.size() <= options_.max_kept_bytes / std::max<int64_t>(example_bytes, 1)) {
    kept_.resize(static_cast<size_t>(dataset.size()));
  }
}

absl::StatusOr<Evaluation> Evaluator::Evaluate(const Model& variant) {
  return Run(variant, /*is_float=*/false);
}

absl::StatusOr<Evaluation> Evaluator::EvaluateFloat(const Model& written) {
  return Run(written, /*is_float=*/true);
}

absl::Status Evaluator::CheckLabels() const {
  const std::vector<int64_t>& labels = dataset_.labels();
  if (static_cast<int64_t>(labels.size()) != dataset_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(labels.size(), " labels for ", dataset_.size(), " examples"));
  }
  for (size_t example = 0; example < labels.size(); ++example) {
    if (labels[example] >= 0 && labels[example] < first_size()) continue;
    return FieldError("labels",
                      absl::StrCat("example ", example, ": class ", labels[example],
                                   " of a model with ", first_size(), " classes, numbered from 0"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Evaluator::Result> Evaluator::RunExample(int64_t index, ModelRunner& runner,
                                                        ModelRunner& float_runner) {
  ASSIGN_OR_RETURN(Example example, dataset_.Get(index));
  const bool is_float = &runner == &float_runner;
  std::vector<float> made;
  std::vector<float>& reference = kept_.empty() ? made : kept_[index];
  if (is_float || reference.empty()) {
    if (options_.check_finite) {
      RETURN_IF_ERROR(CheckExampleIsFinite(float_model_, example, index));
    }
    ASSIGN_OR_RETURN(reference, float_runner.Run(example));
  }
  std::vector<float> made_by_variant;
  if (!is_float) {
    ASSIGN_OR_RETURN(made_by_variant, runner.Run(std::move(example)));
  }
  const std::span<const float> outputs = is_float ? reference : made_by_variant;

  Result result{.difference = Compare(reference, outputs, first_size())};
  if (options_.has_accuracy) {
    result.ranking =
        RankLabel(outputs.first(static_cast<size_t>(first_size())), dataset_.labels()[index]);
  }
  return result;
}

absl::StatusOr<Evaluation> Evaluator::Run(const Model& model, bool is_float) {
  if (options_.has_accuracy) RETURN_IF_ERROR(CheckLabels());
  ModelRunner runner(model, options_.backend);
  ModelRunner float_runner(float_model_);
  Progress progress(options_.progress, dataset_.size());
  const auto size = static_cast<size_t>(dataset_.size());
  std::vector<Ranking> rankings(options_.has_accuracy ? size : 0);
  std::vector<Difference> differences(size);
  RETURN_IF_ERROR(
      ParallelFor(options_.num_threads, dataset_.size(), [&](int64_t index) -> absl::Status {
        ASSIGN_OR_RETURN(const Result result,
                         RunExample(index, runner, is_float ? runner : float_runner), "example ",
                         index);
        if (options_.has_accuracy) rankings[index] = result.ranking;
        differences[index] = result.difference;
        progress.OneIsDone();
        return absl::OkStatus();
      }));
  Evaluation evaluation{.fidelity = FoldFidelity(differences)};
  if (options_.has_accuracy) evaluation.accuracy = FoldAccuracy(rankings, first_size());
  return evaluation;
}

}  // namespace octavo
