// Other inputs and outputs for a model that is quantized already.

#ifndef OCTAVO_CORE_QUANTIZE_CHANGE_IO_H_
#define OCTAVO_CORE_QUANTIZE_CHANGE_IO_H_

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// `model` with inputs and outputs of FLOAT32, INT8, UINT8 or INT16. What lies between is not
// touched, and no value is rounded anew: a QUANTIZE or DEQUANTIZE at the border goes, or comes.
// Inputs and outputs keep their places and names; integers by nature (classes, indices) stay.
//
// FAILED_PRECONDITION (OP_UNSUPPORTED), naming the tensor: inside the model it is float, or of
// integers that this type does not hold.
absl::StatusOr<Model> ChangeIo(const Model& model, schema::TensorType type);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_CHANGE_IO_H_
