#include "core/engine/last_lines.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LastLines, KeepsTheEnd) {
  LastLines lines(2, 100);
  EXPECT_THAT(lines.Get(), IsEmpty());
  lines.Push("one\ntwo\nth");
  EXPECT_THAT(lines.Get(), ElementsAre("two", "th"));
  lines.Push("ree\n");
  EXPECT_THAT(lines.Get(), ElementsAre("two", "three"));
}

TEST(LastLines, EscapesWhatATerminalObeys) {
  LastLines lines(2, 100);
  lines.Push(std::string("a\x1b[31m\tb\0\xc3\xa4\r\n", 13));
  EXPECT_THAT(lines.Get(), ElementsAre("a\\x1b[31m\tb\\x00\\xc3\\xa4\\x0d"));
}

TEST(LastLines, CutsALongLine) {
  LastLines lines(2, 10);
  lines.Push(std::string(1'000'000, 'x') + "\nnext");
  EXPECT_THAT(lines.Get(), ElementsAre("xxxxxxxxxx", "next"));
}

}  // namespace
}  // namespace octavo
