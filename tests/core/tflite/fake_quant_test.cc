#include "core/tflite/fake_quant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

schema::FakeQuantOptionsT Options(float min, float max, int num_bits = 8, bool narrow = false) {
  schema::FakeQuantOptionsT options;
  options.min = min;
  options.max = max;
  options.num_bits = num_bits;
  options.narrow_range = narrow;
  return options;
}

TEST(FakeQuant, MovesTheRangeUntilZeroIsACode) {
  const FakeQuantCodes codes = CodesOf(Options(-1, 2));
  EXPECT_FLOAT_EQ(codes.scale, 3.0f / 255);
  EXPECT_EQ(codes.zero_point, 85);
  // 0.1 * 255 / 1.1 = 23.18
  EXPECT_EQ(CodesOf(Options(-0.1f, 1)).zero_point, 23);
  EXPECT_FLOAT_EQ(CodesOf(Options(-0.1f, 1)).min(), -23 * 1.1f / 255);
  // A range that lies off zero goes there, as wide as it was.
  EXPECT_EQ(CodesOf(Options(1, 3)).zero_point, 0);
  EXPECT_FLOAT_EQ(CodesOf(Options(1, 3)).max(), 2);
  EXPECT_EQ(CodesOf(Options(-3, -1)).zero_point, 255);
}

TEST(FakeQuant, LeavesANarrowRangeOneCodeLess) {
  const FakeQuantCodes codes = CodesOf(Options(-0.5f, 0.5f, 8, /*narrow=*/true));
  EXPECT_FLOAT_EQ(codes.scale, 0.5f / 127);
  EXPECT_EQ(codes.zero_point, 128);
  EXPECT_FLOAT_EQ(codes.min(), -0.5f);
  EXPECT_FLOAT_EQ(codes.max(), 0.5f);
}

TEST(FakeQuant, RoundsToTheNearestCodeAndClips) {
  const FakeQuantCodes codes = CodesOf(Options(-1, 0.5f, 2));  // steps of 0.5
  EXPECT_EQ(codes.Round(0.2f), 0.0f);
  EXPECT_EQ(codes.Round(0.25f), 0.5f);
  EXPECT_EQ(codes.Round(-0.25f), 0.0f);
  EXPECT_EQ(codes.Round(7), 0.5f);
  EXPECT_EQ(codes.Round(-7), -1.0f);
  for (const int bits : {2, 5, 8, 16}) EXPECT_EQ(CodesOf(Options(-0.3f, 1.7f, bits)).Round(0), 0);
}

TEST(FakeQuant, RefusesRangesThatAreNone) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(CheckFakeQuant(Options(-1, 1, 2)), IsOk());
  EXPECT_THAT(CheckFakeQuant(Options(-1, 1, 16)), IsOk());
  for (const auto& options : {Options(1, 1), Options(2, 1), Options(std::nanf(""), 1),
                              Options(0, std::nanf("")), Options(0, kInfinity),
                              Options(-kInfinity, 0), Options(-3e38f, 3e38f), Options(0, 1e-40f)}) {
    EXPECT_THAT(CheckFakeQuant(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the range is [")));
  }
  for (const int bits : {-1, 0, 1, 17, 32}) {
    EXPECT_THAT(CheckFakeQuant(Options(-1, 1, bits)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the number of bits is")));
  }
}

TEST(FakeQuant, IsRefusedByNameWhenAModelIsRead) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  const TensorIndex y = builder.Tensor("y", {1, 2});
  builder.Op(schema::BuiltinOperator_FAKE_QUANT, {x}, {y}, Options(1, std::nanf("")));
  builder.Output(y);
  const auto file = WriteModel(builder.Build());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(ReadModel(ToFile(*file)),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument,
                             HasSubstr("operator 0 (FAKE_QUANT) of tensor 1 'y': the range is")),
                    HasReason("MODEL_MALFORMED")));
}

}  // namespace
}  // namespace octavo
