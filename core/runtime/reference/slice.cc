#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// Numbers of one dimension of the input that STRIDED_SLICE takes.
struct Steps {
  int64_t begin = 0;
  int64_t stride = 1;
  int64_t count = 0;
};

struct SliceBounds {
  int64_t begin;
  int64_t end;
  int64_t stride;
  bool has_begin;
  bool has_end;
  bool is_end_relative;
};

Steps StepsOf(int64_t size, const SliceBounds& bounds) {
  const bool is_forward = bounds.stride > 0;
  // What a begin or end left out stands for, and how far a given one may reach.
  const int64_t low = is_forward ? 0 : -1;
  const int64_t high = is_forward ? size : size - 1;
  const auto place = [&](int64_t index) {
    return std::clamp(index < 0 ? index + size : index, low, std::max(low, high));
  };
  const int64_t begin = bounds.has_begin ? place(bounds.begin) : (is_forward ? 0 : size - 1);
  int64_t end = is_forward ? size : -1;
  if (bounds.has_end) {
    end = bounds.is_end_relative ? std::clamp(begin + bounds.end, low, std::max(low, high))
                                 : place(bounds.end);
  }
  const int64_t distance = is_forward ? end - begin : begin - end;
  const int64_t step = is_forward ? bounds.stride : -bounds.stride;
  return {begin, bounds.stride, distance <= 0 ? 0 : (distance - 1) / step + 1};
}

bool Bit(int32_t mask, size_t place) { return place < 31 && (mask >> place & 1) != 0; }

}  // namespace

KernelOr BuildSlice(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> begins, operands.ConstantIntegers(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, operands.ConstantIntegers(2));
  const Shape& input = operands.input_shape(0);
  RETURN_IF_ERROR(operands.Require(begins.size() == input.size() && sizes.size() == input.size(),
                                   "one begin and size for each dimension"));
  Shape output(input.size());
  StridedCopy copy;
  copy.from_strides = StridesOf(input);
  for (size_t axis = 0; axis < input.size(); ++axis) {
    RETURN_IF_ERROR(operands.Require(begins[axis] >= 0 && begins[axis] <= input[axis],
                                     "a begin outside the input"));
    const int64_t rest = input[axis] - begins[axis];
    RETURN_IF_ERROR(operands.Require(sizes[axis] >= -1 && sizes[axis] <= rest,
                                     "a size that reaches outside the input"));
    output[axis] = static_cast<int32_t>(sizes[axis] == -1 ? rest : sizes[axis]);
    copy.from += begins[axis] * copy.from_strides[axis];
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  copy.sizes.assign(output.begin(), output.end());
  copy.to_strides = StridesOf(output);
  return CopyKernel({copy}, element_bytes);
}

KernelOr BuildStridedSlice(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(4, 4));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsStridedSliceOptions());
  ASSIGN_OR_RETURN(const std::vector<int64_t> begins, operands.ConstantIntegers(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> ends, operands.ConstantIntegers(2));
  ASSIGN_OR_RETURN(const std::vector<int64_t> strides, operands.ConstantIntegers(3));
  RETURN_IF_ERROR(operands.Require(begins.size() == ends.size() && begins.size() == strides.size(),
                                   "begins, ends and strides of different lengths"));
  const Shape& input = operands.input_shape(0);
  const std::vector<int64_t> input_strides = StridesOf(input);
  // Dimensions of the input that an ellipsis, or the end of the list, passes over.
  size_t consumed = 0;
  for (size_t i = 0; i < begins.size(); ++i) {
    if (!Bit(options.ellipsis_mask, i) && !Bit(options.new_axis_mask, i)) ++consumed;
  }
  RETURN_IF_ERROR(operands.Require(consumed <= input.size(), "more slices than dimensions"));
  const size_t passed_over = input.size() - consumed;

  Shape output;
  StridedCopy copy;
  size_t axis = 0;
  const auto take = [&](const Steps& steps, bool is_dropped) {
    copy.from += steps.begin * input_strides[axis];
    if (!is_dropped) {
      output.push_back(static_cast<int32_t>(steps.count));
      copy.from_strides.push_back(input_strides[axis] * steps.stride);
    }
    ++axis;
  };
  bool has_ellipsis = false;
  for (size_t i = 0; i < begins.size(); ++i) {
    if (Bit(options.ellipsis_mask, i)) {
      RETURN_IF_ERROR(operands.Require(!has_ellipsis, "two ellipses"));
      has_ellipsis = true;
      for (size_t k = 0; k < passed_over; ++k) take({0, 1, input[axis]}, false);
      continue;
    }
    if (Bit(options.new_axis_mask, i)) {
      output.push_back(1);
      copy.from_strides.push_back(0);
      continue;
    }
    constexpr int64_t kLimit = int64_t{1} << 32;
    const int64_t size = input[axis];
    RETURN_IF_ERROR(operands.Require(strides[i] != 0 && std::abs(strides[i]) < kLimit &&
                                         std::abs(begins[i]) < kLimit && std::abs(ends[i]) < kLimit,
                                     "a stride of 0, or a bound too large"));
    if (Bit(options.shrink_axis_mask, i)) {
      const int64_t place = begins[i] < 0 ? begins[i] + size : begins[i];
      RETURN_IF_ERROR(operands.Require(place >= 0 && place < size, "a place outside the input"));
      take({place, 1, 1}, true);
      continue;
    }
    take(StepsOf(size, {begins[i], ends[i], strides[i], !Bit(options.begin_mask, i),
                        !Bit(options.end_mask, i), options.offset}),
         false);
  }
  while (axis < input.size()) take({0, 1, input[axis]}, false);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  copy.sizes.assign(output.begin(), output.end());
  copy.to_strides = StridesOf(output);
  return CopyKernel({copy}, element_bytes);
}

}  // namespace octavo::reference
