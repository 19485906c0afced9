// Latency: single runs at one thread, a variant and the float model in turn, so that a noisy
// machine hits both alike.

#ifndef OCTAVO_CORE_EVALUATE_LATENCY_H_
#define OCTAVO_CORE_EVALUATE_LATENCY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/data/dataset.h"
#include "core/evaluate/host_lock.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What a BenchmarkSpec leaves to us.
inline constexpr int kDefaultWarmupRuns = 10;
inline constexpr int kDefaultBenchmarkMs = 2000;

struct LatencyResult {
  v1::Latency latency;
  v1::Memory memory;
};

// `model` and `reference` (float) have fixed shapes; `example` is as the float model takes it. Its
// conversion is not timed. The time limit of `spec` holds for warm-up and counted runs together;
// warm-up takes at most a quarter of it, or one run. The memory is that of making and warming up
// `model`'s executor (memory.h).
//
// `lock_fd` is locked meanwhile (host_lock.h), -1: nothing is; where it is not to be had in
// `lock_wait` the measurement goes on and says so. INVALID_ARGUMENT, FAILED_PRECONDITION: the
// example or the model cannot be run.
absl::StatusOr<LatencyResult> MeasureLatency(const Model& model, const Model& reference,
                                             const Example& example, const v1::BenchmarkSpec& spec,
                                             int lock_fd, absl::Duration lock_wait = kLongestPause);

// Whether wall time and CPU time of one thread that never waits part by more than 5 %: something
// else ran.
bool IsDisturbed(double wall_ms, double cpu_ms);

// As PercentileOfSorted (core/base/percentile.h), of samples in any order.
double Percentile(std::vector<float> samples, double share);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_LATENCY_H_
