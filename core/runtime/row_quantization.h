// Floats to int8 codes with a scale found from the values, as the XNNPACK of LiteRT does it, to the
// bit.

#ifndef OCTAVO_CORE_RUNTIME_ROW_QUANTIZATION_H_
#define OCTAVO_CORE_RUNTIME_ROW_QUANTIZATION_H_

#include <cstdint>
#include <span>

namespace octavo {

// value = scale * (code - zero_point)
struct RowQuantization {
  int32_t zero_point = 0;
  float scale = 1.0f;
};

// Quantizes `values` to the codes from -128 to 127, the range widened to hold 0. As many `codes` as
// values. Values that are not finite give some code each.
RowQuantization QuantizeRow(std::span<const float> values, int8_t* codes);

// The same without vector instructions, for tests.
RowQuantization QuantizeRowPlain(std::span<const float> values, int8_t* codes);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_ROW_QUANTIZATION_H_
