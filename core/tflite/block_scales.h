// Scales of weights that are quantized in blocks of their last dimension.

#ifndef OCTAVO_CORE_TFLITE_BLOCK_SCALES_H_
#define OCTAVO_CORE_TFLITE_BLOCK_SCALES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

struct BlockScales {
  int32_t block_size = 0;  // at most 65,536
  // One a block, row-major: [..., last dimension / block_size]. Finite and greater than 0.
  std::vector<float> scales;
};

// Null: `tensor` has no such scales, or some that do not fit it, or zero points besides.
std::optional<BlockScales> ReadBlockScales(const Model& model, TensorIndex tensor);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_BLOCK_SCALES_H_
