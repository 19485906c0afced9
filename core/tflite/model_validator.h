// Where hostile model files stop: after these two, no code checks an index or a size again.

#ifndef OCTAVO_CORE_TFLITE_MODEL_VALIDATOR_H_
#define OCTAVO_CORE_TFLITE_MODEL_VALIDATOR_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "core/tflite/model.h"

namespace octavo {

// Before unpacking: whether `file` is a flatbuffer of the format whose offsets stay inside it, that
// names no union member which the schema does not know (the object API would drop its value without
// a word), and that does not unpack to many times its size.
//
// INVALID_ARGUMENT (MODEL_MALFORMED).
absl::Status VerifyFlatbuffer(std::span<const uint8_t> file);

// After unpacking: whether all indices point to something, constants have as many bytes as their
// shape says, operators stand in an order in which they can run, and options and quantization are
// sane.
//
// INVALID_ARGUMENT (MODEL_MALFORMED), naming the tensor or operator.
absl::Status ValidateModel(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_MODEL_VALIDATOR_H_
