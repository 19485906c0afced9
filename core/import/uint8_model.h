// Models of TF1's converter: uint8 activations and weights, one scale and zero point a tensor.

#ifndef OCTAVO_CORE_IMPORT_UINT8_MODEL_H_
#define OCTAVO_CORE_IMPORT_UINT8_MODEL_H_

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// Whether it computes in uint8 alone. Uint8 at the border of an int8 model does not make one.
bool IsUint8Model(const Model& model);

// The float model that does what a uint8 one does but for the last bits: constants are what their
// codes stand for, and a FAKE_QUANT behind each operator rounds to its output's codes. Tensors keep
// their places and names; inputs and outputs are float.
//
// INVALID_ARGUMENT (MODEL_MALFORMED), naming the tensor: a scale is none. FAILED_PRECONDITION
// (OP_UNSUPPORTED), naming the operator: it takes codes for numbers.
absl::StatusOr<Model> Uint8AsFloat(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_IMPORT_UINT8_MODEL_H_
