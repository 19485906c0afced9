// Does what a plan says. Decides nothing.

#ifndef OCTAVO_CORE_QUANTIZE_APPLY_PLAN_H_
#define OCTAVO_CORE_QUANTIZE_APPLY_PLAN_H_

#include "absl/status/statusor.h"
#include "core/quantize/quant_plan.h"
#include "core/tflite/model.h"

namespace octavo {

// The quantized model, ready to be written. Deterministic. INTERNAL: the plan does not fit the
// model.
absl::StatusOr<Model> ApplyPlan(const Model& model, const QuantPlan& plan);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_APPLY_PLAN_H_
