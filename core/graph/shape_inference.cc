#include "core/graph/shape_inference.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// What element types an operator gives.
enum class Types {
  kSame,       // activations and outputs share one
  kBool,       // activations share one, the output is BOOL
  kIndex,      // the output is INT32 or INT64
  kWithIndex,  // the first output as the input, the second INT32 or INT64
  kToFloat,    // FLOAT32, out of anything
  kFree,       // any
};

struct ShapeRow {
  schema::BuiltinOperator type;
  ShapeFunction function;
  Types types = Types::kSame;
};

// In the order of the operators' numbers.
constexpr ShapeRow kRows[] = {
    {schema::BuiltinOperator_ADD, BroadcastShape},
    {schema::BuiltinOperator_AVERAGE_POOL_2D, Pool2DShape},
    {schema::BuiltinOperator_CONCATENATION, ConcatenationShape},
    {schema::BuiltinOperator_CONV_2D, Conv2DShape},
    {schema::BuiltinOperator_DEPTHWISE_CONV_2D, DepthwiseConv2DShape},
    {schema::BuiltinOperator_DEPTH_TO_SPACE, DepthToSpaceShape},
    {schema::BuiltinOperator_DEQUANTIZE, SameShape, Types::kToFloat},
    {schema::BuiltinOperator_FLOOR, SameShape},
    {schema::BuiltinOperator_FULLY_CONNECTED, FullyConnectedShape},
    {schema::BuiltinOperator_L2_NORMALIZATION, SameShape},
    {schema::BuiltinOperator_LOCAL_RESPONSE_NORMALIZATION, SameShape},
    {schema::BuiltinOperator_LOGISTIC, SameShape},
    {schema::BuiltinOperator_LSTM, LstmShape},
    {schema::BuiltinOperator_MAX_POOL_2D, Pool2DShape},
    {schema::BuiltinOperator_MUL, BroadcastShape},
    {schema::BuiltinOperator_RELU, SameShape},
    {schema::BuiltinOperator_RELU_N1_TO_1, SameShape},
    {schema::BuiltinOperator_RELU6, SameShape},
    {schema::BuiltinOperator_RESHAPE, ReshapeShape},
    {schema::BuiltinOperator_RESIZE_BILINEAR, ResizeShape},
    {schema::BuiltinOperator_RNN, RnnShape},
    {schema::BuiltinOperator_SOFTMAX, SameShape},
    {schema::BuiltinOperator_SPACE_TO_DEPTH, SpaceToDepthShape},
    {schema::BuiltinOperator_SVDF, SvdfShape},
    {schema::BuiltinOperator_TANH, SameShape},
    {schema::BuiltinOperator_PAD, PadShape},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN, RnnShape},
    {schema::BuiltinOperator_GATHER, GatherShape},
    {schema::BuiltinOperator_BATCH_TO_SPACE_ND, BatchToSpaceShape},
    {schema::BuiltinOperator_SPACE_TO_BATCH_ND, SpaceToBatchShape},
    {schema::BuiltinOperator_TRANSPOSE, TransposeShape},
    {schema::BuiltinOperator_MEAN, ReduceShape},
    {schema::BuiltinOperator_SUB, BroadcastShape},
    {schema::BuiltinOperator_DIV, BroadcastShape},
    {schema::BuiltinOperator_SQUEEZE, SqueezeShape},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, LstmShape},
    {schema::BuiltinOperator_STRIDED_SLICE, StridedSliceShape},
    {schema::BuiltinOperator_EXP, SameShape},
    {schema::BuiltinOperator_TOPK_V2, TopKShape, Types::kWithIndex},
    {schema::BuiltinOperator_SPLIT, SplitShape},
    {schema::BuiltinOperator_LOG_SOFTMAX, SameShape},
    {schema::BuiltinOperator_CAST, SameShape, Types::kFree},
    {schema::BuiltinOperator_PRELU, PreluShape},
    {schema::BuiltinOperator_MAXIMUM, BroadcastShape},
    {schema::BuiltinOperator_ARG_MAX, ArgReduceShape, Types::kIndex},
    {schema::BuiltinOperator_MINIMUM, BroadcastShape},
    {schema::BuiltinOperator_LESS, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_NEG, SameShape},
    {schema::BuiltinOperator_PADV2, PadShape},
    {schema::BuiltinOperator_GREATER, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_GREATER_EQUAL, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_LESS_EQUAL, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_SELECT, SelectShape},
    {schema::BuiltinOperator_SLICE, SliceShape},
    {schema::BuiltinOperator_SIN, SameShape},
    {schema::BuiltinOperator_TRANSPOSE_CONV, TransposeConvShape},
    {schema::BuiltinOperator_TILE, TileShape},
    {schema::BuiltinOperator_EXPAND_DIMS, ExpandDimsShape},
    {schema::BuiltinOperator_EQUAL, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_NOT_EQUAL, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_LOG, SameShape},
    {schema::BuiltinOperator_SUM, ReduceShape},
    {schema::BuiltinOperator_SQRT, SameShape},
    {schema::BuiltinOperator_RSQRT, SameShape},
    {schema::BuiltinOperator_SHAPE, ShapeOfShape, Types::kIndex},
    {schema::BuiltinOperator_POW, BroadcastShape},
    {schema::BuiltinOperator_ARG_MIN, ArgReduceShape, Types::kIndex},
    {schema::BuiltinOperator_FAKE_QUANT, SameShape},
    {schema::BuiltinOperator_REDUCE_PROD, ReduceShape},
    {schema::BuiltinOperator_REDUCE_MAX, ReduceShape},
    {schema::BuiltinOperator_PACK, PackShape},
    {schema::BuiltinOperator_LOGICAL_OR, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_LOGICAL_AND, BroadcastShape, Types::kBool},
    {schema::BuiltinOperator_LOGICAL_NOT, SameShape, Types::kBool},
    {schema::BuiltinOperator_UNPACK, UnpackShape},
    {schema::BuiltinOperator_REDUCE_MIN, ReduceShape},
    {schema::BuiltinOperator_FLOOR_DIV, BroadcastShape},
    {schema::BuiltinOperator_SQUARE, SameShape},
    {schema::BuiltinOperator_FILL, FillShape},
    {schema::BuiltinOperator_FLOOR_MOD, BroadcastShape},
    {schema::BuiltinOperator_RESIZE_NEAREST_NEIGHBOR, ResizeShape},
    {schema::BuiltinOperator_LEAKY_RELU, SameShape},
    {schema::BuiltinOperator_SQUARED_DIFFERENCE, BroadcastShape},
    {schema::BuiltinOperator_MIRROR_PAD, MirrorPadShape},
    {schema::BuiltinOperator_ABS, SameShape},
    {schema::BuiltinOperator_SPLIT_V, SplitVShape},
    {schema::BuiltinOperator_CEIL, SameShape},
    {schema::BuiltinOperator_REVERSE_V2, ReverseShape},
    {schema::BuiltinOperator_ADD_N, AllEqualShape},
    {schema::BuiltinOperator_GATHER_ND, GatherNdShape},
    {schema::BuiltinOperator_COS, SameShape},
    {schema::BuiltinOperator_ELU, SameShape},
    {schema::BuiltinOperator_QUANTIZE, SameShape, Types::kFree},
    {schema::BuiltinOperator_ROUND, SameShape},
    {schema::BuiltinOperator_HARD_SWISH, SameShape},
    {schema::BuiltinOperator_SCATTER_ND, ScatterNdShape},
    {schema::BuiltinOperator_SELECT_V2, SelectShape},
    {schema::BuiltinOperator_BATCH_MATMUL, BatchMatMulShape},
    {schema::BuiltinOperator_BROADCAST_TO, BroadcastToShape},
    {schema::BuiltinOperator_GELU, SameShape},
    {schema::BuiltinOperator_DYNAMIC_UPDATE_SLICE, DynamicUpdateSliceShape},
};
static_assert(std::ranges::is_sorted(kRows, {}, &ShapeRow::type));

// Kernels index with less than 64 bits and activations are allocated whole.
constexpr int64_t kMaxTensorBytes = int64_t{1} << 30;
constexpr size_t kMaxRank = 8;

const ShapeRow* FindRule(schema::BuiltinOperator type) {
  const ShapeRow* row = std::ranges::lower_bound(kRows, type, {}, &ShapeRow::type);
  return row != std::end(kRows) && row->type == type ? row : nullptr;
}

absl::Status WrongTypes(const OperatorView& op) {
  std::string text = "the element types do not go together:";
  constexpr int kMostNamed = 8;
  for (int i = 0; i < std::min(op.num_inputs(), kMostNamed); ++i) {
    absl::StrAppend(&text, " ", op.HasInput(i) ? TypeName(op.Input(i).type) : "none");
  }
  absl::StrAppend(&text, " ->");
  for (int i = 0; i < std::min(op.num_outputs(), kMostNamed); ++i) {
    absl::StrAppend(&text, " ", TypeName(op.model.tensor(OutputOf(op.op, i)).type));
  }
  return WithReason(absl::InvalidArgumentError(text), "MODEL_MALFORMED");
}

bool IsIndexType(schema::TensorType type) {
  return type == schema::TensorType_INT32 || type == schema::TensorType_INT64;
}

bool IsActivation(const OperatorRow& row, int position) {
  return row.activation_inputs == kAllInputs ||
         (position < 32 && ((row.activation_inputs >> position) & 1) != 0);
}

absl::Status CheckTypes(const OperatorView& op, const OperatorRow& row, Types types) {
  if (types == Types::kFree) return absl::OkStatus();
  const auto output_type = [&](int i) { return op.model.tensor(OutputOf(op.op, i)).type; };
  if (types == Types::kToFloat) {
    return output_type(0) == schema::TensorType_FLOAT32 ? absl::OkStatus() : WrongTypes(op);
  }
  const schema::TensorType* shared = nullptr;
  for (int i = 0; i < op.num_inputs(); ++i) {
    if (!IsActivation(row, i)) continue;
    if (!op.HasInput(i)) return DoNotFit(op, absl::StrCat("input ", i, " is missing"));
    if (shared != nullptr && *shared != op.Input(i).type) return WrongTypes(op);
    shared = &op.Input(i).type;
  }
  for (int i = 0; i < op.num_outputs(); ++i) {
    const schema::TensorType type = output_type(i);
    const bool is_index = types == Types::kIndex || (types == Types::kWithIndex && i == 1);
    const bool is_right = is_index                ? IsIndexType(type)
                          : types == Types::kBool ? type == schema::TensorType_BOOL
                                                  : shared != nullptr && type == *shared;
    if (!is_right) return WrongTypes(op);
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const OperatorView& op, const Shapes& shapes) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    const schema::TensorType type = op.model.tensor(OutputOf(op.op, static_cast<int>(i))).type;
    const std::optional<int64_t> size_bytes = TensorBytes(type, shapes[i]);
    if (!size_bytes || *size_bytes > kMaxTensorBytes || shapes[i].size() > kMaxRank) {
      return DoNotFit(op,
                      absl::StrCat("the output would be ", TypeName(type), ShapeText(shapes[i])));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Shapes> Infer(const OperatorView& op, const OperatorRow& row, const ShapeRow& rule) {
  RETURN_IF_ERROR(CheckTypes(op, row, rule.types));
  ASSIGN_OR_RETURN(Shapes shapes, rule.function(op));
  if (static_cast<int>(shapes.size()) != op.num_outputs()) {
    return DoNotFit(op, absl::StrCat("there are ", op.num_outputs(), " outputs"));
  }
  RETURN_IF_ERROR(CheckSizes(op, shapes));
  return shapes;
}

}  // namespace

bool HasShapeRule(schema::BuiltinOperator type) { return FindRule(type) != nullptr; }

std::string OperatorText(const Model& model, const schema::OperatorT& op) {
  const TensorIndex output = OutputOf(op, 0);
  return absl::StrCat(
      ShortName(model.OperatorName(op)), " '",
      output == kNoTensor ? absl::string_view() : ShortName(model.TensorName(output)), "'");
}

absl::StatusOr<Shapes> InferShapes(const Model& model, const schema::OperatorT& op) {
  const schema::BuiltinOperator type = model.OperatorType(op);
  const OperatorRow* row = FindOperator(type);
  const ShapeRow* rule = FindRule(type);
  if (row == nullptr || rule == nullptr) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat("operator ", OperatorText(model, op), " is not supported")),
                      "OP_UNSUPPORTED", {{"operator", model.OperatorName(op)}});
  }
  ASSIGN_OR_RETURN(Shapes shapes, Infer({model, op}, *row, *rule), OperatorText(model, op));
  return shapes;
}

}  // namespace octavo
