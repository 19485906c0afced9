// Latency: single runs at one thread, a variant and the float model in turn, so that a noisy machine hits both alike.

#ifndef OCTAVO_CORE_EVALUATE_LATENCY_H_
#define OCTAVO_CORE_EVALUATE_LATENCY_H_

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct LatencyResult {
  v1::Latency latency;
  v1::Memory memory;
};

// `model` and `reference` (float) have fixed shapes; `example` is as the float model takes it. `lock_fd` is locked
// (flock) meanwhile, -1: nothing is; where it is not to be had in 10 s the measurement goes on and says so.
absl::StatusOr<LatencyResult> MeasureLatency(const Model& model, const Model& reference,
                                             const Example& example,
                                             const v1::BenchmarkSpec& spec, int lock_fd);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_LATENCY_H_
