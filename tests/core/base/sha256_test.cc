#include "core/base/sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/base/crc32c.h"

namespace octavo {
namespace {

// FIPS 180-4's examples.
constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, GivesTheStandardsDigests) {
  EXPECT_EQ(Sha256Hex(""), kEmpty);
  EXPECT_EQ(Sha256Hex("abc"), kAbc);
}

TEST(Sha256, IsTheSameHoweverTheBytesAreCut) {
  Sha256 digest;
  EXPECT_EQ(digest.HexDigest(), kEmpty);
  digest.Update("a");
  digest.Update("");
  EXPECT_EQ(digest.HexDigest(), Sha256Hex("a"));  // updating goes on
  digest.Update("bc");
  EXPECT_EQ(digest.HexDigest(), kAbc);
}

TEST(Sha256, IsMovedWithWhatItHasSeen) {
  Sha256 first;
  first.Update("ab");
  Sha256 second = std::move(first);
  second.Update("c");
  EXPECT_EQ(second.HexDigest(), kAbc);
}

TEST(Sha256, KnowsItsOwnDigests) {
  EXPECT_TRUE(IsSha256Hex(kAbc));
  EXPECT_FALSE(IsSha256Hex(""));
  EXPECT_FALSE(IsSha256Hex(std::string(kAbc) + "0"));
  EXPECT_FALSE(IsSha256Hex(std::string(63, 'a')));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256Hex(std::string(63, 'a') + "/"));
}

// RFC 3720, appendix B.4.
TEST(Crc32c, GivesTheStandardsChecksums) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(""), 0u);
}

}  // namespace
}  // namespace octavo
