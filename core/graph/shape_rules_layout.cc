#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"
#include "core/graph/slice_bounds.h"

namespace octavo {
namespace {

absl::StatusOr<int32_t> Dimension(const OperatorView& op, int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<int32_t>::max())
    return static_cast<int32_t>(value);
  return DoNotFit(op, absl::StrCat("a dimension would be ", value));
}

// Before and after, each axis of the input.
absl::StatusOr<std::vector<int64_t>> Paddings(const OperatorView& op) {
  ASSIGN_OR_RETURN(std::vector<int64_t> paddings, op.ConstantInts(1));
  const auto rank = static_cast<int32_t>(op.InputShape(0).size());
  if (op.InputShape(1) != Shape{rank, 2}) {
    return DoNotFit(op, "the paddings have not the input's axes");
  }
  for (const int64_t padding : paddings) {
    if (padding < 0 || padding > std::numeric_limits<int32_t>::max()) {
      return DoNotFit(op, absl::StrCat("a padding is ", padding));
    }
  }
  return paddings;
}

absl::StatusOr<Shapes> Pad(const OperatorView& op, const std::vector<int64_t>& paddings) {
  Shape shape = op.InputShape(0);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    ASSIGN_OR_RETURN(shape[axis],
                     Dimension(op, shape[axis] + paddings[2 * axis] + paddings[2 * axis + 1]));
  }
  return Shapes{std::move(shape)};
}

// Enough for a permutation of all pixels.
constexpr size_t kMaxIndices = 1 << 20;

// Constant indices are checked here; others by the kernel.
absl::Status CheckIndices(const OperatorView& op, int position, int64_t size) {
  const TensorIndex index = InputOf(op.op, position);
  const schema::TensorType type = op.model.tensor(index).type;
  if (type != schema::TensorType_INT32 && type != schema::TensorType_INT64) {
    return DoNotFit(op, absl::StrCat("indices of type ", TypeName(type)));
  }
  if (!op.model.IsConstant(index)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, op.ConstantInts(position, kMaxIndices));
  for (const int64_t value : indices) {
    if (value < 0 || value >= size)
      return DoNotFit(op, absl::StrCat("there is no element ", value));
  }
  return absl::OkStatus();
}

// Constant rows of indices into the leading axes of `shape`.
absl::Status CheckIndexRows(const OperatorView& op, int position, const Shape& shape,
                            int32_t depth) {
  const TensorIndex index = InputOf(op.op, position);
  const schema::TensorType type = op.model.tensor(index).type;
  if (type != schema::TensorType_INT32 && type != schema::TensorType_INT64) {
    return DoNotFit(op, absl::StrCat("indices of type ", TypeName(type)));
  }
  if (!op.model.IsConstant(index)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, op.ConstantInts(position, kMaxIndices));
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= shape[i % depth]) {
      return DoNotFit(op, absl::StrCat("there is no element ", indices[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Shapes> ShapeOfShape(const OperatorView& op) {
  return Shapes{{static_cast<int32_t>(op.InputShape(0).size())}};
}

absl::StatusOr<Shapes> ReshapeShape(const OperatorView& op) {
  std::vector<int64_t> wanted;
  if (op.HasInput(1)) {
    ASSIGN_OR_RETURN(wanted, op.ConstantInts(1));
  } else if (const auto* options = op.op.builtin_options.AsReshapeOptions(); options != nullptr) {
    wanted.assign(options->new_shape.begin(), options->new_shape.end());
  } else {
    return DoNotFit(op, "there is no new shape");
  }
  if (wanted.size() == 1 && wanted[0] == 0 && !op.HasInput(1))
    wanted.clear();  // an old way to say scalar
  const int64_t num_elements = NumElements(op.InputShape(0)).value_or(-1);
  const auto open = std::ranges::find(wanted, -1);
  if (open != wanted.end()) {
    *open = 1;
    ASSIGN_OR_RETURN(const Shape known, ToShape(op, wanted));
    const int64_t known_elements = NumElements(known).value_or(0);
    if (known_elements == 0 || num_elements % known_elements != 0) {
      return DoNotFit(op, absl::StrCat("the new shape ", ShapeText(known), " does not fit"));
    }
    *open = num_elements / known_elements;
  }
  ASSIGN_OR_RETURN(Shape shape, ToShape(op, wanted));
  if (NumElements(shape) != num_elements) {
    return DoNotFit(op, absl::StrCat("the new shape ", ShapeText(shape), " does not fit"));
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> SqueezeShape(const OperatorView& op) {
  const Shape& input = op.InputShape(0);
  const std::vector<int32_t>& axes = op.op.builtin_options.AsSqueezeOptions()->squeeze_dims;
  std::vector<bool> is_squeezed(input.size(), axes.empty());
  for (const int32_t given : axes) {
    ASSIGN_OR_RETURN(const int axis, AxisOf(op, given, input.size()));
    if (input[axis] != 1) return DoNotFit(op, absl::StrCat("axis ", axis, " has not 1 element"));
    is_squeezed[axis] = true;
  }
  Shape shape;
  for (size_t axis = 0; axis < input.size(); ++axis) {
    if (!is_squeezed[axis] || input[axis] != 1) shape.push_back(input[axis]);
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ExpandDimsShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(1));
  if (axes.size() != 1) return DoNotFit(op, "there is not one axis");
  Shape shape = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, axes[0], shape.size() + 1));
  shape.insert(shape.begin() + axis, 1);
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> TransposeShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> permutation, op.ConstantInts(1));
  const Shape& input = op.InputShape(0);
  if (permutation.size() != input.size())
    return DoNotFit(op, "the permutation has not the input's axes");
  std::vector<bool> is_taken(input.size(), false);
  Shape shape;
  for (const int64_t given : permutation) {
    ASSIGN_OR_RETURN(const int axis, AxisOf(op, given, input.size()));
    if (is_taken[axis]) return DoNotFit(op, absl::StrCat("axis ", axis, " is taken twice"));
    is_taken[axis] = true;
    shape.push_back(input[axis]);
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ConcatenationShape(const OperatorView& op) {
  Shape shape = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis,
                   AxisOf(op, op.op.builtin_options.AsConcatenationOptions()->axis, shape.size()));
  int64_t total = 0;
  for (int i = 0; i < op.num_inputs(); ++i) {
    Shape input = op.InputShape(i);
    if (input.size() != shape.size()) return DoNotFit(op, "the inputs differ in axes");
    total += input[axis];
    input[axis] = shape[axis];
    if (input != shape) return DoNotFit(op, "the inputs differ in another axis");
  }
  ASSIGN_OR_RETURN(shape[axis], Dimension(op, total));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> PackShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(Shapes shapes, AllEqualShape(op));
  const schema::PackOptionsT& options = *op.op.builtin_options.AsPackOptions();
  if (options.values_count != op.num_inputs()) {
    return DoNotFit(op, absl::StrCat("there are not ", options.values_count, " inputs"));
  }
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, options.axis, shapes[0].size() + 1));
  shapes[0].insert(shapes[0].begin() + axis, op.num_inputs());
  return shapes;
}

absl::StatusOr<Shapes> UnpackShape(const OperatorView& op) {
  const schema::UnpackOptionsT& options = *op.op.builtin_options.AsUnpackOptions();
  Shape shape = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, options.axis, shape.size()));
  if (options.num != op.num_outputs() || shape[axis] != op.num_outputs()) {
    return DoNotFit(op, absl::StrCat("axis ", axis, " does not unpack to ", op.num_outputs()));
  }
  shape.erase(shape.begin() + axis);
  return Shapes(op.num_outputs(), shape);
}

absl::StatusOr<Shapes> SplitShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(0));
  if (axes.size() != 1) return DoNotFit(op, "there is not one axis");
  Shape shape = op.InputShape(1);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, axes[0], shape.size()));
  const int count = op.num_outputs();
  if (op.op.builtin_options.AsSplitOptions()->num_splits != count || shape[axis] % count != 0) {
    return DoNotFit(op, absl::StrCat("axis ", axis, " does not split into ", count));
  }
  shape[axis] /= count;
  return Shapes(count, shape);
}

absl::StatusOr<Shapes> SplitVShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(std::vector<int64_t> sizes, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(2));
  if (axes.size() != 1) return DoNotFit(op, "there is not one axis");
  const Shape& input = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, axes[0], input.size()));
  if (static_cast<int>(sizes.size()) != op.num_outputs() ||
      op.op.builtin_options.AsSplitVOptions()->num_splits != op.num_outputs()) {
    return DoNotFit(op, absl::StrCat("there are not ", op.num_outputs(), " sizes"));
  }
  const auto open = std::ranges::find(sizes, -1);
  if (open != sizes.end()) *open = 0;
  int64_t total = 0;
  for (const int64_t size : sizes) {
    if (size < 0 || size > input[axis]) return DoNotFit(op, absl::StrCat("a size is ", size));
    total += size;
  }
  if (open != sizes.end()) *open = input[axis] - total;
  if (open == sizes.end() ? total != input[axis] : *open < 0) {
    return DoNotFit(op, absl::StrCat("the sizes do not fit axis ", axis));
  }
  Shapes shapes(op.num_outputs(), input);
  for (size_t i = 0; i < sizes.size(); ++i) shapes[i][axis] = static_cast<int32_t>(sizes[i]);
  return shapes;
}

absl::StatusOr<Shapes> PadShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> paddings, Paddings(op));
  if (op.num_inputs() > 2 && NumElements(op.InputShape(2)) != 1) {
    return DoNotFit(op, "there is not one value to pad with");
  }
  return Pad(op, paddings);
}

absl::StatusOr<Shapes> MirrorPadShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> paddings, Paddings(op));
  const Shape& input = op.InputShape(0);
  const schema::MirrorPadMode mode = op.op.builtin_options.AsMirrorPadOptions()->mode;
  // REFLECT leaves out the border element.
  const int64_t left_out = mode == schema::MirrorPadMode_REFLECT ? 1 : 0;
  for (size_t i = 0; i < paddings.size(); ++i) {
    if (paddings[i] > input[i / 2] - left_out)
      return DoNotFit(op, "more is mirrored than there is");
  }
  return Pad(op, paddings);
}

absl::StatusOr<Shapes> SliceShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(SliceBounds bounds, PlainSliceBounds(op.model, op.op));
  return Shapes{std::move(bounds.output_shape)};
}

absl::StatusOr<Shapes> StridedSliceShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(SliceBounds bounds, StridedSliceBounds(op.model, op.op));
  return Shapes{std::move(bounds.output_shape)};
}

absl::StatusOr<Shapes> GatherShape(const OperatorView& op) {
  const schema::GatherOptionsT& options = *op.op.builtin_options.AsGatherOptions();
  const Shape& input = op.InputShape(0);
  const Shape& indices = op.InputShape(1);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, options.axis, input.size()));
  const int batch_dims = options.batch_dims < 0
                             ? options.batch_dims + static_cast<int>(indices.size())
                             : options.batch_dims;
  if (batch_dims < 0 || batch_dims > axis || batch_dims > static_cast<int>(indices.size()) ||
      !std::equal(input.begin(), input.begin() + batch_dims, indices.begin())) {
    return DoNotFit(op, absl::StrCat("the first ", batch_dims, " axes differ"));
  }
  RETURN_IF_ERROR(CheckIndices(op, 1, input[axis]));
  Shape shape(input.begin(), input.begin() + axis);
  shape.insert(shape.end(), indices.begin() + batch_dims, indices.end());
  shape.insert(shape.end(), input.begin() + axis + 1, input.end());
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> GatherNdShape(const OperatorView& op) {
  const Shape& input = op.InputShape(0);
  const Shape& indices = op.InputShape(1);
  if (indices.empty() || indices.back() < 1 ||
      indices.back() > static_cast<int64_t>(input.size())) {
    return DoNotFit(op, "the indices have not the input's axes");
  }
  const int32_t depth = indices.back();
  RETURN_IF_ERROR(CheckIndexRows(op, 1, input, depth));
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), input.begin() + depth, input.end());
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ScatterNdShape(const OperatorView& op) {
  const Shape& indices = op.InputShape(0);
  const Shape& updates = op.InputShape(1);
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, op.ConstantInts(2));
  ASSIGN_OR_RETURN(const Shape shape, ToShape(op, values));
  if (indices.empty() || indices.back() < 1 ||
      indices.back() > static_cast<int64_t>(shape.size())) {
    return DoNotFit(op, "the indices have not the output's axes");
  }
  const int32_t depth = indices.back();
  RETURN_IF_ERROR(CheckIndexRows(op, 0, shape, depth));
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), shape.begin() + depth, shape.end());
  if (updates != expected)
    return DoNotFit(op, absl::StrCat("the updates do not fit ", ShapeText(shape)));
  return Shapes{shape};
}

absl::StatusOr<Shapes> TileShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> multiples, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const Shape times, ToShape(op, multiples));
  Shape shape = op.InputShape(0);
  if (times.size() != shape.size()) return DoNotFit(op, "the multiples have not the input's axes");
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    ASSIGN_OR_RETURN(shape[axis], Dimension(op, int64_t{shape[axis]} * times[axis]));
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> FillShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> dimensions, op.ConstantInts(0));
  if (NumElements(op.InputShape(1)) != 1)
    return DoNotFit(op, "there is not one value to fill with");
  ASSIGN_OR_RETURN(Shape shape, ToShape(op, dimensions));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> BroadcastToShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> dimensions, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const Shape target, ToShape(op, dimensions));
  ASSIGN_OR_RETURN(const Shape shape, Broadcast(op, op.InputShape(0), target));
  if (shape != target) return DoNotFit(op, absl::StrCat("no broadcast to ", ShapeText(target)));
  return Shapes{target};
}

absl::StatusOr<Shapes> DynamicUpdateSliceShape(const OperatorView& op) {
  const Shape& input = op.InputShape(0);
  const Shape& update = op.InputShape(1);
  if (update.size() != input.size() ||
      op.InputShape(2) != Shape{static_cast<int32_t>(input.size())}) {
    return DoNotFit(op, "update and start have not the input's axes");
  }
  for (size_t axis = 0; axis < input.size(); ++axis) {
    if (update[axis] > input[axis]) return DoNotFit(op, "the update is larger than the input");
  }
  return Shapes{input};
}

}  // namespace octavo
