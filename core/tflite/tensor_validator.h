// Whether one tensor of a model that was read is sane by itself.

#ifndef OCTAVO_CORE_TFLITE_TENSOR_VALIDATOR_H_
#define OCTAVO_CORE_TFLITE_TENSOR_VALIDATOR_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/tflite/model.h"

namespace octavo {

// Type and shape are known, the constant (if it has one) has as many bytes as they say, scales and
// zero points are within bounds and as many as there are channels. `num_tensors`: of its subgraph.
// Its buffer's index is valid before.
//
// INVALID_ARGUMENT, not naming the tensor.
absl::Status ValidateTensor(const Model& model, const schema::TensorT& tensor, int64_t num_tensors);

// Whether `text` may stand in a message or a report: UTF-8, of a sane length.
bool IsText(absl::string_view text);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_TENSOR_VALIDATOR_H_
