#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

struct Image {
  int64_t batches = 0;
  int32_t input_height = 0;
  int32_t input_width = 0;
  int32_t output_height = 0;
  int32_t output_width = 0;
  int64_t channels = 0;
};

absl::StatusOr<Image> MakeImage(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  RETURN_IF_ERROR(operands.RequireRank(0, 4));
  const Shape& input = operands.input_shape(0);
  const Shape& output = operands.output_shape(0);
  // The wanted size is that of the output. Beyond 2^20 the integer steps of bilinear resizing would
  // overflow.
  constexpr int32_t kMaxSide = 1 << 20;
  RETURN_IF_ERROR(
      operands.Require(output.size() == 4 && output[0] == input[0] && output[3] == input[3] &&
                           input[1] > 0 && input[2] > 0 && output[1] > 0 && output[2] > 0 &&
                           std::max({input[1], input[2], output[1], output[2]}) <= kMaxSide,
                       "the shapes do not fit"));
  return Image{input[0], input[1], input[2], output[1], output[2], input[3]};
}

struct Alignment {
  bool align_corners = false;
  bool half_pixel_centers = false;
};

int32_t Nearest(int32_t place, int32_t input, int32_t output, Alignment alignment) {
  const float scale = alignment.align_corners && output > 1
                          ? static_cast<float>(input - 1) / static_cast<float>(output - 1)
                          : static_cast<float>(input) / static_cast<float>(output);
  const float offset = alignment.half_pixel_centers ? 0.5f : 0.0f;
  const float exact = (static_cast<float>(place) + offset) * scale;
  const float rounded = alignment.align_corners ? std::round(exact) : std::floor(exact);
  return std::clamp(static_cast<int32_t>(rounded), 0, input - 1);
}

// The two inputs that an output lies between, and how far it is from the first.
template <typename Weight>
struct Between {
  int32_t lower;
  int32_t upper;
  Weight fraction;
};

Between<float> PlaceFloat(int32_t place, int32_t input, int32_t output, Alignment alignment) {
  const float scale = alignment.align_corners && output > 1
                          ? static_cast<float>(input - 1) / static_cast<float>(output - 1)
                          : static_cast<float>(input) / static_cast<float>(output);
  const float exact = alignment.half_pixel_centers
                          ? (static_cast<float>(place) + 0.5f) * scale - 0.5f
                          : static_cast<float>(place) * scale;
  const int32_t lower = std::clamp(static_cast<int32_t>(std::floor(exact)), 0, input - 1);
  const int32_t upper = std::clamp(static_cast<int32_t>(std::ceil(exact)), 0, input - 1);
  return {lower, upper, exact - static_cast<float>(lower)};
}

// In steps of 1/1024.
Between<int64_t> PlaceInteger(int32_t place, int32_t input, int32_t output, Alignment alignment) {
  const bool are_corners = alignment.align_corners && output > 1;
  const int64_t from = are_corners ? input - 1 : input;
  const int64_t to = are_corners ? output - 1 : output;
  const int64_t scale = ((from << 10) + to / 2) / to;
  const int64_t exact =
      alignment.half_pixel_centers ? place * scale + scale / 2 - (1 << 9) : place * scale;
  const int64_t lower = std::clamp<int64_t>(exact / (1 << 10), 0, input - 1);
  const int64_t upper = std::clamp<int64_t>((exact + (1 << 10) - 1) / (1 << 10), 0, input - 1);
  return {static_cast<int32_t>(lower), static_cast<int32_t>(upper), exact - (lower << 10)};
}

// mix(top left, bottom left, top right, bottom right, y, x) for every value of the output.
template <typename T, typename Weight, typename Mix>
void ForEachValue(const Image& image, const std::vector<Between<Weight>>& rows,
                  const std::vector<Between<Weight>>& columns, const T* input, T* output,
                  const Mix& mix) {
  for (int64_t batch = 0; batch < image.batches; ++batch) {
    for (const Between<Weight>& y : rows) {
      const T* top = input + int64_t{y.lower} * image.input_width * image.channels;
      const T* bottom = input + int64_t{y.upper} * image.input_width * image.channels;
      for (const Between<Weight>& x : columns) {
        const int64_t left = x.lower * image.channels;
        const int64_t right = x.upper * image.channels;
        for (int64_t channel = 0; channel < image.channels; ++channel) {
          *output++ = mix(top[left + channel], bottom[left + channel], top[right + channel],
                          bottom[right + channel], y.fraction, x.fraction);
        }
      }
    }
    input += int64_t{image.input_height} * image.input_width * image.channels;
  }
}

template <typename Weight, typename Place>
std::vector<Between<Weight>> Places(int32_t input, int32_t output, Alignment alignment,
                                    const Place& place_of) {
  std::vector<Between<Weight>> places;
  places.reserve(output);
  for (int32_t place = 0; place < output; ++place) {
    places.push_back(place_of(place, input, output, alignment));
  }
  return places;
}

KernelOr FloatBilinear(const Image& image, Alignment alignment) {
  return MakeKernel(
      [image, rows = Places<float>(image.input_height, image.output_height, alignment, PlaceFloat),
       columns = Places<float>(image.input_width, image.output_width, alignment, PlaceFloat)](
          Inputs inputs, Outputs outputs) {
        ForEachValue(image, rows, columns, In<float>(inputs, 0), Out<float>(outputs, 0),
                     [](float top_left, float bottom_left, float top_right, float bottom_right,
                        float y, float x) {
                       return top_left * (1 - y) * (1 - x) + bottom_left * y * (1 - x) +
                              top_right * (1 - y) * x + bottom_right * y * x;
                     });
      });
}

template <typename T>
KernelOr IntegerBilinear(const Image& image, Alignment alignment) {
  return MakeKernel(
      [image,
       rows = Places<int64_t>(image.input_height, image.output_height, alignment, PlaceInteger),
       columns = Places<int64_t>(image.input_width, image.output_width, alignment, PlaceInteger)](
          Inputs inputs, Outputs outputs) {
        ForEachValue(image, rows, columns, In<T>(inputs, 0), Out<T>(outputs, 0),
                     [](int64_t top_left, int64_t bottom_left, int64_t top_right,
                        int64_t bottom_right, int64_t y, int64_t x) {
                       constexpr int64_t kOne = 1 << 10;
                       const int64_t sum = top_left * (kOne - y) * (kOne - x) +
                                           bottom_left * y * (kOne - x) +
                                           top_right * (kOne - y) * x + bottom_right * y * x;
                       const int64_t half = sum > 0 ? 1 << 19 : -(1 << 19);
                       return static_cast<T>((sum + half) / (1 << 20));
                     });
      });
}

}  // namespace

KernelOr BuildResizeBilinear(const Operands& operands) {
  ASSIGN_OR_RETURN(const Image image, MakeImage(operands));
  const auto options = OptionsOr(operands.op().builtin_options.AsResizeBilinearOptions());
  const Alignment alignment = {options.align_corners, options.half_pixel_centers};
  RETURN_IF_ERROR(operands.Require(!alignment.align_corners || !alignment.half_pixel_centers,
                                   "aligned corners and half pixel centers"));
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return FloatBilinear(image, alignment);
    case schema::TensorType_INT8:
      return IntegerBilinear<int8_t>(image, alignment);
    case schema::TensorType_UINT8:
      return IntegerBilinear<uint8_t>(image, alignment);
    case schema::TensorType_INT16:
      return IntegerBilinear<int16_t>(image, alignment);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

KernelOr BuildResizeNearestNeighbor(const Operands& operands) {
  ASSIGN_OR_RETURN(const Image image, MakeImage(operands));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsResizeNearestNeighborOptions());
  const Alignment alignment = {options.align_corners, options.half_pixel_centers};
  std::vector<int64_t> columns;
  for (int32_t x = 0; x < image.output_width; ++x) {
    columns.push_back(Nearest(x, image.input_width, image.output_width, alignment));
  }
  return MakeKernel([image, alignment, columns, pixel = image.channels * element_bytes](
                        Inputs inputs, Outputs outputs) {
    uint8_t* to = outputs[0];
    const int64_t row_size = image.input_width * pixel;
    for (int64_t batch = 0; batch < image.batches; ++batch) {
      const uint8_t* from = In<uint8_t>(inputs, 0) + batch * image.input_height * row_size;
      for (int32_t y = 0; y < image.output_height; ++y) {
        const uint8_t* row =
            from + Nearest(y, image.input_height, image.output_height, alignment) * row_size;
        for (const int64_t x : columns) {
          std::memcpy(to, row + x * pixel, pixel);
          to += pixel;
        }
      }
    }
  });
}

}  // namespace octavo::reference
