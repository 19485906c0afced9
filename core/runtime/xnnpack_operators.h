// Which operators XNNPACK takes, in which types, and how each is defined: a table.
//
// The rules are those of LiteRT's XNNPACK delegate, so that a model runs here on the same kernels
// as there, and XNNPACK's own limits: it aborts on some of what it does not take.

#ifndef OCTAVO_CORE_RUNTIME_XNNPACK_OPERATORS_H_
#define OCTAVO_CORE_RUNTIME_XNNPACK_OPERATORS_H_

#include <optional>

#include "core/runtime/xnnpack_builder.h"
#include "core/tflite/model.h"

namespace octavo {

struct XnnpackNode {
  DefineNode define;
  // LiteRT's delegate takes it too. Where it does not, our own kernel, if there is one, is nearer
  // to LiteRT's.
  bool as_litert = true;
};

// Nothing where XNNPACK does not take the operator. `model` has fixed shapes and outlives the
// result.
std::optional<XnnpackNode> PlanXnnpackNode(const Model& model, const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_XNNPACK_OPERATORS_H_
