#include "core/engine/choose_observer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "core/data/dataset_part.h"
#include "core/evaluate/evaluate.h"
#include "core/graph/fix_shapes.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/plan_quantization.h"

namespace octavo {
namespace {

// The share of values that a percentile keeps: a net's outliers are of its own kind.
constexpr double kKept[] = {0.99999, 0.9999, 0.999};

std::vector<RangeOptions> Candidates(int levels) {
  std::vector<RangeOptions> candidates;
  for (const Observer observer : {Observer::kMinMax, Observer::kMovingAverage,
                                  Observer::kMeanSquaredError, Observer::kEntropy}) {
    candidates.push_back({.observer = observer, .levels = levels});
  }
  for (const double kept : kKept) {
    candidates.push_back({.observer = Observer::kPercentile, .levels = levels, .kept = kept});
  }
  return candidates;
}

}  // namespace

absl::StatusOr<std::vector<ObserverScore>> ChooseObserver(const Model& fixed,
                                                          const Dataset& calibration,
                                                          const CalibrationStatistics& statistics,
                                                          const v1::VariantSpec& spec,
                                                          int num_threads) {
  const DatasetPart held_back(calibration, HoldBackAFifth(calibration.size()).held_back);
  Evaluator evaluator(fixed, held_back, {.num_threads = num_threads});
  v1::VariantSpec float_border = spec;
  float_border.set_io_type(v1::IO_TYPE_FLOAT32);
  std::vector<ObserverScore> scores;
  for (const RangeOptions& options : Candidates(LevelsOf(spec.scheme()))) {
    ASSIGN_OR_RETURN(const QuantPlan plan,
                     PlanQuantization(fixed, ChooseRanges(statistics, options), float_border));
    ASSIGN_OR_RETURN(const Model quantized, ApplyPlan(fixed, plan));
    ASSIGN_OR_RETURN(const Model runnable, FixShapes(quantized));
    ASSIGN_OR_RETURN(const Evaluation evaluation, evaluator.Evaluate(runnable));
    const ObserverScore score{options, evaluation.fidelity.sqnr_db()};
    const bool is_best = scores.empty() || score.sqnr_db > scores[0].sqnr_db;
    scores.insert(is_best ? scores.begin() : scores.end(), score);
  }
  return scores;
}

}  // namespace octavo
