#include "core/runtime/reference/kernel.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/status/statusor.h"
#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/operands.h"

namespace octavo {
namespace {

using reference::KernelOr;
using reference::Operands;

struct Row {
  schema::BuiltinOperator type;
  KernelOr (*build)(const Operands& operands);
};

// In the order of the operators' numbers.
constexpr Row kRows[] = {
    {schema::BuiltinOperator_ADD, reference::BuildAdd},
    {schema::BuiltinOperator_AVERAGE_POOL_2D, reference::BuildPool},
    {schema::BuiltinOperator_CONCATENATION, reference::BuildConcatenation},
    {schema::BuiltinOperator_CONV_2D, reference::BuildConv2D},
    {schema::BuiltinOperator_DEPTHWISE_CONV_2D, reference::BuildDepthwiseConv2D},
    {schema::BuiltinOperator_DEPTH_TO_SPACE, reference::BuildDepthToSpace},
    {schema::BuiltinOperator_DEQUANTIZE, reference::BuildDequantize},
    {schema::BuiltinOperator_FLOOR, reference::BuildUnary},
    {schema::BuiltinOperator_FULLY_CONNECTED, reference::BuildFullyConnected},
    {schema::BuiltinOperator_L2_NORMALIZATION, reference::BuildL2Normalization},
    {schema::BuiltinOperator_LOCAL_RESPONSE_NORMALIZATION,
     reference::BuildLocalResponseNormalization},
    {schema::BuiltinOperator_LOGISTIC, reference::BuildUnary},
    {schema::BuiltinOperator_LSTM, reference::BuildLstm},
    {schema::BuiltinOperator_MAX_POOL_2D, reference::BuildPool},
    {schema::BuiltinOperator_MUL, reference::BuildMul},
    {schema::BuiltinOperator_RELU, reference::BuildRelu},
    {schema::BuiltinOperator_RELU_N1_TO_1, reference::BuildRelu},
    {schema::BuiltinOperator_RELU6, reference::BuildRelu},
    {schema::BuiltinOperator_RESHAPE, reference::BuildReshape},
    {schema::BuiltinOperator_RESIZE_BILINEAR, reference::BuildResizeBilinear},
    {schema::BuiltinOperator_RNN, reference::BuildRnn},
    {schema::BuiltinOperator_SOFTMAX, reference::BuildSoftmax},
    {schema::BuiltinOperator_SPACE_TO_DEPTH, reference::BuildSpaceToDepth},
    {schema::BuiltinOperator_SVDF, reference::BuildSvdf},
    {schema::BuiltinOperator_TANH, reference::BuildUnary},
    {schema::BuiltinOperator_PAD, reference::BuildPad},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN, reference::BuildRnn},
    {schema::BuiltinOperator_GATHER, reference::BuildGather},
    {schema::BuiltinOperator_BATCH_TO_SPACE_ND, reference::BuildBatchToSpace},
    {schema::BuiltinOperator_SPACE_TO_BATCH_ND, reference::BuildSpaceToBatch},
    {schema::BuiltinOperator_TRANSPOSE, reference::BuildTranspose},
    {schema::BuiltinOperator_MEAN, reference::BuildReduce},
    {schema::BuiltinOperator_SUB, reference::BuildSub},
    {schema::BuiltinOperator_DIV, reference::BuildDiv},
    {schema::BuiltinOperator_SQUEEZE, reference::BuildReshape},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, reference::BuildLstm},
    {schema::BuiltinOperator_STRIDED_SLICE, reference::BuildStridedSlice},
    {schema::BuiltinOperator_EXP, reference::BuildUnary},
    {schema::BuiltinOperator_TOPK_V2, reference::BuildTopK},
    {schema::BuiltinOperator_SPLIT, reference::BuildSplit},
    {schema::BuiltinOperator_LOG_SOFTMAX, reference::BuildLogSoftmax},
    {schema::BuiltinOperator_CAST, reference::BuildCast},
    {schema::BuiltinOperator_PRELU, reference::BuildPrelu},
    {schema::BuiltinOperator_MAXIMUM, reference::BuildMaximum},
    {schema::BuiltinOperator_ARG_MAX, reference::BuildArgMinMax},
    {schema::BuiltinOperator_MINIMUM, reference::BuildMinimum},
    {schema::BuiltinOperator_LESS, reference::BuildComparison},
    {schema::BuiltinOperator_NEG, reference::BuildUnary},
    {schema::BuiltinOperator_PADV2, reference::BuildPad},
    {schema::BuiltinOperator_GREATER, reference::BuildComparison},
    {schema::BuiltinOperator_GREATER_EQUAL, reference::BuildComparison},
    {schema::BuiltinOperator_LESS_EQUAL, reference::BuildComparison},
    {schema::BuiltinOperator_SELECT, reference::BuildSelect},
    {schema::BuiltinOperator_SLICE, reference::BuildSlice},
    {schema::BuiltinOperator_SIN, reference::BuildUnary},
    {schema::BuiltinOperator_TRANSPOSE_CONV, reference::BuildTransposeConv},
    {schema::BuiltinOperator_TILE, reference::BuildTile},
    {schema::BuiltinOperator_EXPAND_DIMS, reference::BuildReshape},
    {schema::BuiltinOperator_EQUAL, reference::BuildComparison},
    {schema::BuiltinOperator_NOT_EQUAL, reference::BuildComparison},
    {schema::BuiltinOperator_LOG, reference::BuildUnary},
    {schema::BuiltinOperator_SUM, reference::BuildReduce},
    {schema::BuiltinOperator_SQRT, reference::BuildUnary},
    {schema::BuiltinOperator_RSQRT, reference::BuildUnary},
    {schema::BuiltinOperator_SHAPE, reference::BuildShape},
    {schema::BuiltinOperator_POW, reference::BuildPower},
    {schema::BuiltinOperator_ARG_MIN, reference::BuildArgMinMax},
    {schema::BuiltinOperator_FAKE_QUANT, reference::BuildFakeQuant},
    {schema::BuiltinOperator_REDUCE_PROD, reference::BuildReduce},
    {schema::BuiltinOperator_REDUCE_MAX, reference::BuildReduce},
    {schema::BuiltinOperator_PACK, reference::BuildPack},
    {schema::BuiltinOperator_LOGICAL_OR, reference::BuildLogicalPair},
    {schema::BuiltinOperator_LOGICAL_AND, reference::BuildLogicalPair},
    {schema::BuiltinOperator_LOGICAL_NOT, reference::BuildLogicalNot},
    {schema::BuiltinOperator_UNPACK, reference::BuildUnpack},
    {schema::BuiltinOperator_REDUCE_MIN, reference::BuildReduce},
    {schema::BuiltinOperator_FLOOR_DIV, reference::BuildFloorDivision},
    {schema::BuiltinOperator_SQUARE, reference::BuildUnary},
    {schema::BuiltinOperator_FILL, reference::BuildFill},
    {schema::BuiltinOperator_FLOOR_MOD, reference::BuildFloorDivision},
    {schema::BuiltinOperator_RESIZE_NEAREST_NEIGHBOR, reference::BuildResizeNearestNeighbor},
    {schema::BuiltinOperator_LEAKY_RELU, reference::BuildLeakyRelu},
    {schema::BuiltinOperator_SQUARED_DIFFERENCE, reference::BuildSquaredDifference},
    {schema::BuiltinOperator_MIRROR_PAD, reference::BuildMirrorPad},
    {schema::BuiltinOperator_ABS, reference::BuildUnary},
    {schema::BuiltinOperator_SPLIT_V, reference::BuildSplitV},
    {schema::BuiltinOperator_CEIL, reference::BuildUnary},
    {schema::BuiltinOperator_REVERSE_V2, reference::BuildReverse},
    {schema::BuiltinOperator_ADD_N, reference::BuildAddN},
    {schema::BuiltinOperator_GATHER_ND, reference::BuildGatherNd},
    {schema::BuiltinOperator_COS, reference::BuildUnary},
    {schema::BuiltinOperator_ELU, reference::BuildUnary},
    {schema::BuiltinOperator_QUANTIZE, reference::BuildQuantize},
    {schema::BuiltinOperator_ROUND, reference::BuildUnary},
    {schema::BuiltinOperator_HARD_SWISH, reference::BuildHardSwish},
    {schema::BuiltinOperator_SCATTER_ND, reference::BuildScatterNd},
    {schema::BuiltinOperator_SELECT_V2, reference::BuildSelect},
    {schema::BuiltinOperator_BATCH_MATMUL, reference::BuildBatchMatMul},
    {schema::BuiltinOperator_BROADCAST_TO, reference::BuildBroadcastTo},
    {schema::BuiltinOperator_GELU, reference::BuildUnary},
    {schema::BuiltinOperator_DYNAMIC_UPDATE_SLICE, reference::BuildDynamicUpdateSlice},
};

const Row* FindRow(schema::BuiltinOperator type) {
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& candidate) { return candidate.type == type; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

bool HasKernel(schema::BuiltinOperator type) { return FindRow(type) != nullptr; }

absl::StatusOr<std::unique_ptr<Kernel>> NewKernel(const Model& model, const schema::OperatorT& op) {
  ASSIGN_OR_RETURN(const Operands operands, Operands::Create(model, op));
  const Row* row = FindRow(operands.operator_type());
  if (row == nullptr) return operands.Unsupported("no kernel for this operator");
  return row->build(operands);
}

}  // namespace octavo
