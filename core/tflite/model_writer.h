// Writes a model as a .tflite file.

#ifndef OCTAVO_CORE_TFLITE_MODEL_WRITER_H_
#define OCTAVO_CORE_TFLITE_MODEL_WRITER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// The same model gives the same bytes. Unused tensors, buffers and operator codes are left out only
// by graph passes, never here; buffers are aligned to 16 bytes. RESOURCE_EXHAUSTED: more than 2 GB.
absl::StatusOr<std::vector<uint8_t>> WriteModel(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_MODEL_WRITER_H_
