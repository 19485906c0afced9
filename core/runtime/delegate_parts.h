// How LiteRT's XNNPACK delegate probably divides a model, found from its operators and types alone.

#ifndef OCTAVO_CORE_RUNTIME_DELEGATE_PARTS_H_
#define OCTAVO_CORE_RUNTIME_DELEGATE_PARTS_H_

#include <string>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

// An operator that runs on LiteRT's plain kernels.
struct UndelegatedOperator {
  int index = 0;
  // "no XNNPACK kernel of FLOAT32 activations with INT8 weights".
  std::string why;
  // The delegate works before it and after it.
  bool breaks = false;
};

struct DelegateParts {
  // Graphs that the delegate makes of what it takes.
  int parts = 0;
  // In the model's order.
  std::vector<UndelegatedOperator> undelegated;
};

// LiteRT puts operators into parts epoch by epoch: what is ready and of one kind, taken or not,
// until there is no more of it. `model` is as it is written to a file, its shapes as LiteRT finds
// them.
DelegateParts EstimateDelegateParts(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_DELEGATE_PARTS_H_
