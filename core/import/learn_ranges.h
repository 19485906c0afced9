// Models trained with quantization in mind say in which range each tensor is to be quantized.

#ifndef OCTAVO_CORE_IMPORT_LEARN_RANGES_H_
#define OCTAVO_CORE_IMPORT_LEARN_RANGES_H_

#include "core/tflite/model.h"

namespace octavo {

// `model` without its FAKE_QUANT operators. Constants behind one have the values that it gives;
// tensors keep the int8 form of those of 8 bits (tflite/learned_params.h), of several on one tensor
// the form that holds all their ranges. Other numbers of bits leave nothing. One that stands
// between an input and an output of the model stays.
Model LearnRanges(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_IMPORT_LEARN_RANGES_H_
