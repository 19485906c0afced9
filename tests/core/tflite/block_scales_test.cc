#include "core/tflite/block_scales.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;

// Weights of [2, depth] and what says how they are quantized.
struct Blocks {
  int32_t depth = 64;
  int32_t block_size = 32;
  int32_t zero_points = -1;
  std::vector<_Float16> scales = {1, 2, 3, 4};
  schema::TensorType type = schema::TensorType_FLOAT16;
};

std::optional<BlockScales> Read(const Blocks& blocks) {
  ModelBuilder builder;
  const TensorIndex weights = builder.Tensor("w", {2, blocks.depth}, schema::TensorType_INT4);
  const TensorIndex scales = builder.Constant<_Float16>(
      "s", {static_cast<int32_t>(blocks.scales.size())}, blocks.type, blocks.scales);
  schema::BlockwiseQuantizationT details;
  details.scales = static_cast<int32_t>(scales);
  details.zero_points = blocks.zero_points;
  details.block_size = blocks.block_size;
  auto params = std::make_unique<schema::QuantizationParametersT>();
  params->details.Set(std::move(details));
  builder.model().tensor(weights).quantization = std::move(params);
  return ReadBlockScales(builder.Build(), weights);
}

TEST(ReadBlockScales, GivesOneABlock) {
  const auto scales = Read({});
  ASSERT_TRUE(scales.has_value());
  EXPECT_EQ(scales->block_size, 32);
  EXPECT_THAT(scales->scales, ElementsAre(1, 2, 3, 4));
}

TEST(ReadBlockScales, GivesNoneThatDoNotFit) {
  EXPECT_FALSE(Read({.depth = 48}).has_value());
  EXPECT_FALSE(Read({.block_size = 0}).has_value());
  EXPECT_FALSE(Read({.block_size = 64}).has_value());
  EXPECT_FALSE(Read({.zero_points = 1}).has_value());
  EXPECT_FALSE(Read({.scales = {1, 2, 3}}).has_value());
  EXPECT_FALSE(Read({.type = schema::TensorType_INT16}).has_value());
}

TEST(ReadBlockScales, GivesNoneOfBlocksWhoseSumsWouldOverflow) {
  EXPECT_TRUE(Read({.depth = 1 << 17, .block_size = 1 << 16}).has_value());
  EXPECT_FALSE(Read({.depth = 1 << 18, .block_size = 1 << 17}).has_value());
}

TEST(ReadBlockScales, GivesNoneThatAreNoScales) {
  for (const float wrong : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_FALSE(Read({.scales = {1, 2, 3, static_cast<_Float16>(wrong)}}).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace octavo
