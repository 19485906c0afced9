// What FAKE_QUANT does: it rounds float values to those that the codes of a few bits stand for.

#ifndef OCTAVO_CORE_TFLITE_FAKE_QUANT_H_
#define OCTAVO_CORE_TFLITE_FAKE_QUANT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "core/tflite/schema_types.h"

namespace octavo {

// Codes from `lowest` to `highest`, unsigned; value = scale * (code - zero_point).
struct FakeQuantCodes {
  float scale = 1;
  int32_t zero_point = 0;
  int32_t lowest = 0;
  int32_t highest = 255;

  float min() const { return scale * static_cast<float>(lowest - zero_point); }
  float max() const { return scale * static_cast<float>(highest - zero_point); }
  // The nearest value of a code, halves away from the smallest.
  float Round(float value) const;
  std::vector<float> Round(std::span<const float> values) const;
};

// INVALID_ARGUMENT: there are not 2 to 16 bits; min is not below max, or one of them is no number;
// the steps are too fine or too coarse for a float.
absl::Status CheckFakeQuant(const schema::FakeQuantOptionsT& options);

// The range moved so that a code is exactly 0, as TFLite does. The options were checked.
FakeQuantCodes CodesOf(const schema::FakeQuantOptionsT& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_FAKE_QUANT_H_
