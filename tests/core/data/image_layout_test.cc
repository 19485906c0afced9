#include "core/data/image_layout.h"

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Paths = std::vector<std::string>;

TEST(LayOutImages, TakesOneOfEachClassInTurn) {
  for (const std::string root : {"", "photos/"}) {
    const auto layout =
        LayOutImages(Paths{root + "dog/b.jpg", root + "cat/1.png", root + "dog/a.jpg",
                           root + "cat/0.png", root + "cat/2.png"});
    ASSERT_THAT(layout, IsOk());
    EXPECT_THAT(layout->class_names, ElementsAre("cat", "dog"));
    EXPECT_THAT(layout->images, ElementsAre(3, 2, 1, 0, 4));
    EXPECT_THAT(layout->labels, ElementsAre(0, 1, 0, 1, 0));
    EXPECT_THAT(layout->masks, IsEmpty());
  }
}

TEST(LayOutImages, PairsImagesAndMasksByTheirStems) {
  const auto layout = LayOutImages(
      Paths{"set/masks/b.x.png", "set/images/a.jpg", "set/masks/a.png", "set/images/b.x.jpg"});
  ASSERT_THAT(layout, IsOk());
  EXPECT_THAT(layout->images, ElementsAre(1, 3));
  EXPECT_THAT(layout->masks, ElementsAre(2, 0));
  EXPECT_THAT(layout->labels, IsEmpty());
}

TEST(LayOutImages, TakesImagesWithoutFoldersInTheirOrder) {
  for (const std::string root : {"", "photos/"}) {
    const auto layout = LayOutImages(Paths{root + "b.jpg", root + "a.jpg"});
    ASSERT_THAT(layout, IsOk());
    EXPECT_THAT(layout->images, ElementsAre(1, 0));
    EXPECT_THAT(layout->labels, IsEmpty());
  }
}

TEST(LayOutImages, NamesWhatDoesNotFit) {
  const struct {
    Paths paths;
    const char* problem;
  } cases[] = {
      {{}, "no images"},
      {{"train/cat/1.jpg", "test/cat/1.jpg"}, "'train/cat/1.jpg' lies too deep"},
      {{"cat/1.jpg", "2.jpg"}, "'2.jpg': some images lie in folders"},
      {{"2.jpg", "cat/1.jpg"}, "'cat/1.jpg': some images lie in folders"},
      {{"images/1.jpg", "masks/2.png"}, "'images/1.jpg' has no mask"},
      {{"images/1.jpg", "masks/1.png", "masks/2.png"}, "'masks/2.png' has no image"},
      {{"images/1.jpg", "images/1.png", "masks/1.png"}, "'images/1.png' is there twice"},
      {{"images/1.jpg", "masks/1.png", "depth/1.png"}, "there is 'depth/'"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(LayOutImages(test.paths),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
  }
}

}  // namespace
}  // namespace octavo
