// From the arrays of one example to the values of one model input: channel order, resize, repeat,
// channels together, scale and offset (spec.proto, Preprocess).

#ifndef OCTAVO_CORE_DATA_PREPROCESS_H_
#define OCTAVO_CORE_DATA_PREPROCESS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// The axes of one example, without the batch axis.
using Dims = std::vector<int64_t>;

// What is done to one array, in order. An array with a step is an image: [height, width] or
// [height, width, channels].
struct ArraySteps {
  Dims from;                   // -1: not the same for all examples, which are resized
  bool swap_channels = false;  // 0 with 2
  int64_t resized_height = 0;  // 0: not resized
  int64_t resized_width = 0;
  v1::ResizeMethod method = v1::RESIZE_METHOD_BILINEAR;
  int64_t repeat_height = 1;
  int64_t repeat_width = 1;
  int64_t repeat_channels = 1;
  Dims to;
};

// Every shape is settled, but for what a resize starts from: applying it cannot fail.
struct PreprocessPlan {
  std::vector<ArraySteps> arrays;
  Dims shape;                 // of the arrays together
  std::vector<float> scale;   // one, or one for each place of the last axis; empty: none
  std::vector<float> offset;  // the same
};

// What `preprocess` makes of arrays of these shapes, where -1 is a size that a resize settles.
// Arrays are concatenated along the last axis; one with an axis less than the others counts as one
// channel.
//
// INVALID_ARGUMENT: a step does not apply to such a shape, the arrays do not fit together, or a
// size, scale or offset is out of range (naming the message's field).
absl::StatusOr<PreprocessPlan> PlanPreprocess(const v1::Preprocess& preprocess,
                                              std::span<const Dims> arrays);

// Whether the plan computes real numbers (bilinear pixels, scale, offset), which integers cannot
// hold.
bool NeedsFloat(const PreprocessPlan& plan);

// The values of the input, row-major. `arrays` are as planned for, and no size is open.
std::vector<float> ApplyPreprocess(const PreprocessPlan& plan,
                                   std::vector<std::vector<float>> arrays);
// Of a plan that needs no float.
std::vector<int64_t> ApplyPreprocess(const PreprocessPlan& plan,
                                     std::vector<std::vector<int64_t>> arrays);

// The bilinear resize of `steps`, taken out of them, of an image of bytes.
std::vector<float> ResizeBytes(std::span<const uint8_t> image, ArraySteps& steps);

// Of [height, width] bytes, each place's nearest.
std::vector<uint8_t> ResizeToNearest(std::vector<uint8_t> image, const Dims& from, const Dims& to);

// "[28, 28]".
std::string DimsText(std::span<const int64_t> dims);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_PREPROCESS_H_
