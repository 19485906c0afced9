// Plans the static schemes: weights in int8, activations in int8 or int16 by their measured ranges.

#ifndef OCTAVO_CORE_QUANTIZE_PLAN_STATIC_H_
#define OCTAVO_CORE_QUANTIZE_PLAN_STATIC_H_

#include "absl/status/status.h"
#include "core/calibrate/range.h"
#include "core/quantize/quant_plan.h"
#include "core/tflite/model.h"

namespace octavo {

// Decides the operators of `plan` that have no note yet, and all activations and constants.
// `plan.io_type` and the operators' activation types are set: `usual`, or another where the request
// says so.
//
// Tensors that must share their parameters (OperatorRow::output_scale) get those of the smallest
// range that holds all of theirs. INVALID_ARGUMENT (NOT_FINITE): a constant that would be quantized
// is not.
absl::Status PlanStatic(const Model& model, const TensorRanges& ranges, schema::TensorType usual,
                        QuantPlan* plan);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_PLAN_STATIC_H_
