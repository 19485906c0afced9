// Reads a .tflite file, as a hostile one.

#ifndef OCTAVO_CORE_TFLITE_MODEL_READER_H_
#define OCTAVO_CORE_TFLITE_MODEL_READER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// Verifies the flatbuffer, reads its tables and validates them (model_validator.h). Constants
// inside the flatbuffer and behind it (Buffer.offset and size) are views into `file`, which the
// model keeps, or aligned copies.
//
// INVALID_ARGUMENT (MODEL_MALFORMED): no TFLite file, truncated, an index out of range, a union
// value of a type that the schema does not know, a buffer that does not fit its shape ... naming
// the tensor or operator.
absl::StatusOr<Model> ReadModel(std::shared_ptr<const std::vector<uint8_t>> file);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_MODEL_READER_H_
