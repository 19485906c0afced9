// What is in a model file, for whoever uploaded it.

#ifndef OCTAVO_CORE_ENGINE_DESCRIBE_MODEL_H_
#define OCTAVO_CORE_ENGINE_DESCRIBE_MODEL_H_

#include <cstdint>
#include <span>

#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Of `source`, a model as it came, in `file`.
v1::ModelInfo DescribeModel(const Model& source, std::span<const uint8_t> file);

v1::TensorInfo DescribeTensor(const Model& model, TensorIndex index);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_DESCRIBE_MODEL_H_
