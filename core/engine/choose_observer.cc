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

// A step of 65,536 levels is so small that cutting off values costs more than it gains on examples
// that nothing has seen yet: only the widest range is tried.
std::vector<RangeOptions> Candidates(int levels) {
  std::vector<RangeOptions> candidates = {{.observer = Observer::kMinMax, .levels = levels}};
  if (levels > 256) return candidates;
  for (const Observer observer :
       {Observer::kMovingAverage, Observer::kMeanSquaredError, Observer::kEntropy}) {
    candidates.push_back({.observer = observer, .levels = levels});
  }
  for (const double kept : kKept) {
    candidates.push_back({.observer = Observer::kPercentile, .levels = levels, .kept = kept});
  }
  return candidates;
}

}  // namespace

absl::StatusOr<ObserverChoice> ChooseObserver(const Model& fixed, const Dataset& calibration,
                                              const CalibrationStatistics& statistics,
                                              const v1::VariantSpec& spec, int num_threads) {
  const DatasetPart held_back(calibration, HoldBackAFifth(calibration.size()).held_back);
  Evaluator evaluator(fixed, held_back, {.num_threads = num_threads});
  v1::VariantSpec float_border = spec;
  float_border.set_io_type(v1::IO_TYPE_FLOAT32);
  ObserverChoice choice;
  for (const RangeOptions& options : Candidates(LevelsOf(spec.scheme()))) {
    TensorRanges ranges = ChooseRanges(statistics, options);
    ASSIGN_OR_RETURN(const QuantPlan plan, PlanQuantization(fixed, ranges, float_border));
    ASSIGN_OR_RETURN(const Model quantized, ApplyPlan(fixed, plan));
    ASSIGN_OR_RETURN(const Model runnable, FixShapes(quantized));
    ASSIGN_OR_RETURN(const Evaluation evaluation, evaluator.Evaluate(runnable));
    const ObserverScore score{options, evaluation.fidelity.sqnr_db()};
    if (choice.scores.empty() || score.sqnr_db > choice.scores[0].sqnr_db) {
      choice.ranges = std::move(ranges);
      choice.scores.insert(choice.scores.begin(), score);
    } else {
      choice.scores.push_back(score);
    }
  }
  return choice;
}

}  // namespace octavo
