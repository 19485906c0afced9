#include <cstdint>
#include <cstring>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/indexed_slices.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// An index out of range takes the nearest slice: it is data, seen only now.
template <typename Index>
std::unique_ptr<Kernel> GatherNdKernel(const IndexedSlices& slices) {
  return MakeKernel([slices](Inputs inputs, Outputs outputs) {
    const Index* indices = In<Index>(inputs, 1);
    for (int64_t i = 0; i < slices.count; ++i) {
      const int64_t offset = slices.NearestOffset(indices + i * slices.depth());
      std::memcpy(outputs[0] + i * slices.slice_bytes,
                  In<uint8_t>(inputs, 0) + offset * slices.slice_bytes, slices.slice_bytes);
    }
  });
}

}  // namespace

KernelOr BuildGatherNd(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const IndexedSlices slices,
                   MakeIndexedSlices(operands, /*indices=*/1, operands.input_shape(0),
                                     operands.output_shape(0), operands.input_type(0)));
  switch (operands.input_type(1)) {
    case schema::TensorType_INT16:
      return GatherNdKernel<int16_t>(slices);
    case schema::TensorType_INT32:
      return GatherNdKernel<int32_t>(slices);
    case schema::TensorType_INT64:
      return GatherNdKernel<int64_t>(slices);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
