// Resized pixels against tf.image.resize's (tests/data/recipes/make_image_goldens.py).

#include <cmath>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/data/golden_array.h"

namespace octavo {
namespace {

constexpr int64_t kCropBytes = 224 * 224 * 3;

struct Source {
  Dims shape;
  std::vector<uint8_t> pixels;
};

// Of a golden's name: the place of a crop, or "small".
Source SourceOf(const std::string& name, const std::vector<GoldenArray>& goldens,
                const GoldenArray& crops) {
  int64_t place = 0;
  if (!absl::SimpleAtoi(name, &place)) {
    const GoldenArray& small = Find(goldens, name);
    return {small.shape, small.bytes};
  }
  const auto begin = crops.bytes.begin() + place * kCropBytes;
  return {{224, 224, 3}, {begin, begin + kCropBytes}};
}

ArraySteps Steps(const Source& source, const GoldenArray& golden, bool is_nearest) {
  v1::Preprocess preprocess;
  preprocess.mutable_resize()->set_height(static_cast<int32_t>(golden.shape[0]));
  preprocess.mutable_resize()->set_width(static_cast<int32_t>(golden.shape[1]));
  if (is_nearest) preprocess.mutable_resize()->set_method(v1::RESIZE_METHOD_NEAREST);
  const auto plan = PlanPreprocess(preprocess, std::vector<Dims>{source.shape});
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan->arrays[0];
}

TEST(Resize, GivesThePixelsThatTensorFlowGives) {
  const auto goldens = ReadGoldens("images/resized.npz");
  const auto photos = ReadGoldens("data/mobilenet.npz");
  const GoldenArray& crops = Find(photos, "crops");
  int compared = 0;
  for (const GoldenArray& golden : goldens) {
    const std::vector<std::string> parts = absl::StrSplit(golden.name, '/');
    if (parts.size() != 4) continue;  // a source
    const Source source = SourceOf(parts[0], goldens, crops);
    const bool is_nearest = parts[3] == "nearest";
    ArraySteps steps = Steps(source, golden, is_nearest);
    PreprocessPlan plan;
    plan.arrays = {steps};
    plan.shape = steps.to;
    const auto resized =
        ApplyPreprocess(plan, {std::vector<float>(source.pixels.begin(), source.pixels.end())});
    ASSERT_EQ(resized.size(), golden.bytes.size()) << golden.name;
    // The golden is rounded to a grey level.
    const float tolerance = is_nearest ? 0.0f : 0.501f;
    for (size_t i = 0; i < resized.size(); ++i) {
      ASSERT_NEAR(resized[i], golden.bytes[i], tolerance) << golden.name << " " << i;
    }
    ++compared;
    if (is_nearest) continue;
    EXPECT_EQ(ResizeBytes(source.pixels, steps), resized) << golden.name;
  }
  EXPECT_EQ(compared, 10);
}

}  // namespace
}  // namespace octavo
