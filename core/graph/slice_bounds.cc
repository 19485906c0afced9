#include "core/graph/slice_bounds.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"

namespace octavo {
namespace {

// Begin, end and stride of one axis of the input as they were given, with its bits of the masks.
struct GivenSlice {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t stride = 1;
  bool from_start = true;
  bool to_end = true;
  bool end_is_relative = false;  // counted from where the slice begins, masks and all
  bool shrink = false;
};

bool HasBit(int32_t mask, size_t bit) {
  return bit < 32 && ((static_cast<uint32_t>(mask) >> bit) & 1) != 0;
}

// The format's rule for a position: counted from the end where negative, then clamped to the axis.
int64_t Clamp(int64_t position, int64_t size, int64_t lowest, int64_t highest) {
  if (position < 0) position += size;
  return std::clamp(position, lowest, highest);
}

absl::StatusOr<AxisSlice> Resolve(const OperatorView& op, const GivenSlice& given, int64_t size) {
  if (given.stride == 0) return DoNotFit(op, "a stride is 0");
  if (given.shrink) {
    const int64_t begin = given.begin < 0 ? given.begin + size : given.begin;
    if (begin < 0 || begin >= size) return DoNotFit(op, absl::StrCat("no element ", given.begin));
    return AxisSlice{.begin = begin, .stride = 1, .count = 1};
  }
  const bool forward = given.stride > 0;
  const int64_t lowest = forward ? 0 : -1;
  const int64_t highest = forward ? size : size - 1;
  const int64_t begin =
      given.from_start ? (forward ? 0 : size - 1) : Clamp(given.begin, size, lowest, highest);
  int64_t end = forward ? size : -1;
  if (!given.to_end) {
    end = given.end_is_relative ? std::clamp(begin + given.end, lowest, highest)
                                : Clamp(given.end, size, lowest, highest);
  }
  const int64_t distance = forward ? end - begin : begin - end;
  const int64_t step = forward ? given.stride : -given.stride;
  const int64_t count = distance <= 0 ? 0 : (distance - 1) / step + 1;
  return AxisSlice{.begin = begin, .stride = given.stride, .count = count};
}

// Collects one axis after the other.
class BoundsBuilder {
 public:
  explicit BoundsBuilder(const OperatorView& op) : op_(op) {}

  absl::Status Take(const GivenSlice& given) {
    const Shape& input = op_.InputShape(0);
    const size_t axis = bounds_.axes.size();
    if (axis >= input.size()) return DoNotFit(op_, "more axes than the input has");
    ASSIGN_OR_RETURN(const AxisSlice slice, Resolve(op_, given, input[axis]));
    bounds_.axes.push_back(slice);
    if (!given.shrink) bounds_.output_shape.push_back(static_cast<int32_t>(slice.count));
    return absl::OkStatus();
  }
  // Takes whole axes until `remaining` are left.
  absl::Status TakeWhole(size_t remaining) {
    while (bounds_.axes.size() + remaining < op_.InputShape(0).size()) RETURN_IF_ERROR(Take({}));
    return absl::OkStatus();
  }
  void AddAxis() { bounds_.output_shape.push_back(1); }
  SliceBounds Build() && { return std::move(bounds_); }

 private:
  const OperatorView& op_;
  SliceBounds bounds_;
};

// Positions are of 32 bits in the format's kernels; more would overflow above.
bool Fits32Bits(const std::vector<int64_t>& values) {
  return std::ranges::all_of(values, [](int64_t v) { return v == static_cast<int32_t>(v); });
}

}  // namespace

absl::StatusOr<SliceBounds> StridedSliceBounds(const Model& model,
                                               const schema::OperatorT& source) {
  const OperatorView op{model, source};
  const schema::StridedSliceOptionsT& options = *source.builtin_options.AsStridedSliceOptions();
  ASSIGN_OR_RETURN(const std::vector<int64_t> begin, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> end, op.ConstantInts(2));
  ASSIGN_OR_RETURN(const std::vector<int64_t> strides, op.ConstantInts(3));
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > 32) {
    return DoNotFit(op, "begin, end and strides differ in length");
  }
  if (!Fits32Bits(begin) || !Fits32Bits(end) || !Fits32Bits(strides)) {
    return DoNotFit(op, "a position has more than 32 bits");
  }
  BoundsBuilder builder(op);
  bool had_ellipsis = false;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (HasBit(options.ellipsis_mask, i)) {
      if (had_ellipsis) return DoNotFit(op, "two ellipses");
      had_ellipsis = true;
      size_t remaining = 0;
      for (size_t j = i + 1; j < begin.size(); ++j) remaining += !HasBit(options.new_axis_mask, j);
      RETURN_IF_ERROR(builder.TakeWhole(remaining));
    } else if (HasBit(options.new_axis_mask, i)) {
      builder.AddAxis();
    } else {
      RETURN_IF_ERROR(builder.Take({.begin = begin[i],
                                    .end = end[i],
                                    .stride = strides[i],
                                    .from_start = HasBit(options.begin_mask, i),
                                    .to_end = HasBit(options.end_mask, i),
                                    .end_is_relative = options.offset,
                                    .shrink = HasBit(options.shrink_axis_mask, i)}));
    }
  }
  RETURN_IF_ERROR(builder.TakeWhole(0));
  return std::move(builder).Build();
}

absl::StatusOr<SliceBounds> PlainSliceBounds(const Model& model, const schema::OperatorT& source) {
  const OperatorView op{model, source};
  ASSIGN_OR_RETURN(const std::vector<int64_t> begin, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> size, op.ConstantInts(2));
  const Shape& input = op.InputShape(0);
  if (begin.size() != input.size() || size.size() != input.size()) {
    return DoNotFit(op, "begin and size have not one value an axis");
  }
  SliceBounds bounds;
  for (size_t axis = 0; axis < input.size(); ++axis) {
    const bool is_inside = begin[axis] >= 0 && begin[axis] <= input[axis];
    const int64_t rest = is_inside ? input[axis] - begin[axis] : 0;
    const int64_t count = size[axis] == -1 ? rest : size[axis];
    if (!is_inside || count < 0 || count > rest) {
      return DoNotFit(op, absl::StrCat("no ", size[axis], " elements from ", begin[axis],
                                       " on in axis ", axis));
    }
    bounds.axes.push_back({.begin = begin[axis], .stride = 1, .count = count});
    bounds.output_shape.push_back(static_cast<int32_t>(count));
  }
  return bounds;
}

}  // namespace octavo
