#include "core/graph/constant_folding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "core/graph/shape_inference.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// What the only operator of `builder` folds to.
template <typename T>
std::vector<T> Fold(const ModelBuilder& builder) {
  const Model model = builder.Build();
  const schema::OperatorT& op = *model.graph().operators[0];
  const auto shapes = InferShapes(model, op);
  EXPECT_THAT(shapes, IsOk());
  if (!shapes.ok()) return {};
  const auto folded = FoldOperator(model, op, (*shapes)[0]);
  EXPECT_THAT(folded, IsOk());
  EXPECT_TRUE(folded.ok() && folded->has_value());
  if (!folded.ok() || !folded->has_value()) return {};
  const auto bytes = (*folded)->get();
  EXPECT_EQ(static_cast<int64_t>(bytes.size()),
            NumElements((*shapes)[0]).value() * int64_t{sizeof(T)});
  const auto* first = reinterpret_cast<const T*>(bytes.data());
  return std::vector<T>(first, first + bytes.size() / sizeof(T));
}

bool Folds(const ModelBuilder& builder) {
  const Model model = builder.Build();
  const schema::OperatorT& op = *model.graph().operators[0];
  const auto shapes = InferShapes(model, op);
  EXPECT_THAT(shapes, IsOk());
  return shapes.ok() && FoldOperator(model, op, (*shapes)[0])->has_value();
}

constexpr auto kInt32 = schema::TensorType_INT32;
constexpr auto kInt64 = schema::TensorType_INT64;

TEST(FoldOperator, TakesShapesFromTheTensor) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {3, 5, 7}, schema::TensorType_INT8);
  builder.Op(schema::BuiltinOperator_SHAPE, {x}, {builder.Tensor("y", {3}, kInt32)},
             schema::ShapeOptionsT());
  EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(3, 5, 7));
  ModelBuilder wide;
  const TensorIndex z = wide.Input("z", {4});
  wide.Op(schema::BuiltinOperator_SHAPE, {z}, {wide.Tensor("y", {1}, kInt64)},
          schema::ShapeOptionsT());
  EXPECT_THAT(Fold<int64_t>(wide), ElementsAre(4));
}

struct SliceCase {
  std::vector<int32_t> begin, end, strides;
  int32_t begin_mask = 0, end_mask = 0, ellipsis_mask = 0, new_axis_mask = 0, shrink_axis_mask = 0;
  std::vector<int32_t> expected;  // of numpy's arange(24).reshape(2, 3, 4), sliced
  Shape shape;
};

TEST(FoldOperator, SlicesAsNumpyDoes) {
  const SliceCase cases[] = {
      // a[0:1, 1:3, 0:4:2]
      {.begin = {0, 1, 0},
       .end = {1, 3, 4},
       .strides = {1, 1, 2},
       .expected = {4, 6, 8, 10},
       .shape = {1, 2, 2}},
      // a[::-1, 2, -3:-1]
      {.begin = {0, 2, -3},
       .end = {0, 3, -1},
       .strides = {-1, 1, 1},
       .begin_mask = 1,
       .end_mask = 1,
       .shrink_axis_mask = 2,
       .expected = {21, 22, 9, 10},
       .shape = {2, 2}},
      // a[..., 3]
      {.begin = {0, 3},
       .end = {0, 4},
       .strides = {1, 1},
       .ellipsis_mask = 1,
       .shrink_axis_mask = 2,
       .expected = {3, 7, 11, 15, 19, 23},
       .shape = {2, 3}},
      // a[1, newaxis, 0]
      {.begin = {1, 0, 0},
       .end = {2, 0, 1},
       .strides = {1, 1, 1},
       .new_axis_mask = 2,
       .shrink_axis_mask = 5,
       .expected = {12, 13, 14, 15},
       .shape = {1, 4}},
      // a[-1, 5:0:-2, 10:-10:-3]
      {.begin = {-1, 5, 10},
       .end = {0, 0, -10},
       .strides = {1, -2, -3},
       .shrink_axis_mask = 1,
       .expected = {23, 20},
       .shape = {1, 2}},
      // a[1:2]
      {.begin = {1},
       .end = {2},
       .strides = {1},
       .expected = {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23},
       .shape = {1, 3, 4}},
  };
  std::vector<int32_t> values(24);
  for (int i = 0; i < 24; ++i) values[i] = i;
  for (const SliceCase& c : cases) {
    ModelBuilder builder;
    const TensorIndex x = builder.Constant<int32_t>("x", {2, 3, 4}, kInt32, values);
    schema::StridedSliceOptionsT options;
    options.begin_mask = c.begin_mask;
    options.end_mask = c.end_mask;
    options.ellipsis_mask = c.ellipsis_mask;
    options.new_axis_mask = c.new_axis_mask;
    options.shrink_axis_mask = c.shrink_axis_mask;
    builder.Op(schema::BuiltinOperator_STRIDED_SLICE,
               {x, builder.Ints("begin", c.begin), builder.Ints("end", c.end),
                builder.Ints("strides", c.strides)},
               {builder.Tensor("y", {}, kInt32)}, options);
    const Model model = builder.Build();
    EXPECT_THAT(InferShapes(model, *model.graph().operators[0]),
                IsOkAndHolds(ElementsAre(c.shape)));
    EXPECT_THAT(Fold<int32_t>(builder), ElementsAreArray(c.expected));
  }
}

TEST(FoldOperator, CopiesSlices) {
  ModelBuilder builder;
  const TensorIndex x = builder.Constant<int64_t>("x", {2, 3}, kInt64, {1, 2, 3, 4, 5, 6});
  builder.Op(schema::BuiltinOperator_SLICE,
             {x, builder.Ints("begin", {0, 1}), builder.Ints("size", {-1, 2})},
             {builder.Tensor("y", {}, kInt64)});
  EXPECT_THAT(Fold<int64_t>(builder), ElementsAre(2, 3, 5, 6));
}

TEST(FoldOperator, TransposesAnyElementSize) {
  ModelBuilder builder;
  const TensorIndex x =
      builder.Constant<uint8_t>("x", {2, 1, 3}, schema::TensorType_UINT8, {1, 2, 3, 4, 5, 6});
  builder.Op(schema::BuiltinOperator_TRANSPOSE, {x, builder.Ints("permutation", {2, 0, 1})},
             {builder.Tensor("y", {}, schema::TensorType_UINT8)});
  EXPECT_THAT(Fold<uint8_t>(builder), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(FoldOperator, JoinsAlongAnyAxis) {
  for (const int axis : {0, 1, -1}) {
    ModelBuilder builder;
    const TensorIndex a = builder.Constant<int32_t>("a", {2, 2}, kInt32, {1, 2, 3, 4});
    const TensorIndex b = builder.Constant<int32_t>("b", {2, 2}, kInt32, {5, 6, 7, 8});
    schema::ConcatenationOptionsT options;
    options.axis = axis;
    builder.Op(schema::BuiltinOperator_CONCATENATION, {a, b}, {builder.Tensor("y", {}, kInt32)},
               options);
    if (axis == 0) {
      EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
    } else {
      EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(1, 2, 5, 6, 3, 4, 7, 8));
    }
  }
  ModelBuilder builder;
  const TensorIndex a = builder.Constant<int32_t>("a", {2}, kInt32, {1, 2});
  const TensorIndex b = builder.Constant<int32_t>("b", {2}, kInt32, {3, 4});
  schema::PackOptionsT options;
  options.values_count = 2;
  options.axis = 1;
  builder.Op(schema::BuiltinOperator_PACK, {a, b}, {builder.Tensor("y", {}, kInt32)}, options);
  EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(1, 3, 2, 4));
}

TEST(FoldOperator, GathersAlongAnAxis) {
  ModelBuilder builder;
  const TensorIndex x = builder.Constant<int32_t>("x", {2, 3}, kInt32, {1, 2, 3, 4, 5, 6});
  schema::GatherOptionsT options;
  options.axis = 1;
  builder.Op(schema::BuiltinOperator_GATHER, {x, builder.Ints("indices", {2, 0, 2})},
             {builder.Tensor("y", {}, kInt32)}, options);
  EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(3, 1, 3, 6, 4, 6));
}

TEST(FoldOperator, FillsAShape) {
  ModelBuilder builder;
  const TensorIndex value =
      builder.Constant<float>("value", {}, schema::TensorType_FLOAT32, {2.5f});
  builder.Op(schema::BuiltinOperator_FILL, {builder.Ints("shape", {2, 2}), value},
             {builder.Tensor("y", {})});
  EXPECT_THAT(Fold<float>(builder), ElementsAre(2.5f, 2.5f, 2.5f, 2.5f));
}

std::vector<int32_t> FoldBinary(schema::BuiltinOperator type, std::vector<int32_t> a,
                                std::vector<int32_t> b) {
  ModelBuilder builder;
  const TensorIndex x = builder.Ints("a", a);
  const TensorIndex y = builder.Ints("b", b);
  schema::OperatorT& op = builder.Op(type, {x, y}, {builder.Tensor("y", {}, kInt32)});
  if (type == schema::BuiltinOperator_ADD) op.builtin_options.Set(schema::AddOptionsT());
  return Fold<int32_t>(builder);
}

TEST(FoldOperator, ComputesWithIntegersAndBroadcasts) {
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_ADD, {1, 2, 3}, {10}), ElementsAre(11, 12, 13));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_SUB, {1}, {3, 4}), ElementsAre(-2, -3));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_MUL, {3}, {-4}), ElementsAre(-12));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_MAXIMUM, {3, 9}, {5}), ElementsAre(5, 9));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_MINIMUM, {3, 9}, {5}), ElementsAre(3, 5));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_DIV, {-7, 7}, {2}), ElementsAre(-3, 3));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_FLOOR_DIV, {-7, 7, -8}, {2}),
              ElementsAre(-4, 3, -4));
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_FLOOR_MOD, {-7, 7, 8}, {3}), ElementsAre(2, 1, 2));
  // Overflow wraps.
  EXPECT_THAT(FoldBinary(schema::BuiltinOperator_ADD, {std::numeric_limits<int32_t>::max()}, {1}),
              ElementsAre(std::numeric_limits<int32_t>::min()));
}

TEST(FoldOperator, LeavesDivisionByZeroToTheKernel) {
  ModelBuilder builder;
  const TensorIndex a = builder.Ints("a", {1});
  const TensorIndex b = builder.Ints("b", {0});
  builder.Op(schema::BuiltinOperator_FLOOR_DIV, {a, b}, {builder.Tensor("y", {}, kInt32)});
  EXPECT_FALSE(Folds(builder));
}

TEST(FoldOperator, MultipliesAShapeTogether) {
  ModelBuilder builder;
  const TensorIndex x = builder.Ints("x", {2, 3, 7});
  builder.Op(schema::BuiltinOperator_REDUCE_PROD, {x, builder.Ints("axis", {0})},
             {builder.Tensor("y", {}, kInt32)}, schema::ReducerOptionsT());
  EXPECT_THAT(Fold<int32_t>(builder), ElementsAre(42));
}

TEST(FoldOperator, CastsShapes) {
  ModelBuilder builder;
  builder.Op(schema::BuiltinOperator_CAST, {builder.Ints("x", {2, -3})},
             {builder.Tensor("y", {2})});
  EXPECT_THAT(Fold<float>(builder), ElementsAre(2.0f, -3.0f));
  ModelBuilder back;
  back.Op(schema::BuiltinOperator_CAST, {back.Floats("x", {2}, {2.9f, -2.9f})},
          {back.Tensor("y", {2}, kInt64)});
  EXPECT_THAT(Fold<int64_t>(back), ElementsAre(2, -2));
  ModelBuilder wild;
  wild.Op(schema::BuiltinOperator_CAST, {wild.Floats("x", {1}, {std::nanf("")})},
          {wild.Tensor("y", {1}, kInt32)});
  EXPECT_FALSE(Folds(wild));
}

TEST(FoldOperator, DequantizesPerChannel) {
  ModelBuilder builder;
  const TensorIndex x =
      builder.Constant<int8_t>("x", {2, 2, 2}, schema::TensorType_INT8, {1, 2, 3, 4, 5, 6, 7, -8});
  auto& quantization = builder.model().tensor(x).quantization;
  quantization = std::make_unique<schema::QuantizationParametersT>();
  quantization->scale = {0.5f, 2};
  quantization->zero_point = {0, 1};
  quantization->quantized_dimension = 1;
  builder.Op(schema::BuiltinOperator_DEQUANTIZE, {x}, {builder.Tensor("y", {2, 2, 2})});
  EXPECT_THAT(Fold<float>(builder), ElementsAre(0.5f, 1.0f, 4.0f, 6.0f, 2.5f, 3.0f, 12.0f, -18.0f));
}

// The file's shape, by which its scales were checked, may be another than the inferred one.
TEST(FoldOperator, LeavesScalesThatDoNotFitTheShape) {
  for (const int32_t axis : {0, 3}) {
    ModelBuilder builder;
    const TensorIndex x =
        builder.Constant<int8_t>("x", {2, 2}, schema::TensorType_INT8, {1, 2, 3, 4});
    auto& quantization = builder.model().tensor(x).quantization;
    quantization = std::make_unique<schema::QuantizationParametersT>();
    quantization->scale = {0.5f, 2, 1, 1};
    quantization->quantized_dimension = axis;
    builder.Op(schema::BuiltinOperator_DEQUANTIZE, {x}, {builder.Tensor("y", {2, 2})});
    EXPECT_FALSE(Folds(builder));
  }
}

TEST(FoldOperator, DequantizesFourBits) {
  ModelBuilder builder;
  const TensorIndex x = builder.Constant<uint8_t>("x", {3}, schema::TensorType_INT4, {0x8f, 0x07});
  auto& quantization = builder.model().tensor(x).quantization;
  quantization = std::make_unique<schema::QuantizationParametersT>();
  quantization->scale = {2};
  builder.Op(schema::BuiltinOperator_DEQUANTIZE, {x}, {builder.Tensor("y", {3})});
  EXPECT_THAT(Fold<float>(builder), ElementsAre(-2.0f, -16.0f, 14.0f));
}

TEST(FoldOperator, LeavesActivationsAlone) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {2}, kInt32);
  builder.Op(schema::BuiltinOperator_ADD, {x, builder.Ints("c", {1, 2})},
             {builder.Tensor("y", {2}, kInt32)}, schema::AddOptionsT());
  EXPECT_FALSE(Folds(builder));
}

// Every one of the 65,536 against the definition of the format.
TEST(WidenFloat16, IsExactForEveryNumber) {
  std::vector<uint16_t> all(65536);
  for (int i = 0; i < 65536; ++i) all[i] = static_cast<uint16_t>(i);
  const SharedBytes wide = WidenFloat16(all);
  const auto* values = reinterpret_cast<const float*>(wide.get().data());
  for (int i = 0; i < 65536; ++i) {
    const int exponent = i >> 10 & 31;
    const int mantissa = i & 1023;
    const double sign = i < 32768 ? 1 : -1;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(values[i]), mantissa != 0) << i;
      EXPECT_EQ(std::isinf(values[i]), mantissa == 0) << i;
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      EXPECT_EQ(values[i], sign * magnitude) << i;
    }
    EXPECT_EQ(std::signbit(values[i]), i >= 32768) << i;
  }
}

}  // namespace
}  // namespace octavo
