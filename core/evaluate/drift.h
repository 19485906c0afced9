// How a variant that sees its own outputs parts from the float model, step by step.

#ifndef OCTAVO_CORE_EVALUATE_DRIFT_H_
#define OCTAVO_CORE_EVALUATE_DRIFT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/evaluate/fidelity.h"
#include "core/evaluate/task_metrics.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Of each example, in their order.
struct DriftSamples {
  std::span<const Difference> fed;    // of what is fed back
  std::span<const Difference> whole;  // of all outputs
  // Of a metric of masks; empty where there is none.
  std::span<const MetricResult> masks;
  int64_t mask_classes = 0;
};

// One point a step over all sequences, which begin at `starts` (ascending from 0); of more than 256
// steps so many to a point that there are no more points.
std::vector<v1::DriftPoint> FoldDrift(std::span<const int64_t> starts, const DriftSamples& samples);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_DRIFT_H_
