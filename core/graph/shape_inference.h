// The shapes of an operator's outputs, and whether its inputs go together at all.

#ifndef OCTAVO_CORE_GRAPH_SHAPE_INFERENCE_H_
#define OCTAVO_CORE_GRAPH_SHAPE_INFERENCE_H_

#include "absl/status/statusor.h"
#include "core/graph/shape_rule.h"
#include "core/tflite/model.h"

namespace octavo {

// Whether there is a rule: so for every row of the operator table.
bool HasShapeRule(schema::BuiltinOperator type);

// The shapes of the outputs of `op` in `model`, whose inputs' shapes are known. What a kernel
// relies on is checked: ranks, channels, windows, axes, constant indices, element types.
//
// INVALID_ARGUMENT (MODEL_MALFORMED), naming the operator and the shapes: they do not fit, or an
// output is too large. FAILED_PRECONDITION (OP_UNSUPPORTED): there is no rule, or the shape depends
// on values.
absl::StatusOr<Shapes> InferShapes(const Model& model, const schema::OperatorT& op);

// "CONV_2D 'block/Relu'": how errors name an operator, by its first output.
std::string OperatorText(const Model& model, const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_SHAPE_INFERENCE_H_
