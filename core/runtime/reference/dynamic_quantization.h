// Quantization of float activations while a hybrid operator runs.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_DYNAMIC_QUANTIZATION_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_DYNAMIC_QUANTIZATION_H_

#include <cstdint>
#include <span>

#include "core/runtime/reference/int16_kernels.h"

namespace octavo::reference {

enum class Symmetry { kSymmetric, kAsymmetric };

// Writes code - zero_point of each value, codes being int8, and gives the scale. Symmetric: [-127,
// 127] to the greatest magnitude; asymmetric: [-128, 127] to the range of the values and 0. Values
// that are all 0 give codes 0 and scale 1.
float QuantizeValues(const Int16Kernels& kernels, Symmetry symmetry, std::span<const float> values,
                     int16_t* codes);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_DYNAMIC_QUANTIZATION_H_
