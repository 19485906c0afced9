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

}  // namespace
}  // namespace octavo
