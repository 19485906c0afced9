#include "core/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(Shortened, LeavesWhatFits) {
  EXPECT_EQ(Shortened("", 3), "");
  EXPECT_EQ(Shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(Shortened("\u00e4\u00e4\u00e4", 6), "\u00e4\u00e4\u00e4");
}

TEST(Shortened, CutsWhereACharacterBegins) {
  EXPECT_EQ(Shortened("abcdefg", 6), "abc...");
  EXPECT_EQ(Shortened("a\u00e4\u00e4\u00e4", 6), "a\u00e4...");
  EXPECT_EQ(Shortened("ab\u00e4\u00e4\u00e4", 6), "ab...");
  EXPECT_EQ(Shortened("\U0001f600\U0001f600", 6), "...");
}

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

TEST(CharacterLength, IsThatOfTheFirstCharacter) {
  EXPECT_EQ(CharacterLength("ab"), 1u);
  EXPECT_EQ(CharacterLength("\xe2\x82\xac!"), 3u);
  EXPECT_EQ(CharacterLength("\x82\xac"), 0u);
}

}  // namespace
}  // namespace octavo
