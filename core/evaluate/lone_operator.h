// One operator of a model as a model of its own.

#ifndef OCTAVO_CORE_EVALUATE_LONE_OPERATOR_H_
#define OCTAVO_CORE_EVALUATE_LONE_OPERATOR_H_

#include <vector>

#include "core/tflite/model.h"

namespace octavo {

struct LoneModel {
  Model model;
  // The tensors of the whole model that its inputs are, in their order.
  std::vector<TensorIndex> inputs;
};

// The place of the operator that makes each tensor of `model`; -1: none does.
std::vector<int> ProducersOf(const Model& model);

// The activations of `op`, an operator of `model` with a first output, are inputs, and that output
// is the only one. Operators that make of constants alone what `op` takes (a DEQUANTIZE of weights)
// are in it too.
LoneModel ModelOfOperator(const Model& model, const schema::OperatorT& op,
                          const std::vector<int>& producers);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_LONE_OPERATOR_H_
