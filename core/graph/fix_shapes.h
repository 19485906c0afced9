// A model for one batch size: every shape known, nothing left to compute about shapes.

#ifndef OCTAVO_CORE_GRAPH_FIX_SHAPES_H_
#define OCTAVO_CORE_GRAPH_FIX_SHAPES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

inline constexpr int32_t kMaxBatch = 1 << 16;

// Sets the batch axes of inputs and states to `batch`, infers every tensor's shape, and folds what
// then is constant: SHAPE, STRIDED_SLICE and PACK before RESHAPE and TRANSPOSE_CONV, DEQUANTIZE of
// float16 constants. Folded operators are gone; tensors keep their places, so that what is found of
// one (a range) is found of the same one in `model`.
//
// FAILED_PRECONDITION (OP_UNSUPPORTED), naming the operator: an operator without a row or a shape
// rule, or whose output shape depends on values. INVALID_ARGUMENT, naming the operator and its
// shapes: they do not fit.
absl::StatusOr<Model> FixShapes(const Model& model, int32_t batch = 1);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_FIX_SHAPES_H_
