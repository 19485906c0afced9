#include "core/data/preprocess.h"

#include <cmath>
#include <random>

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

v1::Preprocess Steps(const std::string& text) {
  v1::Preprocess steps;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &steps)) << text;
  return steps;
}

PreprocessPlan Plan(const std::string& text, std::vector<Dims> arrays) {
  const auto plan = PlanPreprocess(Steps(text), arrays);
  EXPECT_THAT(plan, IsOk()) << text;
  return plan.ok() ? *plan : PreprocessPlan{};
}

std::vector<float> Counted(size_t size) {
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i);
  return values;
}

TEST(Preprocess, PassesAnyShapeThroughWithoutSteps) {
  for (const Dims& dims : {Dims{}, Dims{5}, Dims{2, 3}, Dims{2, 3, 4}, Dims{1, 2, 3, 4}}) {
    const PreprocessPlan plan = Plan("", {dims});
    EXPECT_EQ(plan.shape, dims);
    EXPECT_FALSE(NeedsFloat(plan));
    EXPECT_EQ(ApplyPreprocess(plan, {Counted(24)}), Counted(24));
  }
}

TEST(Preprocess, ScalesAndShiftsEachChannel) {
  const PreprocessPlan plan = Plan("scale: [1, 10, 100] offset: [0.5]", {{2, 3}});
  EXPECT_THAT(ApplyPreprocess(plan, {Counted(6)}), ElementsAre(0.5, 10.5, 200.5, 3.5, 40.5, 500.5));
}

TEST(Preprocess, SwapsTheFirstAndThirdChannelAndLeavesTheFourth) {
  const PreprocessPlan plan = Plan("channel_order: CHANNEL_ORDER_BGR", {{1, 2, 4}});
  EXPECT_THAT(ApplyPreprocess(plan, {Counted(8)}), ElementsAre(2, 1, 0, 3, 6, 5, 4, 7));
  EXPECT_THAT(ApplyPreprocess(plan, {std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8}}),
              ElementsAre(3, 2, 1, 4, 7, 6, 5, 8));
}

TEST(Preprocess, RepeatsPixelsAndAddsAChannelAxis) {
  const PreprocessPlan plan = Plan("repeat { height: 2 width: 3 channels: 2 }", {{1, 2}});
  EXPECT_EQ(plan.shape, (Dims{2, 6, 2}));
  const std::vector<float> row = {7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9};
  std::vector<float> both = row;
  both.insert(both.end(), row.begin(), row.end());
  EXPECT_EQ(ApplyPreprocess(plan, {std::vector<float>{7, 9}}), both);
  EXPECT_EQ(Plan("repeat { channels: 1 }", {{4, 5}}).shape, (Dims{4, 5, 1}));
}

TEST(Preprocess, PutsTheChannelsOfSeveralArraysTogether) {
  // Frames in BGR and a mask as the fourth channel, each channel with its own scale.
  const PreprocessPlan plan =
      Plan("channel_order: CHANNEL_ORDER_BGR scale: [1, 1, 1, 0.5] offset: [10, 20, 30, 0]",
           {{1, 2, 3}, {1, 2}});
  EXPECT_EQ(plan.shape, (Dims{1, 2, 4}));
  EXPECT_THAT(ApplyPreprocess(plan, {Counted(6), std::vector<float>{100, 200}}),
              ElementsAre(12, 21, 30, 50, 15, 24, 33, 100));
}

TEST(Preprocess, RunsItsStepsInOrder) {
  // If the resize came after the repeat, the middle pixels would be mixed.
  const PreprocessPlan plan = Plan(
      "resize { height: 1 width: 1 method: RESIZE_METHOD_NEAREST } repeat { width: 2 } scale: 2 "
      "offset: 1",
      {{1, 3}});
  EXPECT_THAT(ApplyPreprocess(plan, {std::vector<float>{5, 6, 7}}), ElementsAre(13, 13));
}

// The definition, in double: half-pixel centres, edges repeated.
double BilinearAt(const std::vector<float>& image, int64_t height, int64_t width, int64_t channels,
                  double y, double x, int64_t c) {
  double sum = 0;
  for (int64_t row = 0; row < height; ++row) {
    for (int64_t column = 0; column < width; ++column) {
      const double share =
          std::max(0.0, 1 - std::abs(y - row)) * std::max(0.0, 1 - std::abs(x - column));
      sum += share * image[(row * width + column) * channels + c];
    }
  }
  return sum;
}

TEST(Preprocess, ResizesBilinearlyAsTheFormulaSays) {
  constexpr uint32_t kSeed = 11;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::uniform_int_distribution<int> edge(1, 9);
  std::uniform_real_distribution<float> pixel(0, 255);
  for (int round = 0; round < 50; ++round) {
    const int64_t h = edge(random), w = edge(random), c = edge(random) % 3 + 1, to_h = edge(random),
                  to_w = edge(random);
    std::vector<float> image(h * w * c);
    for (float& value : image) value = pixel(random);
    v1::Preprocess steps;
    steps.mutable_resize()->set_height(static_cast<int32_t>(to_h));
    steps.mutable_resize()->set_width(static_cast<int32_t>(to_w));
    const auto plan = PlanPreprocess(steps, std::vector<Dims>{{h, w, c}});
    ASSERT_THAT(plan, IsOk());
    const std::vector<float> resized = ApplyPreprocess(*plan, {image});
    ASSERT_EQ(resized.size(), static_cast<size_t>(to_h * to_w * c));
    for (int64_t y = 0; y < to_h; ++y) {
      for (int64_t x = 0; x < to_w; ++x) {
        const double from_y = std::clamp((y + 0.5) * h / to_h - 0.5, 0.0, h - 1.0);
        const double from_x = std::clamp((x + 0.5) * w / to_w - 0.5, 0.0, w - 1.0);
        for (int64_t channel = 0; channel < c; ++channel) {
          EXPECT_NEAR(resized[(y * to_w + x) * c + channel],
                      BilinearAt(image, h, w, c, from_y, from_x, channel), 1e-3);
        }
      }
    }
  }
}

TEST(Preprocess, ResizesToTheNearestPixelAsTensorFlowDoes) {
  // tf.image.resize(range(5), [1, 3] or [1, 8], 'nearest').
  const std::string to_3 = "resize { height: 1 width: 3 method: RESIZE_METHOD_NEAREST }";
  const std::string to_8 = "resize { height: 1 width: 8 method: RESIZE_METHOD_NEAREST }";
  EXPECT_THAT(ApplyPreprocess(Plan(to_3, {{1, 5}}), {Counted(5)}), ElementsAre(0, 2, 4));
  EXPECT_THAT(ApplyPreprocess(Plan(to_8, {{1, 5}}), {Counted(5)}),
              ElementsAre(0, 0, 1, 2, 2, 3, 4, 4));
  EXPECT_FALSE(NeedsFloat(Plan(to_8, {{1, 5}})));
  EXPECT_TRUE(NeedsFloat(Plan("resize { height: 1 width: 8 }", {{1, 5}})));
}

TEST(Preprocess, RefusesWhatDoesNotApply) {
  const struct {
    const char* steps;
    std::vector<Dims> arrays;
    const char* problem;
  } cases[] = {
      {"channel_order: CHANNEL_ORDER_BGR", {{4, 4}}, "no three channels"},
      {"resize { height: 4 }", {{4, 4, 3}}, "height and width must both be given"},
      {"resize { height: 4 width: 70000 }", {{4, 4, 3}}, "70000 is not between"},
      {"resize { height: 4 width: 4 }", {{16}}, "need images"},
      {"repeat { height: -1 }", {{4, 4}}, "-1 is not between"},
      {"repeat { height: 65536 width: 65536 channels: 65536 }", {{4, 4}}, "too large"},
      {"scale: [1, 2]", {{4, 4, 3}}, "has 2 values for 3 channels"},
      {"offset: [1, 2, 3, 4]", {{4, 4, 3}}, "has 4 values for 3 channels"},
      {"scale: inf", {{4, 4, 3}}, "is not finite"},
      {"", {{4, 4, 3}, {4, 5}}, "cannot be concatenated"},
      {"", {{4, 4, 3}, {4}}, "cannot be concatenated"},
      {"", {{}, {}}, "cannot be concatenated"},
      {"", {{4, 0}}, "empty or too large"},
      {"", {{int64_t{1} << 40, int64_t{1} << 40}}, "empty or too large"},
      {"", {}, "no array"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(PlanPreprocess(Steps(test.steps), test.arrays),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)))
        << test.steps;
  }
}

}  // namespace
}  // namespace octavo
