// Slices of a tensor by tuples of indices: GATHER_ND and SCATTER_ND.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_INDEXED_SLICES_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_INDEXED_SLICES_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// indices [count..., depth] pick slices of a tensor [sizes..., slice...].
struct IndexedSlices {
  std::vector<int64_t> sizes;  // of the axes that are indexed
  int64_t count = 1;
  int64_t slice_elements = 1;
  int64_t slice_bytes = 1;

  int64_t depth() const { return static_cast<int64_t>(sizes.size()); }

  // In slices; -1: out of range.
  template <typename Index>
  int64_t Offset(const Index* tuple) const {
    int64_t offset = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      if (tuple[axis] < 0 || tuple[axis] >= sizes[axis]) return -1;
      offset = offset * sizes[axis] + tuple[axis];
    }
    return offset;
  }
  // In slices; indices out of range are taken to the nearest end.
  template <typename Index>
  int64_t NearestOffset(const Index* tuple) const {
    int64_t offset = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      offset = offset * sizes[axis] + std::clamp<int64_t>(tuple[axis], 0, sizes[axis] - 1);
    }
    return offset;
  }
};

// `indices`: the position of that input; `whole`: the shape of the tensor that is indexed; `parts`:
// that of all slices, [count..., slice...]. OP_UNSUPPORTED: they do not fit, or `type` has elements
// of less than a byte, or slices of an empty axis are asked for.
absl::StatusOr<IndexedSlices> MakeIndexedSlices(const Operands& operands, int indices,
                                                const Shape& whole, const Shape& parts,
                                                schema::TensorType type);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_INDEXED_SLICES_H_
