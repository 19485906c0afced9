// Shape functions: the shapes of an operator's outputs from those of its inputs, with every check
// that a kernel relies on. One a row of the table in shape_inference.cc.

#ifndef OCTAVO_CORE_GRAPH_SHAPE_RULE_H_
#define OCTAVO_CORE_GRAPH_SHAPE_RULE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tflite/model.h"
#include "core/tflite/operator_table.h"

namespace octavo {

using Shapes = std::vector<Shape>;

// Shapes, axes and paddings are short: a large constant in their place is an attack on memory and
// time.
inline constexpr size_t kMaxShapeValues = 1024;

// An operator whose inputs' shapes are known. Looked at, never kept.
struct OperatorView {
  const Model& model;
  const schema::OperatorT& op;

  bool HasInput(int position) const { return InputOf(op, position) != kNoTensor; }
  // Only of an input that is there.
  const schema::TensorT& Input(int position) const { return model.tensor(InputOf(op, position)); }
  const Shape& InputShape(int position) const { return Input(position).shape; }
  int num_inputs() const { return static_cast<int>(op.inputs.size()); }
  int num_outputs() const { return static_cast<int>(op.outputs.size()); }

  // The values of an INT32 or INT64 constant. INVALID_ARGUMENT: it has more than `max_count`.
  // FAILED_PRECONDITION (OP_UNSUPPORTED): it is none, so that the shape depends on values.
  absl::StatusOr<std::vector<int64_t>> ConstantInts(int position,
                                                    size_t max_count = kMaxShapeValues) const;
};

using ShapeFunction = absl::StatusOr<Shapes> (*)(const OperatorView& op);

// INVALID_ARGUMENT: "`problem`: [1, 2], [3]", with the shapes of all inputs.
absl::Status DoNotFit(const OperatorView& op, absl::string_view problem);

// Element by element (shape_rules_elementwise.cc).
absl::StatusOr<Shapes> SameShape(const OperatorView& op);
absl::StatusOr<Shapes> BroadcastShape(const OperatorView& op);
absl::StatusOr<Shapes> AllEqualShape(const OperatorView& op);
absl::StatusOr<Shapes> PreluShape(const OperatorView& op);
absl::StatusOr<Shapes> SelectShape(const OperatorView& op);
absl::StatusOr<Shapes> ReverseShape(const OperatorView& op);
absl::StatusOr<Shapes> ReduceShape(const OperatorView& op);
absl::StatusOr<Shapes> ArgReduceShape(const OperatorView& op);
absl::StatusOr<Shapes> TopKShape(const OperatorView& op);

// Weights and windows (shape_rules_window.cc).
absl::StatusOr<Shapes> Conv2DShape(const OperatorView& op);
absl::StatusOr<Shapes> DepthwiseConv2DShape(const OperatorView& op);
absl::StatusOr<Shapes> TransposeConvShape(const OperatorView& op);
absl::StatusOr<Shapes> FullyConnectedShape(const OperatorView& op);
absl::StatusOr<Shapes> BatchMatMulShape(const OperatorView& op);
absl::StatusOr<Shapes> Pool2DShape(const OperatorView& op);
absl::StatusOr<Shapes> ResizeShape(const OperatorView& op);
absl::StatusOr<Shapes> SpaceToDepthShape(const OperatorView& op);
absl::StatusOr<Shapes> DepthToSpaceShape(const OperatorView& op);
absl::StatusOr<Shapes> SpaceToBatchShape(const OperatorView& op);
absl::StatusOr<Shapes> BatchToSpaceShape(const OperatorView& op);

// Sequences and states (shape_rules_recurrent.cc).
absl::StatusOr<Shapes> LstmShape(const OperatorView& op);
absl::StatusOr<Shapes> RnnShape(const OperatorView& op);
absl::StatusOr<Shapes> SvdfShape(const OperatorView& op);

// Moving elements (shape_rules_layout.cc).
absl::StatusOr<Shapes> ShapeOfShape(const OperatorView& op);
absl::StatusOr<Shapes> ReshapeShape(const OperatorView& op);
absl::StatusOr<Shapes> SqueezeShape(const OperatorView& op);
absl::StatusOr<Shapes> ExpandDimsShape(const OperatorView& op);
absl::StatusOr<Shapes> TransposeShape(const OperatorView& op);
absl::StatusOr<Shapes> ConcatenationShape(const OperatorView& op);
absl::StatusOr<Shapes> PackShape(const OperatorView& op);
absl::StatusOr<Shapes> UnpackShape(const OperatorView& op);
absl::StatusOr<Shapes> SplitShape(const OperatorView& op);
absl::StatusOr<Shapes> SplitVShape(const OperatorView& op);
absl::StatusOr<Shapes> PadShape(const OperatorView& op);
absl::StatusOr<Shapes> MirrorPadShape(const OperatorView& op);
absl::StatusOr<Shapes> SliceShape(const OperatorView& op);
absl::StatusOr<Shapes> StridedSliceShape(const OperatorView& op);
absl::StatusOr<Shapes> GatherShape(const OperatorView& op);
absl::StatusOr<Shapes> GatherNdShape(const OperatorView& op);
absl::StatusOr<Shapes> ScatterNdShape(const OperatorView& op);
absl::StatusOr<Shapes> TileShape(const OperatorView& op);
absl::StatusOr<Shapes> FillShape(const OperatorView& op);
absl::StatusOr<Shapes> BroadcastToShape(const OperatorView& op);
absl::StatusOr<Shapes> DynamicUpdateSliceShape(const OperatorView& op);

// What several rules need.

// `axis` counted from the front. INVALID_ARGUMENT: outside [-rank, rank).
absl::StatusOr<int> AxisOf(const OperatorView& op, int64_t axis, int64_t rank);
// The shape of constant values. INVALID_ARGUMENT: a dimension is negative or more than 32 bits.
absl::StatusOr<Shape> ToShape(const OperatorView& op, const std::vector<int64_t>& values);
absl::StatusOr<Shape> Broadcast(const OperatorView& op, const Shape& a, const Shape& b);
// INVALID_ARGUMENT: input `position` is missing, or has another number of axes.
absl::Status RequireRank(const OperatorView& op, int position, size_t rank);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_SHAPE_RULE_H_
