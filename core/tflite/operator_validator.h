// Whether one operator of a model that was read is what its row of the operator table says.

#ifndef OCTAVO_CORE_TFLITE_OPERATOR_VALIDATOR_H_
#define OCTAVO_CORE_TFLITE_OPERATOR_VALIDATOR_H_

#include "absl/status/status.h"
#include "core/tflite/model.h"

namespace octavo {

// Number of inputs and outputs, the type of the options, and that windows, strides, blocks and enum
// values are sane. Of an operator without a row, only the subgraphs that it names. Indices of
// tensors and operator codes are valid before.
//
// INVALID_ARGUMENT, not naming the operator.
absl::Status ValidateOperator(const Model& model, const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_OPERATOR_VALIDATOR_H_
