#include "core/runtime/reference/indexed_slices.h"

#include "core/base/status_macros.h"

namespace octavo::reference {

absl::StatusOr<IndexedSlices> MakeIndexedSlices(const Operands& operands, int indices,
                                                const Shape& whole, const Shape& parts,
                                                schema::TensorType type) {
  const Shape& tuples = operands.input_shape(indices);
  RETURN_IF_ERROR(operands.Require(
      !tuples.empty() && tuples.back() >= 0 && tuples.back() <= static_cast<int>(whole.size()),
      "an index has more numbers than the tensor has dimensions"));
  const int bits = ElementBits(type);
  RETURN_IF_ERROR(operands.Require(bits % 8 == 0 && bits > 0, "elements of less than a byte"));
  const int depth = tuples.back();
  IndexedSlices slices;
  slices.sizes.assign(whole.begin(), whole.begin() + depth);
  Shape expected(tuples.begin(), tuples.end() - 1);
  expected.insert(expected.end(), whole.begin() + depth, whole.end());
  RETURN_IF_ERROR(operands.Require(parts == expected, "the shapes do not fit"));
  for (size_t axis = 0; axis + 1 < tuples.size(); ++axis) slices.count *= tuples[axis];
  for (size_t axis = depth; axis < whole.size(); ++axis) slices.slice_elements *= whole[axis];
  slices.slice_bytes = slices.slice_elements * (bits / 8);
  if (slices.slice_bytes == 0) slices.count = 0;
  for (const int64_t size : slices.sizes) {
    RETURN_IF_ERROR(operands.Require(size > 0 || slices.count == 0, "slices of an empty axis"));
  }
  return slices;
}

}  // namespace octavo::reference
