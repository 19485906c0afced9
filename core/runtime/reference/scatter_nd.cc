#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/indexed_slices.h"

namespace octavo::reference {
namespace {

template <typename T>
T Sum(T left, T right) {
  if constexpr (std::is_floating_point_v<T>) {
    return left + right;
  } else {
    return WrapAdd(left, right);
  }
}

// Slices of one index add up; one out of range is dropped. Codes are added as they are, as the
// format does.
template <typename T, typename Index>
std::unique_ptr<Kernel> ScatterNdKernel(const IndexedSlices& slices, int64_t size) {
  return MakeKernel([slices, size](Inputs inputs, Outputs outputs) {
    T* sums = Out<T>(outputs, 0);
    std::fill(sums, sums + size, T{});
    const T* updates = In<T>(inputs, 1);
    for (int64_t i = 0; i < slices.count; ++i, updates += slices.slice_elements) {
      const int64_t offset = slices.Offset(In<Index>(inputs, 0) + i * slices.depth());
      if (offset < 0) continue;
      T* slice = sums + offset * slices.slice_elements;
      for (int64_t j = 0; j < slices.slice_elements; ++j) slice[j] = Sum(slice[j], updates[j]);
    }
  });
}

template <typename T>
KernelOr Build(const Operands& operands, const IndexedSlices& slices) {
  const int64_t size = operands.output_size(0);
  switch (operands.input_type(0)) {
    case schema::TensorType_INT32:
      return ScatterNdKernel<T, int32_t>(slices, size);
    case schema::TensorType_INT64:
      return ScatterNdKernel<T, int64_t>(slices, size);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

// Inputs: indices, updates, the output's shape.
KernelOr BuildScatterNd(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  RETURN_IF_ERROR(operands.RequireSameType(1, 0));
  ASSIGN_OR_RETURN(const IndexedSlices slices,
                   MakeIndexedSlices(operands, /*indices=*/0, operands.output_shape(0),
                                     operands.input_shape(1), operands.input_type(1)));
  switch (operands.input_type(1)) {
    case schema::TensorType_FLOAT32:
      return Build<float>(operands, slices);
    case schema::TensorType_INT8:
      return Build<int8_t>(operands, slices);
    case schema::TensorType_UINT8:
      return Build<uint8_t>(operands, slices);
    case schema::TensorType_INT32:
      return Build<int32_t>(operands, slices);
    case schema::TensorType_INT64:
      return Build<int64_t>(operands, slices);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
