// Which elements a STRIDED_SLICE takes: begin, end and strides with their masks and negative values
// worked out.

#ifndef OCTAVO_CORE_GRAPH_SLICE_BOUNDS_H_
#define OCTAVO_CORE_GRAPH_SLICE_BOUNDS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"
#include "core/tflite/tensor_value.h"

namespace octavo {

// Of one axis of the input: begin, begin + stride, ..., `count` elements, all inside the axis.
struct AxisSlice {
  int64_t begin = 0;
  int64_t stride = 1;
  int64_t count = 0;
};

struct SliceBounds {
  std::vector<AxisSlice> axes;  // one an axis of the input
  Shape output_shape;           // with new axes, without shrunk ones
};

// Of a STRIDED_SLICE or a SLICE whose shapes are known and whose begin, end and strides are
// constants.
//
// INVALID_ARGUMENT: they do not fit the input. FAILED_PRECONDITION (OP_UNSUPPORTED): one of them is
// no constant.
absl::StatusOr<SliceBounds> StridedSliceBounds(const Model& model, const schema::OperatorT& op);
absl::StatusOr<SliceBounds> PlainSliceBounds(const Model& model, const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_SLICE_BOUNDS_H_
