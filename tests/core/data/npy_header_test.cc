#include "core/data/npy_header.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/data/zip_bytes.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<NpyHeader> Parse(const std::string& entry) {
  return ParseNpyHeader({reinterpret_cast<const uint8_t*>(entry.data()), entry.size()});
}

TEST(ParseNpyHeader, GivesTypeShapeAndPlaceOfTheData) {
  const std::string entry = NpyBytes("<f4", "(2, 3)", "");
  const auto header = Parse(entry);
  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->type_name, "float32");
  EXPECT_THAT(header->shape, ElementsAre(2, 3));
  EXPECT_EQ(header->header_bytes, static_cast<int64_t>(entry.size()));
  EXPECT_EQ(header->data_bytes, 24);
}

TEST(ParseNpyHeader, ReadsEveryOrderOfKeysAndSpaces) {
  for (const char* text : {"{'shape':(2,),'descr':'|u1','fortran_order':False}",
                           "{ 'fortran_order' : False, \"descr\": \"|u1\", 'shape': (2 , ) , }  ",
                           "{'descr': '|u1', 'fortran_order': True, 'shape': (2L,), }\n"}) {
    const auto header = Parse(NpyBytes(text, "ab"));
    ASSERT_THAT(header, IsOk()) << text;
    EXPECT_THAT(header->shape, ElementsAre(2)) << text;
  }
}

TEST(ParseNpyHeader, TakesAnArrayWithoutAxesForOneElement) {
  const auto header = Parse(NpyBytes("<f8", "()", ""));
  ASSERT_THAT(header, IsOk());
  EXPECT_THAT(header->shape, IsEmpty());
  EXPECT_EQ(header->data_bytes, 8);
}

TEST(ParseNpyHeader, ListsTypesThatAreNoNumbers) {
  const auto text = Parse(NpyBytes("<U39", "(2,)", ""));
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(text->type, nullptr);
  EXPECT_EQ(text->type_name, "<U39");
  EXPECT_EQ(text->data_bytes, 2 * 39 * 4);
  const auto time = Parse(NpyBytes("<M8[ns]", "(2,)", ""));
  ASSERT_THAT(time, IsOk());
  EXPECT_EQ(time->data_bytes, 16);
  const auto complex = Parse(NpyBytes("<c16", "(2,)", ""));
  ASSERT_THAT(complex, IsOk());
  EXPECT_EQ(complex->data_bytes, 32);
}

TEST(ParseNpyHeader, RefusesWhatItDoesNotRead) {
  const struct {
    std::string entry;
    const char* problem;
  } cases[] = {
      {"", "no .npy array"},
      {"PK\x03\x04 is no array", "no .npy array"},
      {NpyBytes("<f4", "(2, 3)", "").substr(0, 30), "within its header"},
      {NpyBytes("|O", "(2,)", ""), "pickled objects"},
      {NpyBytes(">f4", "(2,)", ""), "big-endian"},
      {NpyBytes("<q4", "(2,)", ""), "its type '<q4' is none of NumPy's"},
      {NpyBytes("<U99999999", "(2,)", ""), "none of NumPy's"},
      {NpyBytes("", "(2,)", ""), "type is none"},
      {NpyBytes("<\x01\x02", "(2,)", ""), "type is none"},
      {NpyBytes("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", ""), "Fortran order"},
      {NpyBytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", ""),
       "records"},
      {NpyBytes("<f4", "(4611686018427387904, 4)", ""), "too large"},
      {NpyBytes("<f4", "(99999999999999999999, 4)", ""), "header is none"},
      {NpyBytes("<f4", "(-1,)", ""), "header is none"},
      {NpyBytes("<f4", "[2]", ""), "header is none"},
      {NpyBytes("{'descr': '<f4', 'shape': (2,), }", ""), "header is none"},
      {NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", ""),
       "header is none"},
      {NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1", ""),
       "header is none"},
      {NpyBytes("{", ""), "header is none"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(Parse(test.entry),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
  }
}

TEST(ParseNpyHeader, RefusesHeadersWithoutBound) {
  std::string entry = absl::StrCat("\x93NUMPY", absl::string_view("\x02\x00\xff\xff\xff\x7f", 6));
  EXPECT_THAT(Parse(entry), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too long")));
  entry[6] = 9;
  EXPECT_THAT(Parse(entry), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version 9")));
}

TEST(ParseNpyHeader, RefusesManyAxes) {
  std::string shape = "(";
  for (int axis = 0; axis < 100; ++axis) shape += "1,";
  EXPECT_THAT(Parse(NpyBytes("<f4", shape + ")", "")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

float OneFloat(absl::string_view type, const void* stored, size_t size) {
  float value = 0;
  FindElementTypeByName(type)->to_float({static_cast<const uint8_t*>(stored), size}, &value);
  return value;
}

TEST(ElementType, ReadsEveryHalf) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    // The definition: (-1)^s 2^(e-15) (1 + m/1024), subnormal below.
    const int exponent = bits >> 10 & 31;
    const double mantissa = (bits & 1023) / 1024.0;
    double expected =
        exponent == 0 ? std::exp2(-14) * mantissa : std::exp2(exponent - 15) * (1 + mantissa);
    if (exponent == 31)
      expected = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    if (bits >> 15) expected = -expected;
    const float value = OneFloat("float16", &half, 2);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, static_cast<float>(expected)) << bits;
    }
  }
}

TEST(ElementType, GivesIntegersOnlyOfWhatIsOne) {
  const double reals[] = {3, -4, 2.5};
  int64_t integers[3] = {};
  const auto* raw = reinterpret_cast<const uint8_t*>(reals);
  EXPECT_EQ(FindElementTypeByName("float64")->to_int64({raw, sizeof(reals)}, integers), 2);
  EXPECT_THAT(integers, ElementsAre(3, -4, 0));
  for (const double bad : {1e300, -1e300, std::nan(""), std::numeric_limits<double>::infinity()}) {
    const auto* byte = reinterpret_cast<const uint8_t*>(&bad);
    EXPECT_EQ(FindElementTypeByName("float64")->to_int64({byte, sizeof(bad)}, integers), 0) << bad;
  }
  const uint64_t large[] = {std::numeric_limits<uint64_t>::max()};
  const auto* byte = reinterpret_cast<const uint8_t*>(large);
  EXPECT_EQ(FindElementTypeByName("uint64")->to_int64({byte, sizeof(large)}, integers), 0);
}

TEST(ElementType, TakesAnyByteButZeroForTrue) {
  const uint8_t byte = 7;
  EXPECT_EQ(OneFloat("bool", &byte, 1), 1.0f);
}

}  // namespace
}  // namespace octavo
