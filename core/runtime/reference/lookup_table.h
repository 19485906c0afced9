// Tables by which functions of one quantized value are computed.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_LOOKUP_TABLE_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_LOOKUP_TABLE_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// The int8 code of f(x) for each int8 code of x.
class Int8Table {
 public:
  template <typename F>
  Int8Table(TensorScale input, TensorScale output, const F& f) {
    const float inverse_scale = 1.0f / output.scale;
    for (int code = -128; code < 128; ++code) {
      const float x = input.scale * static_cast<float>(code - input.zero_point);
      const float y = std::round(static_cast<float>(f(x)) * inverse_scale) +
                      static_cast<float>(output.zero_point);
      codes_[static_cast<uint8_t>(code)] = static_cast<int8_t>(Limit(y));
    }
  }
  int8_t operator[](int8_t code) const { return codes_[static_cast<uint8_t>(code)]; }

 private:
  // NaN goes to the lower end.
  static int Limit(float y) {
    const float above = y > -128.0f ? y : -128.0f;
    return static_cast<int>(above < 127.0f ? above : 127.0f);
  }
  std::array<int8_t, 256> codes_;
};

// 513 samples of f over the int16 codes; between them straight lines, moved to halve the error in
// their middle.
class Int16Table {
 public:
  // As the format's tables are made in float or in double.
  template <typename Real, typename F>
  static Int16Table Make(Real input_scale, int input_zero_point, Real output_scale,
                         int output_zero_point, const F& f) {
    constexpr int kSteps = 512;
    const Real first = input_scale * (-32768 - input_zero_point);
    const Real last = input_scale * (32767 - input_zero_point);
    const Real low = output_scale * (-32768 - output_zero_point);
    const Real high = output_scale * (32767 - output_zero_point);
    const Real step = (last - first) / kSteps;
    const Real half_step = step / 2;
    const Real to_codes = Real{65536} / (high - low);
    Int16Table table;
    for (int i = 0; i < kSteps; ++i) {
      const Real here = f(first + i * step);
      const Real middle = f(first + i * step + half_step);
      const Real next = f(first + (i + 1) * step);
      const Real sample = std::round(here * to_codes);
      const Real line_middle = std::round((next * to_codes + sample) / 2);
      const Real error = line_middle - std::round(middle * to_codes);
      table.samples_[i] = Limit(sample - std::round(error / 2));
    }
    table.samples_[kSteps] = Limit(std::round(f(last) * to_codes));
    return table;
  }

  int16_t operator[](int16_t code) const {
    const int index = 256 + (code >> 7);
    const int base = samples_[index];
    const int16_t slope = static_cast<int16_t>(samples_[index + 1] - base);
    return static_cast<int16_t>(base + ((slope * (code & 0x7f) + 64) >> 7));
  }

 private:
  template <typename Real>
  static int16_t Limit(Real y) {
    const Real above = y > Real{-32768} ? y : Real{-32768};
    return static_cast<int16_t>(above < Real{32767} ? above : Real{32767});
  }
  std::array<int16_t, 513> samples_;
};

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_LOOKUP_TABLE_H_
