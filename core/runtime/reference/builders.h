// The builders of the kernels, a function an operator or family; the table in kernel.cc names them.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_BUILDERS_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_BUILDERS_H_

#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// Each checks all that its kernel relies on. OP_UNSUPPORTED, as Operands says it.

KernelOr BuildConv2D(const Operands& operands);           // conv_2d.cc
KernelOr BuildDepthwiseConv2D(const Operands& operands);  // depthwise_conv_2d.cc
KernelOr BuildTransposeConv(const Operands& operands);    // transpose_conv.cc
KernelOr BuildFullyConnected(const Operands& operands);   // fully_connected.cc
KernelOr BuildBatchMatMul(const Operands& operands);      // batch_matmul.cc

KernelOr BuildLstm(const Operands& operands);  // lstm.cc: LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM
KernelOr BuildRnn(const Operands& operands);   // rnn.cc: RNN, UNIDIRECTIONAL_SEQUENCE_RNN
KernelOr BuildSvdf(const Operands& operands);  // svdf.cc

KernelOr BuildAdd(const Operands& operands);                // arithmetic.cc
KernelOr BuildSub(const Operands& operands);                // arithmetic.cc
KernelOr BuildMul(const Operands& operands);                // arithmetic.cc
KernelOr BuildDiv(const Operands& operands);                // arithmetic.cc
KernelOr BuildMaximum(const Operands& operands);            // arithmetic.cc
KernelOr BuildMinimum(const Operands& operands);            // arithmetic.cc
KernelOr BuildSquaredDifference(const Operands& operands);  // arithmetic.cc
KernelOr BuildComparison(const Operands& operands);         // comparison.cc
KernelOr BuildAddN(const Operands& operands);               // add_n.cc
KernelOr BuildFloorDivision(const Operands& operands);      // floor_division.cc: DIV, MOD
KernelOr BuildPower(const Operands& operands);              // power.cc
KernelOr BuildLogicalPair(const Operands& operands);        // logical.cc: AND, OR
KernelOr BuildLogicalNot(const Operands& operands);         // logical.cc
KernelOr BuildSelect(const Operands& operands);             // select.cc: SELECT, SELECT_V2

KernelOr BuildRelu(const Operands& operands);        // activation.cc: RELU, RELU6, RELU_N1_TO_1
KernelOr BuildLeakyRelu(const Operands& operands);   // activation.cc
KernelOr BuildPrelu(const Operands& operands);       // activation.cc
KernelOr BuildHardSwish(const Operands& operands);   // activation.cc
KernelOr BuildFakeQuant(const Operands& operands);   // fake_quant.cc
KernelOr BuildUnary(const Operands& operands);       // unary.cc: functions of one value
KernelOr BuildSoftmax(const Operands& operands);     // softmax.cc
KernelOr BuildLogSoftmax(const Operands& operands);  // softmax.cc
KernelOr BuildL2Normalization(const Operands& operands);  // l2_normalization.cc
KernelOr BuildLocalResponseNormalization(
    const Operands& operands);  // local_response_normalization.cc

KernelOr BuildPool(const Operands& operands);  // pool.cc: AVERAGE_POOL_2D, MAX_POOL_2D
KernelOr BuildReduce(
    const Operands& operands);  // reduce.cc: MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD
KernelOr BuildArgMinMax(const Operands& operands);  // arg_min_max.cc
KernelOr BuildTopK(const Operands& operands);       // top_k.cc

KernelOr BuildReshape(const Operands& operands);        // reshape.cc: RESHAPE, SQUEEZE, EXPAND_DIMS
KernelOr BuildShape(const Operands& operands);          // reshape.cc
KernelOr BuildTranspose(const Operands& operands);      // transpose.cc
KernelOr BuildSlice(const Operands& operands);          // slice.cc
KernelOr BuildStridedSlice(const Operands& operands);   // slice.cc
KernelOr BuildConcatenation(const Operands& operands);  // concatenation.cc
KernelOr BuildPack(const Operands& operands);           // concatenation.cc
KernelOr BuildSplit(const Operands& operands);          // split.cc
KernelOr BuildSplitV(const Operands& operands);         // split.cc
KernelOr BuildUnpack(const Operands& operands);         // split.cc
KernelOr BuildTile(const Operands& operands);           // tile.cc
KernelOr BuildBroadcastTo(const Operands& operands);    // tile.cc
KernelOr BuildPad(const Operands& operands);            // pad.cc: PAD, PADV2
KernelOr BuildMirrorPad(const Operands& operands);      // pad.cc
KernelOr BuildSpaceToDepth(const Operands& operands);   // space_depth.cc
KernelOr BuildDepthToSpace(const Operands& operands);   // space_depth.cc
KernelOr BuildSpaceToBatch(const Operands& operands);   // space_batch.cc
KernelOr BuildBatchToSpace(const Operands& operands);   // space_batch.cc
KernelOr BuildGather(const Operands& operands);         // gather.cc
KernelOr BuildGatherNd(const Operands& operands);       // gather_nd.cc
KernelOr BuildScatterNd(const Operands& operands);      // scatter_nd.cc
KernelOr BuildReverse(const Operands& operands);        // reverse.cc
KernelOr BuildFill(const Operands& operands);           // fill.cc
KernelOr BuildDynamicUpdateSlice(const Operands& operands);  // dynamic_update_slice.cc

KernelOr BuildResizeBilinear(const Operands& operands);         // resize.cc
KernelOr BuildResizeNearestNeighbor(const Operands& operands);  // resize.cc

KernelOr BuildQuantize(const Operands& operands);    // quantize.cc
KernelOr BuildDequantize(const Operands& operands);  // quantize.cc
KernelOr BuildCast(const Operands& operands);        // cast.cc

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_BUILDERS_H_
