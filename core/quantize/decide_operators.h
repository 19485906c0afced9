// Decides which operators a static scheme quantizes, and says why it does not quantize the others.

#ifndef OCTAVO_CORE_QUANTIZE_DECIDE_OPERATORS_H_
#define OCTAVO_CORE_QUANTIZE_DECIDE_OPERATORS_H_

#include "absl/strings/string_view.h"
#include "core/calibrate/range.h"
#include "core/quantize/quant_plan.h"
#include "core/quantize/static_form.h"
#include "core/tflite/model.h"

namespace octavo {

// Decides those that have no note yet, each by what it is itself; their activation types are set.
void DecideOperators(const Model& model, const TensorRanges& ranges, QuantPlan* plan);

// Takes back decisions that make no sense among their neighbours: to move values in integers
// between operators that compute in float, or to quantize values only to look at them. Uses
// `plan->io_type`.
void DecideByNeighbours(const Model& model, QuantPlan* plan);

// Takes one decision back; `why` is in a reader's words.
void LeaveFloat(const Model& model, int op, absl::string_view why, QuantPlan* plan);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_DECIDE_OPERATORS_H_
