// Custom operators that say what builtin ones say too.

#ifndef OCTAVO_CORE_GRAPH_CUSTOM_OPERATORS_H_
#define OCTAVO_CORE_GRAPH_CUSTOM_OPERATORS_H_

#include "core/tflite/model.h"

namespace octavo {

// `model` with those that we know as builtin operators; others stay as they are. Known is
// MediaPipe's Convolution2DTransposeBias (input, weights, bias; options: padding and strides),
// which is a TRANSPOSE_CONV.
Model WithBuiltinOperators(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_CUSTOM_OPERATORS_H_
