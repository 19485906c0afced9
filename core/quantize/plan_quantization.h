// Decides what a variant does to each tensor and operator.

#ifndef OCTAVO_CORE_QUANTIZE_PLAN_QUANTIZATION_H_
#define OCTAVO_CORE_QUANTIZE_PLAN_QUANTIZATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/calibrate/range.h"
#include "core/quantize/quant_plan.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// The usual name of a scheme and I/O type: "int8-uint8io". Empty where there is no such variant.
std::string VariantName(v1::Scheme scheme, v1::IoType io_type);

// Those of core/base/usual_variants.h, in the order of tables.
std::vector<v1::VariantSpec> UsualVariants();

// The tensors' type; FLOAT32 where it is not said.
schema::TensorType TypeOf(v1::IoType io_type);

// How many levels a scheme's activations have: 65,536 or 256.
int LevelsOf(v1::Scheme scheme);

bool NeedsCalibration(v1::Scheme scheme);

// `model` is a clean float model (graph/passes.h), its batch as it came; `measured` are the
// ranges of its activations, by their places; empty for schemes without calibration and where the
// model has learned them (learned_ranges.h), which count first.
//
// FAILED_PRECONDITION (NO_CALIBRATION): a static scheme and no ranges. FAILED_PRECONDITION
// (OP_UNSUPPORTED) where the scheme leaves every operator in float. INVALID_ARGUMENT
// (FIELD_INVALID), naming the field: the spec contradicts itself, or an override's pattern is none
// or names no operator.
absl::StatusOr<QuantPlan> PlanQuantization(const Model& model, const TensorRanges& measured,
                                           const v1::VariantSpec& spec);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_PLAN_QUANTIZATION_H_
