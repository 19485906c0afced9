// Gives every tensor of the operators that a static scheme quantizes its scale and zero point.

#ifndef OCTAVO_CORE_QUANTIZE_SETTLE_PARAMS_H_
#define OCTAVO_CORE_QUANTIZE_SETTLE_PARAMS_H_

#include "absl/status/status.h"
#include "core/calibrate/range.h"
#include "core/quantize/quant_plan.h"
#include "core/quantize/static_form.h"
#include "core/tflite/model.h"

namespace octavo {

// Adds to `plan` the activations, constants and requantizations of the operators that compute in
// `form`, and of the border where its integers are of that form; operators are decided, the
// border's type is set.
//
// Tensors that must share their parameters (OperatorRow::output_scale) get those of the smallest
// range that holds all of theirs. INVALID_ARGUMENT (NOT_FINITE): a constant is not.
// FAILED_PRECONDITION (NO_CALIBRATION): the border is to be of integers, and one of its tensors has
// no range.
absl::Status SettleParams(const Model& model, const TensorRanges& ranges, const StaticForm& form,
                          QuantPlan* plan);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_SETTLE_PARAMS_H_
