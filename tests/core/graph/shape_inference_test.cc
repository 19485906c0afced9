#include "core/graph/shape_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <variant>

#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr auto kFloat = schema::TensorType_FLOAT32;
constexpr auto kInt32 = schema::TensorType_INT32;
constexpr auto kBool = schema::TensorType_BOOL;
constexpr int32_t kMost = std::numeric_limits<int32_t>::max();

// An activation, or the values of a constant.
struct Activation {
  Shape shape;
  schema::TensorType type = kFloat;
};
struct Ints {
  std::vector<int32_t> values;
  bool in_pairs = false;  // of shape [n, 2], as paddings are
};
struct Missing {};
using OpInput = std::variant<Activation, Ints, Missing>;

struct Case {
  const char* name;
  schema::BuiltinOperator type;
  std::vector<OpInput> inputs;
  std::function<void(schema::OperatorT& op)> set_options;
  Shapes expected;                            // none: an error
  std::string error{};                        // in its message
  std::vector<schema::TensorType> outputs{};  // FLOAT32 each where there are none
};

template <typename Options>
std::function<void(schema::OperatorT& op)> With(Options options) {
  return [options](schema::OperatorT& op) { op.builtin_options.Set(Options(options)); };
}
const std::function<void(schema::OperatorT& op)> kNoOptions = [](schema::OperatorT&) {};

template <typename Options>
Options Windowed(schema::Padding padding, int32_t stride) {
  Options options;
  options.padding = padding;
  options.stride_h = stride;
  options.stride_w = stride;
  return options;
}

schema::Conv2DOptionsT Conv(schema::Padding padding, int32_t stride, int32_t dilation = 1) {
  auto options = Windowed<schema::Conv2DOptionsT>(padding, stride);
  options.dilation_h_factor = dilation;
  options.dilation_w_factor = dilation;
  return options;
}

schema::DepthwiseConv2DOptionsT Depthwise(int32_t multiplier) {
  auto options = Windowed<schema::DepthwiseConv2DOptionsT>(schema::Padding_SAME, 2);
  options.depth_multiplier = multiplier;
  return options;
}

schema::Pool2DOptionsT Pool(schema::Padding padding, int32_t filter, int32_t stride) {
  auto options = Windowed<schema::Pool2DOptionsT>(padding, stride);
  options.filter_height = filter;
  options.filter_width = filter;
  return options;
}

schema::TransposeConvOptionsT TransposeConv(schema::Padding padding, int32_t stride) {
  return Windowed<schema::TransposeConvOptionsT>(padding, stride);
}

schema::FullyConnectedOptionsT Dense(bool keep_num_dims) {
  schema::FullyConnectedOptionsT options;
  options.keep_num_dims = keep_num_dims;
  return options;
}

schema::BatchMatMulOptionsT MatMul(bool adj_x, bool adj_y) {
  schema::BatchMatMulOptionsT options;
  options.adj_x = adj_x;
  options.adj_y = adj_y;
  return options;
}

template <typename Options>
Options OfAxis(int32_t axis) {
  Options options;
  options.axis = axis;
  return options;
}

template <typename Options>
Options OfBlock(int32_t block_size) {
  Options options;
  options.block_size = block_size;
  return options;
}

schema::ReducerOptionsT Reducer(bool keep_dims) {
  schema::ReducerOptionsT options;
  options.keep_dims = keep_dims;
  return options;
}

schema::ReshapeOptionsT NewShape(std::vector<int32_t> shape) {
  schema::ReshapeOptionsT options;
  options.new_shape = std::move(shape);
  return options;
}

schema::SqueezeOptionsT Squeeze(std::vector<int32_t> axes) {
  schema::SqueezeOptionsT options;
  options.squeeze_dims = std::move(axes);
  return options;
}

schema::PackOptionsT Pack(int32_t count, int32_t axis) {
  schema::PackOptionsT options;
  options.values_count = count;
  options.axis = axis;
  return options;
}

schema::UnpackOptionsT Unpack(int32_t count, int32_t axis) {
  schema::UnpackOptionsT options;
  options.num = count;
  options.axis = axis;
  return options;
}

template <typename Options>
Options Splits(int32_t count) {
  Options options;
  options.num_splits = count;
  return options;
}

schema::MirrorPadOptionsT Mirror(schema::MirrorPadMode mode) {
  schema::MirrorPadOptionsT options;
  options.mode = mode;
  return options;
}

schema::GatherOptionsT Gather(int32_t axis, int32_t batch_dims) {
  schema::GatherOptionsT options;
  options.axis = axis;
  options.batch_dims = batch_dims;
  return options;
}

schema::StridedSliceOptionsT RelativeEnds(int32_t begin_mask) {
  schema::StridedSliceOptionsT options;
  options.offset = true;
  options.begin_mask = begin_mask;
  return options;
}

constexpr auto kSame = schema::Padding_SAME;
constexpr auto kValid = schema::Padding_VALID;

Activation A(Shape shape, schema::TensorType type = kFloat) { return {std::move(shape), type}; }
Ints I(std::vector<int32_t> values) { return {std::move(values)}; }
Ints Pairs(std::vector<int32_t> values) { return {std::move(values), /*in_pairs=*/true}; }

#define OP(name) schema::BuiltinOperator_##name

const Case kCases[] = {
    {"Relu", OP(RELU), {A({1, 2, 3})}, kNoOptions, {{1, 2, 3}}},
    {"AddBroadcasts", OP(ADD), {A({2, 1, 4}), A({3, 1})}, With(schema::AddOptionsT()), {{2, 3, 4}}},
    {"AddScalar", OP(ADD), {A({}), A({3, 1})}, With(schema::AddOptionsT()), {{3, 1}}},
    {"AddDoesNotBroadcast",
     OP(ADD),
     {A({2}), A({3})},
     With(schema::AddOptionsT()),
     {},
     "ADD 'y0': the shapes do not broadcast: [2], [3]"},
    {"AddOfTwoTypes",
     OP(ADD),
     {A({2}), A({2}, kInt32)},
     With(schema::AddOptionsT()),
     {},
     "the element types do not go together: FLOAT32 INT32 -> FLOAT32"},
    {"AddToAnotherType",
     OP(ADD),
     {A({2}), A({2})},
     With(schema::AddOptionsT()),
     {},
     "element types",
     {kInt32}},
    {"LessIsBool", OP(LESS), {A({2}), A({1})}, kNoOptions, {{2}}, "", {kBool}},
    {"LessIsNoFloat", OP(LESS), {A({2}), A({1})}, kNoOptions, {}, "element types"},
    {"Prelu", OP(PRELU), {A({1, 4, 4, 3}), A({1, 1, 3})}, kNoOptions, {{1, 4, 4, 3}}},
    {"PreluGrows", OP(PRELU), {A({1, 3}), A({4, 1, 3})}, kNoOptions, {}, "the slopes are larger"},
    {"SelectV2", OP(SELECT_V2), {A({2, 1}, kBool), A({3}), A({})}, kNoOptions, {{2, 3}}},
    {"Softmax", OP(SOFTMAX), {A({1, 10})}, With(schema::SoftmaxOptionsT()), {{1, 10}}},
    {"AddN", OP(ADD_N), {A({2}), A({2}), A({2})}, kNoOptions, {{2}}},
    {"AddNDiffers", OP(ADD_N), {A({2}), A({1})}, kNoOptions, {}, "the inputs differ in shape"},
    {"Reverse", OP(REVERSE_V2), {A({2, 3}), I({-1})}, kNoOptions, {{2, 3}}},
    {"ReverseAxis", OP(REVERSE_V2), {A({2, 3}), I({2})}, kNoOptions, {}, "there is no axis 2"},

    {"MeanKeeps", OP(MEAN), {A({1, 7, 7, 64}), I({1, 2})}, With(Reducer(true)), {{1, 1, 1, 64}}},
    {"MeanDrops", OP(MEAN), {A({1, 7, 7, 64}), I({1, -2})}, With(Reducer(false)), {{1, 64}}},
    {"MeanTwiceTheSameAxis", OP(MEAN), {A({2, 3}), I({1, 1})}, With(Reducer(false)), {{2}}},
    {"MeanAxis", OP(MEAN), {A({1, 7}), I({-3})}, With(Reducer(false)), {}, "there is no axis -3"},
    {"ArgMax",
     OP(ARG_MAX),
     {A({1, 10}), I({-1})},
     With(schema::ArgMaxOptionsT()),
     {{1}},
     "",
     {kInt32}},
    {"ArgMaxIsNoFloat",
     OP(ARG_MAX),
     {A({1, 10}), I({-1})},
     With(schema::ArgMaxOptionsT()),
     {},
     "element types"},
    {"TopK", OP(TOPK_V2), {A({2, 10}), I({3})}, kNoOptions, {{2, 3}, {2, 3}}, "", {kFloat, kInt32}},
    {"TopKTooMany",
     OP(TOPK_V2),
     {A({2, 10}), I({11})},
     kNoOptions,
     {},
     "k is not within",
     {kFloat, kInt32}},

    {"ConvSame",
     OP(CONV_2D),
     {A({1, 5, 7, 3}), A({8, 3, 3, 3}), A({8})},
     With(Conv(kSame, 2)),
     {{1, 3, 4, 8}}},
    {"ConvValid",
     OP(CONV_2D),
     {A({2, 28, 28, 1}), A({12, 3, 3, 1}), A({12})},
     With(Conv(kValid, 1)),
     {{2, 26, 26, 12}}},
    {"ConvDilated",
     OP(CONV_2D),
     {A({1, 9, 9, 1}), A({1, 3, 3, 1}), Missing()},
     With(Conv(kValid, 1, 3)),
     {{1, 3, 3, 1}}},
    {"ConvGrouped",
     OP(CONV_2D),
     {A({1, 4, 4, 6}), A({4, 1, 1, 3}), A({4})},
     With(Conv(kSame, 1)),
     {{1, 4, 4, 4}}},
    {"ConvGroupsDoNotDivide",
     OP(CONV_2D),
     {A({1, 4, 4, 6}), A({5, 1, 1, 3}), A({5})},
     With(Conv(kSame, 1)),
     {},
     "differ in channels"},
    {"ConvChannels",
     OP(CONV_2D),
     {A({1, 4, 4, 4}), A({5, 1, 1, 3}), A({5})},
     With(Conv(kSame, 1)),
     {},
     "CONV_2D 'y0': input and weights differ in channels: [1, 4, 4, 4], [5, 1, 1, 3], [5]"},
    {"ConvBias",
     OP(CONV_2D),
     {A({1, 4, 4, 3}), A({5, 1, 1, 3}), A({4})},
     With(Conv(kSame, 1)),
     {},
     "the bias has not 5 values"},
    {"ConvWindowTooLarge",
     OP(CONV_2D),
     {A({1, 2, 2, 3}), A({5, 3, 3, 3}), A({5})},
     With(Conv(kValid, 1)),
     {},
     "the window is larger"},
    {"ConvStride0",
     OP(CONV_2D),
     {A({1, 2, 2, 3}), A({5, 1, 1, 3}), A({5})},
     With(Conv(kValid, 0)),
     {},
     "with stride 0"},
    {"ConvStrideHuge",
     OP(CONV_2D),
     {A({1, 2, 2, 3}), A({5, 1, 1, 3}), A({5})},
     With(Conv(kValid, kMost)),
     {},
     "with stride"},
    {"ConvRank",
     OP(CONV_2D),
     {A({2, 2, 3}), A({5, 1, 1, 3}), A({5})},
     With(Conv(kSame, 1)),
     {},
     "input 0 has not 4 axes"},
    {"ConvNoWeights",
     OP(CONV_2D),
     {A({1, 2, 2, 3}), A({0, 1, 1, 3}), Missing()},
     With(Conv(kSame, 1)),
     {},
     "input 1 is empty"},
    {"ConvNoChannels",
     OP(CONV_2D),
     {A({1, 2, 2, 3}), A({1, 1, 1, 0}), Missing()},
     With(Conv(kSame, 1)),
     {},
     "input 1 is empty"},
    {"Depthwise",
     OP(DEPTHWISE_CONV_2D),
     {A({1, 5, 5, 4}), A({1, 3, 3, 8}), A({8})},
     With(Depthwise(2)),
     {{1, 3, 3, 8}}},
    {"DepthwiseMultiplier",
     OP(DEPTHWISE_CONV_2D),
     {A({1, 5, 5, 4}), A({1, 3, 3, 8}), A({8})},
     With(Depthwise(3)),
     {},
     "depth multiplier of 3"},
    {"DepthwiseFirstAxis",
     OP(DEPTHWISE_CONV_2D),
     {A({1, 5, 5, 4}), A({2, 3, 3, 4}), A({4})},
     With(Depthwise(1)),
     {},
     "differ in channels"},
    {"TransposeConvSame",
     OP(TRANSPOSE_CONV),
     {I({1, 8, 8, 5}), A({5, 3, 3, 4}), A({1, 4, 4, 4})},
     With(TransposeConv(kSame, 2)),
     {{1, 8, 8, 5}}},
    {"TransposeConvValid",
     OP(TRANSPOSE_CONV),
     {I({1, 9, 9, 5}), A({5, 3, 3, 4}), A({1, 4, 4, 4}), A({5})},
     With(TransposeConv(kValid, 2)),
     {{1, 9, 9, 5}}},
    {"TransposeConvSize",
     OP(TRANSPOSE_CONV),
     {I({1, 10, 8, 5}), A({5, 3, 3, 4}), A({1, 4, 4, 4})},
     With(TransposeConv(kSame, 2)),
     {},
     "the output [1, 10, 8, 5] does not fit"},
    {"TransposeConvBatch",
     OP(TRANSPOSE_CONV),
     {I({2, 8, 8, 5}), A({5, 3, 3, 4}), A({1, 4, 4, 4})},
     With(TransposeConv(kSame, 2)),
     {},
     "does not fit"},
    {"TransposeConvNegative",
     OP(TRANSPOSE_CONV),
     {I({1, -8, 8, 5}), A({5, 3, 3, 4}), A({1, 4, 4, 4})},
     With(TransposeConv(kSame, 2)),
     {},
     "a dimension is -8"},
    {"Dense", OP(FULLY_CONNECTED), {A({2, 3, 4}), A({5, 6}), A({5})}, With(Dense(false)), {{4, 5}}},
    {"DenseKeepsDims",
     OP(FULLY_CONNECTED),
     {A({2, 3, 4}), A({5, 4}), Missing()},
     With(Dense(true)),
     {{2, 3, 5}}},
    {"DenseChannels",
     OP(FULLY_CONNECTED),
     {A({2, 7}), A({5, 6}), A({5})},
     With(Dense(false)),
     {},
     "differ in channels"},
    {"DenseKeepsChannels",
     OP(FULLY_CONNECTED),
     {A({2, 12}), A({5, 6}), A({5})},
     With(Dense(true)),
     {},
     "differ in channels"},
    {"DenseNoWeights",
     OP(FULLY_CONNECTED),
     {A({2, 7}), A({5, 0}), A({5})},
     With(Dense(false)),
     {},
     "input 1 is empty"},
    {"MatMul",
     OP(BATCH_MATMUL),
     {A({4, 1, 2, 3}), A({5, 3, 6})},
     With(MatMul(false, false)),
     {{4, 5, 2, 6}}},
    {"MatMulTransposed",
     OP(BATCH_MATMUL),
     {A({3, 2}), A({6, 3})},
     With(MatMul(true, true)),
     {{2, 6}}},
    {"MatMulDepth",
     OP(BATCH_MATMUL),
     {A({2, 3}), A({2, 3})},
     With(MatMul(false, false)),
     {},
     "do not multiply"},
    {"MatMulVector",
     OP(BATCH_MATMUL),
     {A({3}), A({3, 2})},
     With(MatMul(false, false)),
     {},
     "fewer than 2 axes"},
    {"MaxPool", OP(MAX_POOL_2D), {A({1, 26, 26, 12})}, With(Pool(kValid, 2, 2)), {{1, 13, 13, 12}}},
    {"MaxPoolFilter0",
     OP(MAX_POOL_2D),
     {A({1, 26, 26, 12})},
     With(Pool(kValid, 0, 2)),
     {},
     "a window of 0"},
    {"Resize",
     OP(RESIZE_BILINEAR),
     {A({1, 4, 4, 3}), I({8, 6})},
     With(schema::ResizeBilinearOptionsT()),
     {{1, 8, 6, 3}}},
    {"ResizeTo0",
     OP(RESIZE_BILINEAR),
     {A({1, 4, 4, 3}), I({8, 0})},
     With(schema::ResizeBilinearOptionsT()),
     {},
     "the size is [8, 0]"},
    {"ResizeToHuge",
     OP(RESIZE_BILINEAR),
     {A({1, 4, 4, 3}), I({kMost, kMost})},
     With(schema::ResizeBilinearOptionsT()),
     {},
     "the output would be"},
    {"SpaceToDepth",
     OP(SPACE_TO_DEPTH),
     {A({1, 4, 6, 3})},
     With(OfBlock<schema::SpaceToDepthOptionsT>(2)),
     {{1, 2, 3, 12}}},
    {"SpaceToDepthOdd",
     OP(SPACE_TO_DEPTH),
     {A({1, 4, 5, 3})},
     With(OfBlock<schema::SpaceToDepthOptionsT>(2)),
     {},
     "blocks of 2"},
    {"DepthToSpace",
     OP(DEPTH_TO_SPACE),
     {A({1, 2, 3, 12})},
     With(OfBlock<schema::DepthToSpaceOptionsT>(2)),
     {{1, 4, 6, 3}}},
    {"DepthToSpaceBlock0",
     OP(DEPTH_TO_SPACE),
     {A({1, 2, 3, 12})},
     With(OfBlock<schema::DepthToSpaceOptionsT>(0)),
     {},
     "the block size is 0"},
    {"SpaceToBatch",
     OP(SPACE_TO_BATCH_ND),
     {A({1, 4, 5, 2}), I({2, 3}), I({0, 0, 1, 0})},
     kNoOptions,
     {{6, 2, 2, 2}}},
    {"SpaceToBatchOdd",
     OP(SPACE_TO_BATCH_ND),
     {A({1, 4, 5, 2}), I({2, 2}), I({0, 0, 0, 0})},
     kNoOptions,
     {},
     "do not divide"},
    {"BatchToSpace",
     OP(BATCH_TO_SPACE_ND),
     {A({6, 2, 2, 2}), I({2, 3}), I({0, 0, 1, 0})},
     kNoOptions,
     {{1, 4, 5, 2}}},
    {"BatchToSpaceCrop",
     OP(BATCH_TO_SPACE_ND),
     {A({4, 1, 1, 2}), I({2, 2}), I({2, 2, 0, 0})},
     kNoOptions,
     {},
     "more is cropped"},

    {"Shape", OP(SHAPE), {A({1, 2, 3})}, With(schema::ShapeOptionsT()), {{3}}, "", {kInt32}},
    {"Reshape", OP(RESHAPE), {A({2, 6}), I({3, -1})}, kNoOptions, {{3, 4}}},
    {"ReshapeOption", OP(RESHAPE), {A({2, 6})}, With(NewShape({12})), {{12}}},
    {"ReshapeToScalar", OP(RESHAPE), {A({1, 1}), I({})}, kNoOptions, {{}}},
    {"ReshapeCount", OP(RESHAPE), {A({2, 6}), I({5, -1})}, kNoOptions, {}, "the new shape"},
    {"ReshapeTwiceOpen",
     OP(RESHAPE),
     {A({2, 6}), I({-1, -1})},
     kNoOptions,
     {},
     "a dimension is -1"},
    {"ReshapeNegative", OP(RESHAPE), {A({2, 6}), I({-2, -6})}, kNoOptions, {}, "a dimension is -2"},
    {"ReshapeOpenBeside0", OP(RESHAPE), {A({2, 6}), I({0, -1})}, kNoOptions, {}, "the new shape"},
    {"ReshapeTypes",
     OP(RESHAPE),
     {A({2, 6}), I({12})},
     kNoOptions,
     {},
     "element types",
     {schema::TensorType_INT8}},
    {"ReshapeWithoutShape", OP(RESHAPE), {A({2, 6})}, kNoOptions, {}, "there is no new shape"},
    {"Squeeze", OP(SQUEEZE), {A({1, 2, 1})}, With(Squeeze({})), {{2}}},
    {"SqueezeOne", OP(SQUEEZE), {A({1, 2, 1})}, With(Squeeze({-1})), {{1, 2}}},
    {"SqueezeLong",
     OP(SQUEEZE),
     {A({1, 2, 1})},
     With(Squeeze({1})),
     {},
     "axis 1 has not 1 element"},
    {"ExpandDims", OP(EXPAND_DIMS), {A({2, 3}), I({-1})}, kNoOptions, {{2, 3, 1}}},
    {"ExpandDimsAxis", OP(EXPAND_DIMS), {A({2, 3}), I({4})}, kNoOptions, {}, "there is no axis 4"},
    {"Transpose", OP(TRANSPOSE), {A({2, 3, 4}), I({2, 0, 1})}, kNoOptions, {{4, 2, 3}}},
    {"TransposeTwice",
     OP(TRANSPOSE),
     {A({2, 3, 4}), I({2, 2, 1})},
     kNoOptions,
     {},
     "axis 2 is taken twice"},
    {"TransposeShort", OP(TRANSPOSE), {A({2, 3, 4}), I({1, 0})}, kNoOptions, {}, "the permutation"},
    {"Concat",
     OP(CONCATENATION),
     {A({1, 2, 3}), A({1, 5, 3})},
     With(OfAxis<schema::ConcatenationOptionsT>(-2)),
     {{1, 7, 3}}},
    {"ConcatDiffers",
     OP(CONCATENATION),
     {A({1, 2, 3}), A({1, 5, 4})},
     With(OfAxis<schema::ConcatenationOptionsT>(1)),
     {},
     "differ in another axis"},
    {"ConcatRank",
     OP(CONCATENATION),
     {A({1, 2}), A({1, 2, 3})},
     With(OfAxis<schema::ConcatenationOptionsT>(1)),
     {},
     "differ in axes"},
    {"ConcatOverflow",
     OP(CONCATENATION),
     {A({kMost}), A({kMost})},
     With(OfAxis<schema::ConcatenationOptionsT>(0)),
     {},
     "a dimension would be"},
    {"Pack", OP(PACK), {A({2}), A({2}), A({2})}, With(Pack(3, 1)), {{2, 3}}},
    {"PackCount", OP(PACK), {A({2}), A({2})}, With(Pack(3, 0)), {}, "there are not 3 inputs"},
    {"Unpack", OP(UNPACK), {A({2, 3})}, With(Unpack(2, 0)), {{3}, {3}}, "", {kFloat, kFloat}},
    {"UnpackCount",
     OP(UNPACK),
     {A({3, 3})},
     With(Unpack(2, 0)),
     {},
     "does not unpack to 2",
     {kFloat, kFloat}},
    {"Split",
     OP(SPLIT),
     {I({-1}), A({1, 6})},
     With(Splits<schema::SplitOptionsT>(2)),
     {{1, 3}, {1, 3}},
     "",
     {kFloat, kFloat}},
    {"SplitOdd",
     OP(SPLIT),
     {I({1}), A({1, 5})},
     With(Splits<schema::SplitOptionsT>(2)),
     {},
     "does not split into 2",
     {kFloat, kFloat}},
    {"SplitV",
     OP(SPLIT_V),
     {A({1, 6}), I({-1, 2}), I({1})},
     With(Splits<schema::SplitVOptionsT>(2)),
     {{1, 4}, {1, 2}},
     "",
     {kFloat, kFloat}},
    {"SplitVSum",
     OP(SPLIT_V),
     {A({1, 6}), I({3, 2}), I({1})},
     With(Splits<schema::SplitVOptionsT>(2)),
     {},
     "do not fit axis 1",
     {kFloat, kFloat}},
    {"SplitVTwiceOpen",
     OP(SPLIT_V),
     {A({1, 6}), I({-1, -1}), I({1})},
     With(Splits<schema::SplitVOptionsT>(2)),
     {},
     "a size is -1",
     {kFloat, kFloat}},
    {"Pad", OP(PAD), {A({1, 4}), Pairs({0, 0, 1, 2})}, kNoOptions, {{1, 7}}},
    {"PadNegative", OP(PAD), {A({1, 4}), Pairs({0, 0, -1, 2})}, kNoOptions, {}, "a padding is -1"},
    {"PadAxes", OP(PAD), {A({1, 4}), Pairs({1, 2})}, kNoOptions, {}, "the paddings have not"},
    {"PadFlat", OP(PAD), {A({1, 4}), I({0, 0, 1, 2})}, kNoOptions, {}, "the paddings have not"},
    {"PadOverflow",
     OP(PAD),
     {A({1, 4}), Pairs({0, 0, kMost, kMost})},
     kNoOptions,
     {},
     "a dimension would be"},
    {"PadV2Value",
     OP(PADV2),
     {A({4}), Pairs({1, 2}), A({2})},
     kNoOptions,
     {},
     "not one value to pad with"},
    {"MirrorReflect",
     OP(MIRROR_PAD),
     {A({3}), Pairs({2, 2})},
     With(Mirror(schema::MirrorPadMode_REFLECT)),
     {{7}}},
    {"MirrorReflectTooFar",
     OP(MIRROR_PAD),
     {A({3}), Pairs({3, 0})},
     With(Mirror(schema::MirrorPadMode_REFLECT)),
     {},
     "more is mirrored"},
    {"MirrorSymmetric",
     OP(MIRROR_PAD),
     {A({3}), Pairs({3, 0})},
     With(Mirror(schema::MirrorPadMode_SYMMETRIC)),
     {{6}}},
    {"Slice", OP(SLICE), {A({3, 4}), I({1, 0}), I({-1, 2})}, kNoOptions, {{2, 2}}},
    {"SliceOutside",
     OP(SLICE),
     {A({3, 4}), I({1, 0}), I({3, 2})},
     kNoOptions,
     {},
     "no 3 elements from 1 on in axis 0"},
    {"SliceBefore", OP(SLICE), {A({3, 4}), I({-1, 0}), I({1, 2})}, kNoOptions, {}, "from -1 on"},
    {"StridedSliceStride0",
     OP(STRIDED_SLICE),
     {A({3}), I({0}), I({2}), I({0})},
     With(schema::StridedSliceOptionsT()),
     {},
     "a stride is 0"},
    {"StridedSliceLengths",
     OP(STRIDED_SLICE),
     {A({3}), I({0}), I({2, 2}), I({1})},
     With(schema::StridedSliceOptionsT()),
     {},
     "differ in length"},
    {"StridedSliceAxes",
     OP(STRIDED_SLICE),
     {A({3}), I({0, 0}), I({1, 1}), I({1, 1})},
     With(schema::StridedSliceOptionsT()),
     {},
     "more axes than"},
    {"StridedSliceOffset",
     OP(STRIDED_SLICE),
     {A({10, 10}), I({-3, 4}), I({2, 3}), I({1, 1})},
     With(RelativeEnds(/*begin_mask=*/0)),
     {{2, 3}}},
    {"StridedSliceOffsetFromTheStart",
     OP(STRIDED_SLICE),
     {A({10}), I({5}), I({4}), I({1})},
     With(RelativeEnds(/*begin_mask=*/1)),
     {{4}}},
    {"StridedSliceExtremes",
     OP(STRIDED_SLICE),
     {A({3}), I({-kMost - 1}), I({kMost}), I({kMost})},
     With(schema::StridedSliceOptionsT()),
     {{1}}},
    {"Gather", OP(GATHER), {A({5, 3}), I({4, 0})}, With(Gather(0, 0)), {{2, 3}}},
    {"GatherBatch", OP(GATHER), {A({2, 5, 3}), A({2, 4}, kInt32)}, With(Gather(1, 1)), {{2, 4, 3}}},
    {"GatherOutside",
     OP(GATHER),
     {A({5, 3}), I({5})},
     With(Gather(0, 0)),
     {},
     "there is no element 5"},
    {"GatherNegative",
     OP(GATHER),
     {A({5, 3}), I({-1})},
     With(Gather(0, 0)),
     {},
     "there is no element -1"},
    {"GatherFloatIndices",
     OP(GATHER),
     {A({5, 3}), A({2})},
     With(Gather(0, 0)),
     {},
     "indices of type FLOAT32"},
    {"GatherBatchDiffers",
     OP(GATHER),
     {A({2, 5}), A({3, 4}, kInt32)},
     With(Gather(1, 1)),
     {},
     "the first 1 axes differ"},
    {"GatherNd", OP(GATHER_ND), {A({4, 5, 6}), A({7, 2}, kInt32)}, kNoOptions, {{7, 6}}},
    {"GatherNdDepth",
     OP(GATHER_ND),
     {A({4}), A({7, 2}, kInt32)},
     kNoOptions,
     {},
     "the indices have not"},
    {"ScatterNd", OP(SCATTER_ND), {A({3, 1}, kInt32), A({3, 4}), I({8, 4})}, kNoOptions, {{8, 4}}},
    {"ScatterNdUpdates",
     OP(SCATTER_ND),
     {A({3, 1}, kInt32), A({3, 5}), I({8, 4})},
     kNoOptions,
     {},
     "the updates do not fit [8, 4]"},
    {"Tile", OP(TILE), {A({2, 3}), I({2, 1})}, kNoOptions, {{4, 3}}},
    {"TileOverflow", OP(TILE), {A({2, 3}), I({kMost, 1})}, kNoOptions, {}, "a dimension would be"},
    {"Fill", OP(FILL), {I({2, 3}), A({})}, kNoOptions, {{2, 3}}},
    {"FillValue", OP(FILL), {I({2, 3}), A({2})}, kNoOptions, {}, "not one value to fill with"},
    {"BroadcastTo", OP(BROADCAST_TO), {A({3, 1}), I({2, 3, 4})}, kNoOptions, {{2, 3, 4}}},
    {"BroadcastToSmaller",
     OP(BROADCAST_TO),
     {A({3, 2}), I({3, 1})},
     kNoOptions,
     {},
     "no broadcast to [3, 1]"},
    {"UpdateSlice",
     OP(DYNAMIC_UPDATE_SLICE),
     {A({4, 4}), A({2, 4}), A({2}, kInt32)},
     kNoOptions,
     {{4, 4}}},
    {"UpdateSliceLarger",
     OP(DYNAMIC_UPDATE_SLICE),
     {A({4, 4}), A({5, 4}), A({2}, kInt32)},
     kNoOptions,
     {},
     "larger than the input"},
    {"Dequantize", OP(DEQUANTIZE), {A({2}, schema::TensorType_INT8)}, kNoOptions, {{2}}},
    {"DequantizeToInt",
     OP(DEQUANTIZE),
     {A({2}, schema::TensorType_INT8)},
     kNoOptions,
     {},
     "element types",
     {kInt32}},
    {"Quantize", OP(QUANTIZE), {A({2})}, kNoOptions, {{2}}, "", {schema::TensorType_INT8}},
    {"TooManyAxes",
     OP(EXPAND_DIMS),
     {A({1, 1, 1, 1, 1, 1, 1, 1}), I({0})},
     kNoOptions,
     {},
     "the output would be"},
};

#undef OP

TensorIndex AddInts(ModelBuilder& builder, const Ints& ints) {
  if (!ints.in_pairs) return builder.Ints("c", ints.values);
  const auto count = static_cast<int32_t>(ints.values.size() / 2);
  return builder.Constant("c", {count, 2}, kInt32, ints.values);
}

TensorIndex AddInput(ModelBuilder& builder, const OpInput& input) {
  if (const auto* activation = std::get_if<Activation>(&input)) {
    return builder.Input("x", activation->shape, activation->type);
  }
  if (const auto* ints = std::get_if<Ints>(&input)) return AddInts(builder, *ints);
  return kNoTensor;
}

class ShapeCase : public ::testing::TestWithParam<Case> {};

TEST_P(ShapeCase, HasTheShapesOrTheError) {
  const Case& c = GetParam();
  ModelBuilder builder;
  std::vector<TensorIndex> inputs;
  for (const OpInput& input : c.inputs) inputs.push_back(AddInput(builder, input));
  std::vector<TensorIndex> outputs;
  const std::vector<schema::TensorType> types =
      c.outputs.empty() ? std::vector<schema::TensorType>{kFloat} : c.outputs;
  for (const schema::TensorType type : types) {
    outputs.push_back(builder.Tensor("y" + std::to_string(outputs.size()), {}, type));
  }
  c.set_options(builder.Op(c.type, inputs, outputs));
  const Model model = builder.Build();
  const auto shapes = InferShapes(model, *model.graph().operators[0]);
  if (!c.expected.empty()) {
    ASSERT_THAT(shapes, IsOkAndHolds(ElementsAreArray(c.expected)));
  } else {
    EXPECT_THAT(shapes, AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.error)),
                              HasReason("MODEL_MALFORMED")));
  }
}

INSTANTIATE_TEST_SUITE_P(InferShapes, ShapeCase, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(InferShapes, RefusesAnOperatorWithoutARow) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2});
  builder.Op(schema::BuiltinOperator_CUMSUM, {x}, {builder.Tensor("y", {2})});
  const Model model = builder.Build();
  EXPECT_THAT(InferShapes(model, *model.graph().operators[0]),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("CUMSUM 'y'")),
                    HasReason("OP_UNSUPPORTED")));
}

}  // namespace
}  // namespace octavo
