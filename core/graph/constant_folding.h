// Operators whose inputs are known are computed now: what is left of dynamic shapes, and the
// widening of constants.

#ifndef OCTAVO_CORE_GRAPH_CONSTANT_FOLDING_H_
#define OCTAVO_CORE_GRAPH_CONSTANT_FOLDING_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// The bytes of the one output of `op`, whose shape is `output_shape`; nothing where an input is not
// known, or there is no folding rule for the operator and these types. Inputs' and output's shapes
// are those that InferShapes checked.
absl::StatusOr<std::optional<SharedBytes>> FoldOperator(const Model& model,
                                                        const schema::OperatorT& op,
                                                        const Shape& output_shape);

// How many bytes of constants may be made of a model's own: a small file may fold into large ones,
// since operators and tensors share constants.
int64_t FoldingBudgetBytes(const Model& model);

// What the codes of a constant of integers stand for, as FLOAT32; nothing where it has no scale, or
// scales that do not lie along one axis.
std::optional<SharedBytes> DequantizedValues(const Model& model, TensorIndex constant);

// The values of a FLOAT16 constant as FLOAT32; exact.
SharedBytes WidenFloat16(std::span<const uint16_t> values);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_CONSTANT_FOLDING_H_
