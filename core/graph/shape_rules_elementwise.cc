#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"
#include "core/tflite/short_name.h"

namespace octavo {

absl::StatusOr<std::vector<int64_t>> OperatorView::ConstantInts(int position,
                                                                size_t max_count) const {
  if (!HasInput(position)) return DoNotFit(*this, absl::StrCat("input ", position, " is missing"));
  const TensorIndex index = InputOf(op, position);
  const schema::TensorT& tensor = model.tensor(index);
  const bool is_wide = tensor.type == schema::TensorType_INT64;
  if (!is_wide && tensor.type != schema::TensorType_INT32) {
    return DoNotFit(*this, absl::StrCat("input ", position, " is of type ", TypeName(tensor.type)));
  }
  if (!model.IsConstant(index) && NumElements(tensor.shape) != 0) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("the shape depends on the values of tensor '",
                                       ShortName(tensor.name), "', which is no constant")),
                      "OP_UNSUPPORTED", {{"tensor", std::string(ShortName(tensor.name))}});
  }
  if (NumElements(tensor.shape).value_or(0) > static_cast<int64_t>(max_count)) {
    return DoNotFit(*this, absl::StrCat("input ", position, " has too many values"));
  }
  if (is_wide) {
    const auto values = model.ConstantValues<int64_t>(index);
    return std::vector<int64_t>(values.begin(), values.end());
  }
  const auto values = model.ConstantValues<int32_t>(index);
  return std::vector<int64_t>(values.begin(), values.end());
}

absl::Status DoNotFit(const OperatorView& op, absl::string_view problem) {
  std::string text(problem);
  constexpr int kMostNamed = 8;
  for (int i = 0; i < std::min(op.num_inputs(), kMostNamed); ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : ", ",
                    op.HasInput(i) ? ShapeText(op.InputShape(i)) : std::string("none"));
  }
  return WithReason(absl::InvalidArgumentError(text), "MODEL_MALFORMED");
}

absl::StatusOr<int> AxisOf(const OperatorView& op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) return DoNotFit(op, absl::StrCat("there is no axis ", axis));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::StatusOr<Shape> ToShape(const OperatorView& op, const std::vector<int64_t>& values) {
  Shape shape;
  for (const int64_t value : values) {
    if (value < 0 || value > std::numeric_limits<int32_t>::max()) {
      return DoNotFit(op, absl::StrCat("a dimension is ", value));
    }
    shape.push_back(static_cast<int32_t>(value));
  }
  return shape;
}

absl::StatusOr<Shape> Broadcast(const OperatorView& op, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  for (size_t i = 0; i < shorter.size(); ++i) {
    int32_t& dimension = result[longer.size() - shorter.size() + i];
    if (shorter[i] == dimension || shorter[i] == 1) continue;
    if (dimension != 1) return DoNotFit(op, "the shapes do not broadcast");
    dimension = shorter[i];
  }
  return result;
}

absl::Status RequireRank(const OperatorView& op, int position, size_t rank) {
  if (op.HasInput(position) && op.InputShape(position).size() == rank) return absl::OkStatus();
  return DoNotFit(op, absl::StrCat("input ", position, " has not ", rank, " axes"));
}

absl::StatusOr<Shapes> SameShape(const OperatorView& op) { return Shapes{op.InputShape(0)}; }

absl::StatusOr<Shapes> BroadcastShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(Shape shape, Broadcast(op, op.InputShape(0), op.InputShape(1)));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> AllEqualShape(const OperatorView& op) {
  for (int i = 1; i < op.num_inputs(); ++i) {
    if (op.InputShape(i) != op.InputShape(0)) return DoNotFit(op, "the inputs differ in shape");
  }
  return Shapes{op.InputShape(0)};
}

absl::StatusOr<Shapes> PreluShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const Shape shape, Broadcast(op, op.InputShape(0), op.InputShape(1)));
  if (shape != op.InputShape(0)) return DoNotFit(op, "the slopes are larger than the input");
  return Shapes{shape};
}

absl::StatusOr<Shapes> SelectShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const Shape values, Broadcast(op, op.InputShape(1), op.InputShape(2)));
  ASSIGN_OR_RETURN(Shape shape, Broadcast(op, op.InputShape(0), values));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ReverseShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(1));
  for (const int64_t axis : axes) {
    RETURN_IF_ERROR(AxisOf(op, axis, op.InputShape(0).size()).status());
  }
  return Shapes{op.InputShape(0)};
}

absl::StatusOr<Shapes> ReduceShape(const OperatorView& op) {
  const Shape& input = op.InputShape(0);
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(1));
  std::vector<bool> is_reduced(input.size(), false);
  for (const int64_t given : axes) {
    ASSIGN_OR_RETURN(const int axis, AxisOf(op, given, input.size()));
    is_reduced[axis] = true;
  }
  const bool keep_dims = op.op.builtin_options.AsReducerOptions()->keep_dims;
  Shape shape;
  for (size_t axis = 0; axis < input.size(); ++axis) {
    if (!is_reduced[axis]) shape.push_back(input[axis]);
    if (is_reduced[axis] && keep_dims) shape.push_back(1);
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ArgReduceShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, op.ConstantInts(1));
  if (axes.size() != 1) return DoNotFit(op, "there is not one axis");
  Shape shape = op.InputShape(0);
  ASSIGN_OR_RETURN(const int axis, AxisOf(op, axes[0], shape.size()));
  if (shape[axis] == 0) return DoNotFit(op, "the axis has no elements");
  shape.erase(shape.begin() + axis);
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> TopKShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> k, op.ConstantInts(1));
  Shape shape = op.InputShape(0);
  if (k.size() != 1 || shape.empty() || k[0] < 0 || k[0] > shape.back()) {
    return DoNotFit(op, "k is not within the last axis");
  }
  shape.back() = static_cast<int32_t>(k[0]);
  return Shapes{shape, shape};
}

}  // namespace octavo
