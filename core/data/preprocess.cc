#include "core/data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

constexpr int64_t kMaxPixels = 65536;  // of one edge
constexpr int64_t kMaxValues = int64_t{1} << 28;

template <typename T>
struct Image {
  int64_t height;
  int64_t width;
  int64_t channels;
  std::vector<T> values;

  const T* Pixel(int64_t y, int64_t x) const { return &values[(y * width + x) * channels]; }
};

// An image that lies elsewhere.
template <typename T>
struct ImageView {
  int64_t height;
  int64_t width;
  int64_t channels;
  const T* values;

  const T* Pixel(int64_t y, int64_t x) const { return values + (y * width + x) * channels; }
};

int64_t Channels(const Dims& dims) { return dims.size() == 3 ? dims[2] : 1; }

bool HasSteps(const ArraySteps& steps) {
  return steps.swap_channels || steps.resized_height != 0 || steps.repeat_height != 1 ||
         steps.repeat_width != 1 || steps.repeat_channels != 1;
}

absl::StatusOr<int64_t> EdgeField(absl::string_view field, int32_t value, int32_t unset) {
  if (value < 0 || value > kMaxPixels) {
    return FieldError(field, absl::StrCat(value, " is not between 1 and ", kMaxPixels));
  }
  return value == 0 ? unset : value;
}

absl::StatusOr<ArraySteps> StepsAsAsked(const v1::Preprocess& preprocess) {
  ArraySteps steps;
  steps.swap_channels = preprocess.channel_order() == v1::CHANNEL_ORDER_BGR;
  if (preprocess.has_resize()) {
    const v1::Resize& resize = preprocess.resize();
    if (resize.height() < 1 || resize.width() < 1) {
      return FieldError("preprocess.resize", "height and width must both be given");
    }
    ASSIGN_OR_RETURN(steps.resized_height,
                     EdgeField("preprocess.resize.height", resize.height(), 0));
    ASSIGN_OR_RETURN(steps.resized_width, EdgeField("preprocess.resize.width", resize.width(), 0));
    if (resize.method() == v1::RESIZE_METHOD_NEAREST) steps.method = v1::RESIZE_METHOD_NEAREST;
  }
  const v1::Repeat& repeat = preprocess.repeat();
  ASSIGN_OR_RETURN(steps.repeat_height, EdgeField("preprocess.repeat.height", repeat.height(), 1));
  ASSIGN_OR_RETURN(steps.repeat_width, EdgeField("preprocess.repeat.width", repeat.width(), 1));
  ASSIGN_OR_RETURN(steps.repeat_channels,
                   EdgeField("preprocess.repeat.channels", repeat.channels(), 1));
  return steps;
}

// `steps` for an array of this shape. `adds_channels`: repeat.channels is set, if only to 1.
absl::StatusOr<ArraySteps> StepsFor(ArraySteps steps, const Dims& dims, bool adds_channels) {
  steps.from = dims;
  // Of several arrays those without colours (masks, depths) have nothing to swap.
  steps.swap_channels = steps.swap_channels && dims.size() == 3 && dims[2] >= 3;
  steps.to = dims;
  if (!HasSteps(steps) && !adds_channels) return steps;
  if (dims.size() != 2 && dims.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resize and repeat need images, [height, width] or [height, width, channels], not ",
        DimsText(dims)));
  }
  const int64_t height = steps.resized_height != 0 ? steps.resized_height : dims[0];
  const int64_t width = steps.resized_width != 0 ? steps.resized_width : dims[1];
  if (std::max({height, width, Channels(dims)}) > kMaxPixels) {
    return absl::InvalidArgumentError(
        absl::StrCat("images of shape ", DimsText(dims), " are too large"));
  }
  steps.to = {height * steps.repeat_height, width * steps.repeat_width};
  if (dims.size() == 3 || adds_channels) steps.to.push_back(Channels(dims) * steps.repeat_channels);
  return steps;
}

// The shape of the arrays, one after the other along the last axis.
absl::StatusOr<Dims> ConcatenatedShape(std::vector<Dims> shapes) {
  if (shapes.size() == 1) return shapes[0];
  size_t rank = 0;
  for (const Dims& shape : shapes) rank = std::max(rank, shape.size());
  Dims together;
  for (Dims& shape : shapes) {
    if (shape.size() + 1 == rank) shape.push_back(1);
    if (shape.size() != rank || rank == 0 ||
        (!together.empty() && !std::equal(shape.begin(), shape.end() - 1, together.begin()))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "arrays of shapes ",
          absl::StrJoin(
              shapes, ", ",
              [](std::string* out, const Dims& dims) { absl::StrAppend(out, DimsText(dims)); }),
          " cannot be concatenated along their last axis"));
    }
    if (together.empty()) {
      together = shape;
    } else {
      together.back() += shape.back();
    }
  }
  return together;
}

absl::StatusOr<std::vector<float>> PerChannel(absl::string_view field,
                                              const google::protobuf::RepeatedField<float>& values,
                                              const Dims& shape) {
  const int64_t channels = shape.empty() ? 1 : shape.back();
  if (values.size() > 1 && values.size() != channels) {
    return FieldError(field, absl::StrCat("has ", values.size(), " values for ", channels,
                                          " channels of ", DimsText(shape)));
  }
  for (const float value : values) {
    if (!std::isfinite(value)) return FieldError(field, "is not finite");
  }
  return std::vector<float>(values.begin(), values.end());
}

absl::Status CheckSize(const Dims& shape) {
  int64_t values = 1;
  for (const int64_t size : shape) {
    if (size < 1 || size > kMaxValues / values) {
      return absl::InvalidArgumentError(
          absl::StrCat("examples of shape ", DimsText(shape), " are empty or too large"));
    }
    values *= size;
  }
  return absl::OkStatus();
}

template <typename T>
void SwapChannels(Image<T>& image) {
  for (size_t at = 0; at < image.values.size(); at += image.channels) {
    std::swap(image.values[at], image.values[at + 2]);
  }
}

// TensorFlow's half-pixel centres, in its arithmetic (float), so that pixels are the same.
float SourceCentre(int64_t place, int64_t from, int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  return (static_cast<float>(place) + 0.5f) * scale;
}

template <typename T>
Image<T> ResizeNearest(const Image<T>& image, int64_t height, int64_t width) {
  const auto source = [](int64_t place, int64_t from, int64_t to) {
    return std::min(static_cast<int64_t>(std::floor(SourceCentre(place, from, to))), from - 1);
  };
  Image<T> resized{height, width, image.channels, {}};
  resized.values.reserve(height * width * image.channels);
  for (int64_t y = 0; y < height; ++y) {
    const int64_t from_y = source(y, image.height, height);
    for (int64_t x = 0; x < width; ++x) {
      const T* pixel = image.Pixel(from_y, source(x, image.width, width));
      resized.values.insert(resized.values.end(), pixel, pixel + image.channels);
    }
  }
  return resized;
}

struct SourcePlace {
  int64_t lower;
  int64_t upper;
  float upper_share;
};

std::vector<SourcePlace> SourcePlaces(int64_t from, int64_t to) {
  std::vector<SourcePlace> places(to);
  for (int64_t place = 0; place < to; ++place) {
    const float centre = SourceCentre(place, from, to) - 0.5f;
    const float floor = std::floor(centre);
    places[place] = {std::max<int64_t>(static_cast<int64_t>(floor), 0),
                     std::min<int64_t>(static_cast<int64_t>(std::ceil(centre)), from - 1),
                     centre - floor};
  }
  return places;
}

float Between(float lower, float upper, float upper_share) {
  return lower + (upper - lower) * upper_share;
}

template <typename T>
Image<float> ResizeBilinear(const ImageView<T>& image, int64_t height, int64_t width) {
  const std::vector<SourcePlace> rows = SourcePlaces(image.height, height);
  const std::vector<SourcePlace> columns = SourcePlaces(image.width, width);
  Image<float> resized{height, width, image.channels, {}};
  resized.values.reserve(height * width * image.channels);
  for (const SourcePlace& y : rows) {
    for (const SourcePlace& x : columns) {
      const T* top_left = image.Pixel(y.lower, x.lower);
      const T* top_right = image.Pixel(y.lower, x.upper);
      const T* bottom_left = image.Pixel(y.upper, x.lower);
      const T* bottom_right = image.Pixel(y.upper, x.upper);
      for (int64_t c = 0; c < image.channels; ++c) {
        const float top = Between(top_left[c], top_right[c], x.upper_share);
        const float bottom = Between(bottom_left[c], bottom_right[c], x.upper_share);
        resized.values.push_back(Between(top, bottom, y.upper_share));
      }
    }
  }
  return resized;
}

template <typename T>
Image<T> Resized(const Image<T>& image, const ArraySteps& steps) {
  if constexpr (std::is_same_v<T, float>) {
    if (steps.method == v1::RESIZE_METHOD_BILINEAR) {
      const ImageView<float> view{image.height, image.width, image.channels, image.values.data()};
      return ResizeBilinear(view, steps.resized_height, steps.resized_width);
    }
  }
  return ResizeNearest(image, steps.resized_height, steps.resized_width);
}

template <typename T>
Image<T> Repeated(const Image<T>& image, const ArraySteps& steps) {
  Image<T> repeated{image.height * steps.repeat_height,
                    image.width * steps.repeat_width,
                    image.channels * steps.repeat_channels,
                    {}};
  repeated.values.reserve(repeated.height * repeated.width * repeated.channels);
  for (int64_t y = 0; y < image.height; ++y) {
    const size_t row_begin = repeated.values.size();
    for (int64_t x = 0; x < image.width; ++x) {
      const T* pixel = image.Pixel(y, x);
      for (int64_t copy = 0; copy < steps.repeat_width; ++copy) {
        for (int64_t c = 0; c < image.channels; ++c) {
          repeated.values.insert(repeated.values.end(), steps.repeat_channels, pixel[c]);
        }
      }
    }
    const size_t row_size = repeated.values.size() - row_begin;
    for (int64_t copy = 1; copy < steps.repeat_height; ++copy) {
      repeated.values.resize(repeated.values.size() + row_size);
      std::copy_n(repeated.values.begin() + row_begin, row_size, repeated.values.end() - row_size);
    }
  }
  return repeated;
}

template <typename T>
std::vector<T> ApplySteps(const ArraySteps& steps, std::vector<T> values) {
  if (!HasSteps(steps)) return values;
  Image<T> image{steps.from[0], steps.from[1], Channels(steps.from), std::move(values)};
  if (steps.swap_channels) SwapChannels(image);
  if (steps.resized_height != 0) image = Resized(image, steps);
  if (steps.repeat_height != 1 || steps.repeat_width != 1 || steps.repeat_channels != 1) {
    image = Repeated(image, steps);
  }
  return std::move(image.values);
}

template <typename T>
std::vector<T> Concatenated(const std::vector<std::vector<T>>& arrays, const Dims& shape) {
  int64_t pixels = 1;
  for (size_t axis = 0; axis + 1 < shape.size(); ++axis) pixels *= shape[axis];
  std::vector<T> together;
  together.reserve(pixels * shape.back());
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (const std::vector<T>& array : arrays) {
      const int64_t channels = static_cast<int64_t>(array.size()) / pixels;
      together.insert(together.end(), array.begin() + pixel * channels,
                      array.begin() + (pixel + 1) * channels);
    }
  }
  return together;
}

template <typename T>
std::vector<T> Arranged(const PreprocessPlan& plan, std::vector<std::vector<T>> arrays) {
  for (size_t i = 0; i < arrays.size(); ++i)
    arrays[i] = ApplySteps(plan.arrays[i], std::move(arrays[i]));
  return arrays.size() == 1 ? std::move(arrays[0]) : Concatenated(arrays, plan.shape);
}

float OfChannel(const std::vector<float>& values, size_t channel, float unset) {
  return values.empty() ? unset : values[values.size() == 1 ? 0 : channel];
}

void ScaleAndShift(const PreprocessPlan& plan, std::vector<float>& values) {
  const size_t channels = plan.shape.empty() ? 1 : static_cast<size_t>(plan.shape.back());
  for (size_t channel = 0; channel < channels; ++channel) {
    const float scale = OfChannel(plan.scale, channel, 1);
    const float offset = OfChannel(plan.offset, channel, 0);
    for (size_t at = channel; at < values.size(); at += channels)
      values[at] = scale * values[at] + offset;
  }
}

}  // namespace

absl::StatusOr<PreprocessPlan> PlanPreprocess(const v1::Preprocess& preprocess,
                                              std::span<const Dims> arrays) {
  ASSIGN_OR_RETURN(const ArraySteps asked, StepsAsAsked(preprocess));
  PreprocessPlan plan;
  std::vector<Dims> shapes;
  bool any_swapped = false;
  for (const Dims& dims : arrays) {
    const bool is_open = std::ranges::any_of(dims, [](int64_t size) { return size < 0; });
    if (is_open && asked.resized_height == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("examples of different sizes, ", DimsText(dims), ", must be resized"));
    }
    ASSIGN_OR_RETURN(ArraySteps steps, StepsFor(asked, dims, preprocess.repeat().channels() > 0));
    if (!is_open) RETURN_IF_ERROR(CheckSize(steps.from));
    RETURN_IF_ERROR(CheckSize(steps.to));
    any_swapped = any_swapped || steps.swap_channels;
    shapes.push_back(steps.to);
    plan.arrays.push_back(std::move(steps));
  }
  if (shapes.empty()) return absl::InvalidArgumentError("there is no array");
  if (asked.swap_channels && !any_swapped) {
    return FieldError("preprocess.channel_order",
                      absl::StrCat("there are no three channels in ", DimsText(arrays[0])));
  }
  ASSIGN_OR_RETURN(plan.shape, ConcatenatedShape(std::move(shapes)));
  RETURN_IF_ERROR(CheckSize(plan.shape));
  ASSIGN_OR_RETURN(plan.scale, PerChannel("preprocess.scale", preprocess.scale(), plan.shape));
  ASSIGN_OR_RETURN(plan.offset, PerChannel("preprocess.offset", preprocess.offset(), plan.shape));
  return plan;
}

bool NeedsFloat(const PreprocessPlan& plan) {
  const bool between_pixels =
      std::any_of(plan.arrays.begin(), plan.arrays.end(), [](const ArraySteps& steps) {
        return steps.resized_height != 0 && steps.method == v1::RESIZE_METHOD_BILINEAR;
      });
  return between_pixels || !plan.scale.empty() || !plan.offset.empty();
}

std::vector<float> ApplyPreprocess(const PreprocessPlan& plan,
                                   std::vector<std::vector<float>> arrays) {
  std::vector<float> values = Arranged(plan, std::move(arrays));
  if (!plan.scale.empty() || !plan.offset.empty()) ScaleAndShift(plan, values);
  return values;
}

std::vector<int64_t> ApplyPreprocess(const PreprocessPlan& plan,
                                     std::vector<std::vector<int64_t>> arrays) {
  return Arranged(plan, std::move(arrays));
}

std::vector<float> ResizeBytes(std::span<const uint8_t> image, ArraySteps& steps) {
  const ImageView<uint8_t> view{steps.from[0], steps.from[1], Channels(steps.from), image.data()};
  Image<float> resized = ResizeBilinear(view, steps.resized_height, steps.resized_width);
  steps.from[0] = std::exchange(steps.resized_height, 0);
  steps.from[1] = std::exchange(steps.resized_width, 0);
  return std::move(resized.values);
}

std::vector<uint8_t> ResizeToNearest(std::vector<uint8_t> image, const Dims& from, const Dims& to) {
  const Image<uint8_t> whole{from[0], from[1], 1, std::move(image)};
  return ResizeNearest(whole, to[0], to[1]).values;
}

std::string DimsText(std::span<const int64_t> dims) {
  return absl::StrCat("[", absl::StrJoin(dims, ", "), "]");
}

}  // namespace octavo
