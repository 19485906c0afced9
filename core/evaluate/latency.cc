#include "core/evaluate/latency.h"

#include <time.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/percentile.h"
#include "core/base/status_macros.h"
#include "core/evaluate/host_lock.h"
#include "core/evaluate/memory.h"
#include "core/evaluate/model_runner.h"
#include "core/runtime/executor.h"

namespace octavo {
namespace {

constexpr double kDisturbedShare = 0.05;
constexpr int kFewestRuns = 5;
constexpr int kFewestDefaultRuns = 20;
constexpr int kMostDefaultRuns = 200;
constexpr double kWarmupShare = 0.25;

double NowMs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

// A model with its inputs, ready to be run and timed.
class TimedModel {
 public:
  static absl::StatusOr<TimedModel> Create(const Model& model, const Example& example) {
    ASSIGN_OR_RETURN(Example inputs, ConvertInputs(model, example));
    ASSIGN_OR_RETURN(Executor executor, Executor::Create(model, {}));
    return TimedModel(std::move(executor), std::move(inputs));
  }

  // Milliseconds of wall time.
  absl::StatusOr<double> Run() {
    const double begin = NowMs(CLOCK_MONOTONIC);
    RETURN_IF_ERROR(executor_.Run(views_));
    return NowMs(CLOCK_MONOTONIC) - begin;
  }
  const Executor& executor() const { return executor_; }

 private:
  TimedModel(Executor executor, Example inputs)
      : executor_(std::move(executor)), inputs_(std::move(inputs)) {
    for (const TensorValue& value : inputs_) views_.push_back(value.view());
  }

  Executor executor_;
  Example inputs_;  // a vector: moving it leaves the values, which the views show, where they are
  std::vector<TensorView> views_;
};

struct Budget {
  int warmup_runs;
  double max_ms;
  int asked_runs;  // 0: as many as fit

  // How many runs of a model and its reference to count, where one of each takes `pair_ms`.
  int Runs(double pair_ms, double left_ms) const {
    if (asked_runs > 0) return std::max(asked_runs, kFewestRuns);
    const double fitting = left_ms / std::max(pair_ms, 1e-6);
    return static_cast<int>(std::clamp<double>(fitting, kFewestDefaultRuns, kMostDefaultRuns));
  }
};

Budget BudgetOf(const v1::BenchmarkSpec& spec) {
  return {spec.warmup_runs() > 0 ? spec.warmup_runs() : kDefaultWarmupRuns,
          static_cast<double>(spec.max_duration_ms() > 0 ? spec.max_duration_ms()
                                                         : kDefaultBenchmarkMs),
          std::max(spec.runs(), 0)};
}

// Runs both until they are warm and gives what one run of each then takes, milliseconds.
absl::StatusOr<double> WarmUp(TimedModel& variant, TimedModel& reference, const Budget& budget) {
  const double give_up = NowMs(CLOCK_MONOTONIC) + budget.max_ms * kWarmupShare;
  double pair_ms = 0;
  for (int run = 0; run < budget.warmup_runs; ++run) {
    if (run > 0 && NowMs(CLOCK_MONOTONIC) + pair_ms > give_up) break;
    ASSIGN_OR_RETURN(const double variant_ms, variant.Run());
    ASSIGN_OR_RETURN(const double reference_ms, reference.Run());
    pair_ms = variant_ms + reference_ms;
  }
  return pair_ms;
}

struct Samples {
  std::vector<float> variant_ms;
  std::vector<float> reference_ms;
  double wall_ms = 0;
  double cpu_ms = 0;
};

absl::StatusOr<Samples> TakeSamples(TimedModel& variant, TimedModel& reference, int runs,
                                    double end_ms) {
  Samples samples;
  samples.variant_ms.reserve(static_cast<size_t>(runs));
  samples.reference_ms.reserve(static_cast<size_t>(runs));
  const double wall_begin = NowMs(CLOCK_MONOTONIC);
  const double cpu_begin = NowMs(CLOCK_THREAD_CPUTIME_ID);
  for (int run = 0; run < runs; ++run) {
    if (run >= kFewestRuns && NowMs(CLOCK_MONOTONIC) > end_ms) break;
    // Who goes first finds the caches as the other left them: they take turns.
    const bool variant_first = run % 2 == 0;
    ASSIGN_OR_RETURN(const double first, variant_first ? variant.Run() : reference.Run());
    ASSIGN_OR_RETURN(const double second, variant_first ? reference.Run() : variant.Run());
    samples.variant_ms.push_back(static_cast<float>(variant_first ? first : second));
    samples.reference_ms.push_back(static_cast<float>(variant_first ? second : first));
  }
  // Over all of them: asking for the CPU time of each would take longer than the smallest models
  // do.
  samples.wall_ms = NowMs(CLOCK_MONOTONIC) - wall_begin;
  samples.cpu_ms = NowMs(CLOCK_THREAD_CPUTIME_ID) - cpu_begin;
  return samples;
}

v1::Latency Summarise(const Samples& samples) {
  v1::Latency latency;
  latency.set_p50_ms(Percentile(samples.variant_ms, 0.5));
  latency.set_p90_ms(Percentile(samples.variant_ms, 0.9));
  latency.set_p99_ms(Percentile(samples.variant_ms, 0.99));
  latency.set_float_p50_ms(Percentile(samples.reference_ms, 0.5));
  if (latency.float_p50_ms() > 0) latency.set_ratio(latency.p50_ms() / latency.float_p50_ms());
  latency.set_disturbed(IsDisturbed(samples.wall_ms, samples.cpu_ms));
  latency.mutable_samples_ms()->Add(samples.variant_ms.begin(), samples.variant_ms.end());
  latency.mutable_float_samples_ms()->Add(samples.reference_ms.begin(), samples.reference_ms.end());
  return latency;
}

}  // namespace

bool IsDisturbed(double wall_ms, double cpu_ms) {
  return wall_ms - cpu_ms > kDisturbedShare * wall_ms;
}

double Percentile(std::vector<float> samples, double share) {
  std::sort(samples.begin(), samples.end());
  return PercentileOfSorted(samples, share);
}

absl::StatusOr<LatencyResult> MeasureLatency(const Model& model, const Model& reference,
                                             const Example& example, const v1::BenchmarkSpec& spec,
                                             int lock_fd, absl::Duration lock_wait) {
  LatencyResult result;
  const Budget budget = BudgetOf(spec);
  ASSIGN_OR_RETURN(TimedModel timed_reference, TimedModel::Create(reference, example),
                   "float model");
  RETURN_IF_ERROR(timed_reference.Run().status(), "float model");
  const PeakMemory memory;
  ASSIGN_OR_RETURN(TimedModel timed, TimedModel::Create(model, example));
  RETURN_IF_ERROR(timed.Run().status());
  result.memory.set_peak_bytes(memory.GrowthBytes());

  const HostLock lock(lock_fd, lock_wait);
  const double end_ms = NowMs(CLOCK_MONOTONIC) + budget.max_ms;
  ASSIGN_OR_RETURN(const double pair_ms, WarmUp(timed, timed_reference, budget));
  const int runs = budget.Runs(pair_ms, end_ms - NowMs(CLOCK_MONOTONIC));
  ASSIGN_OR_RETURN(const Samples samples, TakeSamples(timed, timed_reference, runs, end_ms));
  result.latency = Summarise(samples);
  result.latency.set_shared(lock.is_shared());
  result.latency.set_runtime(timed.executor().runtime());
  return result;
}

}  // namespace octavo
