#include "core/runtime/reference/broadcast.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo::reference {
namespace {

// The strides of `shape`, aligned at the end of `rank` dimensions.
std::vector<int64_t> Strides(const Shape& shape, size_t rank) {
  std::vector<int64_t> strides(rank, 0);
  int64_t stride = 1;
  for (size_t back = 1; back <= shape.size(); ++back) {
    const int32_t size = shape[shape.size() - back];
    strides[rank - back] = size == 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

// Joins neighbouring axes that both inputs walk through evenly: the inner loop gets long.
void JoinAxes(Broadcast* broadcast) {
  Broadcast joined;
  joined.total = broadcast->total;
  for (size_t axis = 0; axis < broadcast->sizes.size(); ++axis) {
    const int64_t size = broadcast->sizes[axis];
    const int64_t left = broadcast->left_strides[axis];
    const int64_t right = broadcast->right_strides[axis];
    if (size == 1) continue;
    if (!joined.sizes.empty() && joined.left_strides.back() == left * size &&
        joined.right_strides.back() == right * size) {
      joined.sizes.back() *= size;
      joined.left_strides.back() = left;
      joined.right_strides.back() = right;
      continue;
    }
    joined.sizes.push_back(size);
    joined.left_strides.push_back(left);
    joined.right_strides.push_back(right);
  }
  *broadcast = std::move(joined);
}

}  // namespace

absl::StatusOr<Broadcast> MakeBroadcast(const Operands& operands) {
  const Shape& left = operands.input_shape(0);
  const Shape& right = operands.input_shape(1);
  const size_t rank = std::max(left.size(), right.size());
  Shape output(rank, 1);
  for (size_t back = 1; back <= rank; ++back) {
    const int32_t a = back <= left.size() ? left[left.size() - back] : 1;
    const int32_t b = back <= right.size() ? right[right.size() - back] : 1;
    RETURN_IF_ERROR(operands.Require(a == b || a == 1 || b == 1,
                                     absl::StrCat("the shapes ", ShapeText(left), " and ",
                                                  ShapeText(right), " do not broadcast")));
    output[rank - back] = a == 1 ? b : a;
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  Broadcast broadcast;
  broadcast.sizes.assign(output.begin(), output.end());
  broadcast.left_strides = Strides(left, rank);
  broadcast.right_strides = Strides(right, rank);
  broadcast.total = operands.output_size(0);
  JoinAxes(&broadcast);
  return broadcast;
}

absl::Status RequirePair(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  return operands.Require(operands.input_type(0) == operands.input_type(1) &&
                              operands.input_type(0) == operands.output_type(0),
                          "both inputs and the output must have one type");
}

absl::StatusOr<std::vector<int64_t>> BroadcastStrides(const Operands& operands,
                                                      const Shape& shape) {
  const Shape& output = operands.output_shape(0);
  bool fits = shape.size() <= output.size();
  for (size_t back = 1; fits && back <= shape.size(); ++back) {
    const int32_t size = shape[shape.size() - back];
    fits = size == 1 || size == output[output.size() - back];
  }
  RETURN_IF_ERROR(operands.Require(
      fits,
      absl::StrCat("the shape ", ShapeText(shape), " does not broadcast to ", ShapeText(output))));
  return Strides(shape, output.size());
}

}  // namespace octavo::reference
