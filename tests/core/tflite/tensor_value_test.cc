#include "core/tflite/tensor_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

constexpr int32_t kMost = std::numeric_limits<int32_t>::max();

TEST(NumElements, IsTheProduct) {
  EXPECT_THAT(NumElements(Shape{}), Optional(1));
  EXPECT_THAT(NumElements(Shape{2, 3, 5}), Optional(30));
  EXPECT_THAT(NumElements(Shape{kMost, kMost}), Optional(int64_t{kMost} * kMost));
}

TEST(NumElements, IsZeroWithAnEmptyAxis) {
  EXPECT_THAT(NumElements(Shape{0, 7}), Optional(0));
  EXPECT_THAT(NumElements(Shape{7, 0}), Optional(0));
}

TEST(NumElements, IsNothingForNegativeOrHugeShapes) {
  EXPECT_THAT(NumElements(Shape{2, -1}), Eq(std::nullopt));
  EXPECT_THAT(NumElements(Shape{0, -1}), Eq(std::nullopt));
  EXPECT_THAT(NumElements(Shape{kMost, kMost, kMost}), Eq(std::nullopt));
  EXPECT_THAT(NumElements(Shape{kMost, kMost, kMost, 0}), Eq(std::nullopt));
}

TEST(TensorBytes, RoundsPackedTypesUp) {
  EXPECT_THAT(TensorBytes(schema::TensorType_INT4, Shape{3}), Optional(2));
  EXPECT_THAT(TensorBytes(schema::TensorType_INT2, Shape{5}), Optional(2));
  EXPECT_THAT(TensorBytes(schema::TensorType_FLOAT32, Shape{3, 2}), Optional(24));
  EXPECT_THAT(TensorBytes(schema::TensorType_COMPLEX128, Shape{}), Optional(16));
}

TEST(TensorBytes, IsNothingWithoutAFixedSizeOrPastTheLimit) {
  EXPECT_THAT(TensorBytes(schema::TensorType_STRING, Shape{1}), Eq(std::nullopt));
  EXPECT_THAT(TensorBytes(schema::TensorType_FLOAT64, Shape{kMost, kMost}), Eq(std::nullopt));
}

TEST(ElementBits, IsKnownForEveryTypeOfFixedSize) {
  for (const schema::TensorType type : schema::EnumValuesTensorType()) {
    const bool has_no_size = type == schema::TensorType_STRING ||
                             type == schema::TensorType_RESOURCE ||
                             type == schema::TensorType_VARIANT;
    EXPECT_EQ(ElementBits(type) == 0, has_no_size) << TypeName(type);
  }
}

TEST(TypeName, SaysUnknownForOthers) {
  EXPECT_EQ(TypeName(schema::TensorType_FLOAT8_E5M2), "FLOAT8_E5M2");
  EXPECT_EQ(TypeName(static_cast<schema::TensorType>(99)), "UNKNOWN");
  EXPECT_EQ(ShapeText(Shape{1, 28, 28}), "[1, 28, 28]");
}

TEST(TensorValue, IsSeenThroughItsView) {
  TensorValue value{.type = schema::TensorType_INT16, .shape = {2}, .bytes = {1, 0, 255, 255}};
  EXPECT_THAT(value.values<int16_t>(), ElementsAre(1, -1));
  value.mutable_values<int16_t>()[0] = 7;
  EXPECT_THAT(value.view().values<int16_t>(), ElementsAre(7, -1));
}

}  // namespace
}  // namespace octavo
