#include "core/base/utf8.h"

#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(IsUtf8, TakesCharactersOfEveryLength) {
  for (const char* text :
       {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x9f\x99\x82 and more"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
}

TEST(IsUtf8, RefusesWhatUnicodeDoes) {
  for (const char* text : {"\x80", "\xc3", "a\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                           "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

TEST(Utf8CharacterLength, IsThatOfTheFirstCharacter) {
  EXPECT_EQ(Utf8CharacterLength("ab"), 1u);
  EXPECT_EQ(Utf8CharacterLength("\xe2\x82\xac!"), 3u);
  EXPECT_EQ(Utf8CharacterLength("\x82\xac"), 0u);
}

}  // namespace
}  // namespace octavo
