// A window that slides over an NHWC image: sizes, strides and padding of convolutions and pools.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_WINDOW_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_WINDOW_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/status/statusor.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

struct Range {
  int begin;
  int end;
};

// One axis. Output place o sees the inputs o * stride - padding + tap * dilation, as far as they
// exist.
struct WindowAxis {
  int input = 0;
  int output = 0;
  int filter = 0;
  int stride = 1;
  int dilation = 1;
  int padding = 0;  // before the first input

  int64_t InputAt(int64_t place, int64_t tap) const {
    return place * stride - padding + tap * dilation;
  }
  bool Contains(int64_t position) const { return position >= 0 && position < input; }
  // The taps of `place` that see an input.
  Range Taps(int64_t place) const;
};

struct WindowOptions {
  schema::Padding padding = schema::Padding_SAME;
  int stride = 1;
  int dilation = 1;
};

// FAILED_PRECONDITION (OP_UNSUPPORTED): a size or step is not above 0, or `output` is not what
// these give.
absl::StatusOr<WindowAxis> MakeWindowAxis(const Operands& operands, int input, int output,
                                          int filter, const WindowOptions& options);

// The window of an operator whose first input and output are images.
struct Window {
  int batches = 0;
  int input_channels = 0;
  WindowAxis y;
  WindowAxis x;

  int64_t InputPixels() const { return int64_t{y.input} * x.input; }
  int64_t OutputPixels() const { return int64_t{y.output} * x.output; }
};

// Copies to `row` what output pixel `pixel` of one image sees: taps in order, of each `channels`
// channels from `first_channel`. `zero` where there is no input.
template <typename T>
void CopyWindow(const Window& window, const T* image, int64_t pixel, int first_channel,
                int channels, T zero, T* row) {
  const int64_t place_y = pixel / window.x.output;
  const int64_t place_x = pixel % window.x.output;
  for (int tap_y = 0; tap_y < window.y.filter; ++tap_y) {
    const int64_t y = window.y.InputAt(place_y, tap_y);
    for (int tap_x = 0; tap_x < window.x.filter; ++tap_x, row += channels) {
      const int64_t x = window.x.InputAt(place_x, tap_x);
      if (!window.y.Contains(y) || !window.x.Contains(x)) {
        std::fill_n(row, channels, zero);
        continue;
      }
      const T* from = image + (y * window.x.input + x) * window.input_channels + first_channel;
      std::copy_n(from, channels, row);
    }
  }
}

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_WINDOW_H_
