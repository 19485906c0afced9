#include "client/display_name.h"

#include <gtest/gtest.h>

namespace octavo {
namespace {

TEST(DisplayName, IsTheFilesName) {
  EXPECT_EQ(DisplayName("models/digits.tflite"), "digits.tflite");
  EXPECT_EQ(DisplayName("digits.tflite"), "digits.tflite");
}

TEST(DisplayName, IsCutBetweenCharacters) {
  EXPECT_EQ(DisplayName(std::string(200, 'a')), std::string(128, 'a'));
  EXPECT_EQ(DisplayName(std::string(126, 'a') + "\xc3\xa4z"), std::string(126, 'a') + "\xc3\xa4");
  EXPECT_EQ(DisplayName(std::string(127, 'a') + "\xc3\xa4z"), std::string(127, 'a'));
}

TEST(DisplayName, HoldsWhatTheServiceTakes) {
  EXPECT_EQ(DisplayName("a\tb\x7f"), "a?b?");
  EXPECT_EQ(DisplayName("a\xff.npz"), "a\xef\xbf\xbd.npz");
}

}  // namespace
}  // namespace octavo
