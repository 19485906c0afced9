// Constants that are stored small and used as float32: float16 and integer weights behind
// DEQUANTIZE.

#ifndef OCTAVO_CORE_RUNTIME_CONSTANT_WIDENING_H_
#define OCTAVO_CORE_RUNTIME_CONSTANT_WIDENING_H_

#include "absl/status/status.h"
#include "core/tflite/model.h"

namespace octavo {

// Computes each DEQUANTIZE of a constant once: its output becomes a float32 constant and the
// operator is gone. INT4 constants of other operators become INT8. Tensors keep their places. A
// DEQUANTIZE of types that we do not know stays.
void WidenConstants(Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_CONSTANT_WIDENING_H_
