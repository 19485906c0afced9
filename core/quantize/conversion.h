// The operators between the forms of a tensor.

#ifndef OCTAVO_CORE_QUANTIZE_CONVERSION_H_
#define OCTAVO_CORE_QUANTIZE_CONVERSION_H_

#include <memory>

#include "core/tflite/model.h"

namespace octavo {

// A DEQUANTIZE to a float tensor, a QUANTIZE to any other, at the version that the types of both
// need. It is in no graph yet; `model` gets its operator code.
std::unique_ptr<schema::OperatorT> Conversion(TensorIndex from, TensorIndex to, Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_CONVERSION_H_
