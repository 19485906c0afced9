// What a job measures beside accuracy and fidelity, settled against its model and evaluation set.

#ifndef OCTAVO_CORE_ENGINE_SETTLE_METRICS_H_
#define OCTAVO_CORE_ENGINE_SETTLE_METRICS_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/array_dataset.h"
#include "core/evaluate/feedback.h"
#include "core/evaluate/output_part.h"
#include "core/evaluate/task_metrics.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct SettledMetrics {
  std::vector<TaskMetric> metrics;
  // Whose fidelity is told apart.
  std::vector<OutputPart> parts;
  std::optional<Recurrence> recurrence;
};

// INVALID_ARGUMENT (FIELD_INVALID), naming the field: a metric, a recurrence or what they need of
// the evaluation set is wrong in itself, or nothing is evaluated.
absl::Status CheckMetrics(const v1::OptimizeSpec& spec);

// Of `model` (fixed shapes) and the opened evaluation set, which the result refers to. Looks at all
// targets, and puts the outputs' names into `evaluation.used`.
//
// INVALID_ARGUMENT (FIELD_INVALID), naming the field: an output or input that the model does not
// have, targets that do not fit, a metric without targets. LABEL_OUT_OF_RANGE, NOT_FINITE: a target
// is no class, or not finite.
absl::StatusOr<SettledMetrics> SettleMetrics(const Model& model, const v1::OptimizeSpec& spec,
                                             BoundDataset& evaluation);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_SETTLE_METRICS_H_
