#include "core/data/image_decode.h"

#include <algorithm>
#include <cstdlib>

#include "absl/status/status_matchers.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/data/golden_array.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::span<const uint8_t> Bytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

int LargestDifference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  int largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

TEST(DecodeImage, GivesThePixelsThatPillowGives) {
  int compared = 0;
  for (const GoldenArray& golden : ReadGoldens("images/decoded.npz")) {
    const std::vector<std::string> parts = absl::StrSplit(golden.name, '/');
    if (parts.size() != 2) continue;  // a mask
    const int64_t channels = parts[1] == "3" ? 3 : 1;
    const auto image = DecodeImage(Bytes(TestFile("images/" + parts[0])), channels);
    ASSERT_THAT(image, IsOk()) << golden.name;
    EXPECT_EQ(image->height, golden.shape[0]) << golden.name;
    EXPECT_EQ(image->width, golden.shape[1]) << golden.name;
    ASSERT_EQ(image->pixels.size(), golden.bytes.size()) << golden.name;
    // Of JPEG each decoder rounds as it likes.
    const int tolerance = absl::EndsWith(parts[0], ".jpg") ? 2 : 0;
    EXPECT_THAT(LargestDifference(image->pixels, golden.bytes), Le(tolerance)) << golden.name;
    ++compared;
  }
  EXPECT_EQ(compared, 26);
}

TEST(DecodeMask, GivesWhatIsStoredWhateverThePaletteSays) {
  const auto goldens = ReadGoldens("images/decoded.npz");
  for (const char* name : {"mask.png", "mask4.png", "mask_grey.png"}) {
    const auto mask = DecodeMask(Bytes(TestFile(absl::StrCat("images/", name))));
    ASSERT_THAT(mask, IsOk()) << name;
    EXPECT_EQ(mask->pixels, Find(goldens, name).bytes) << name;
    EXPECT_GT(*std::ranges::max_element(mask->pixels), 3) << name;
  }
}

TEST(DecodeMask, RefusesWhatHasNoClassForEachPixel) {
  for (const char* name : {"grey.jpg", "colour.png", "alpha.png", "grey_alpha.png", "grey16.png"}) {
    EXPECT_THAT(DecodeMask(Bytes(TestFile(absl::StrCat("images/", name)))),
                StatusIs(kInvalid, HasSubstr("it is no mask")))
        << name;
  }
}

TEST(DecodeImage, RefusesEveryTruncation) {
  for (const char* name : {"colour.jpg", "progressive.jpg", "grey.png"}) {
    const std::string whole = TestFile(absl::StrCat("images/", name));
    // Without its end marker a JPEG has all of its pixels; of a PNG two sums and its end.
    for (size_t size = 0; size + 24 < whole.size(); size += 7) {
      EXPECT_THAT(DecodeImage(Bytes(whole.substr(0, size)), 3), StatusIs(kInvalid))
          << name << " " << size;
    }
  }
}

TEST(DecodeImage, SurvivesEveryDamagedByte) {
  for (const char* name : {"restarts.jpg", "progressive.jpg", "palette4.png", "mask4.png"}) {
    const std::string whole = TestFile(absl::StrCat("images/", name));
    int refused = 0;
    for (size_t place = 0; place < whole.size(); ++place) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
      const auto image = DecodeImage(Bytes(damaged), 3);
      refused += image.ok() ? 0 : 1;
      EXPECT_TRUE(image.ok() || absl::IsInvalidArgument(image.status())) << name << " " << place;
      (void)DecodeMask(Bytes(damaged));
    }
    EXPECT_GT(refused, 20) << name;
  }
}

TEST(ReadImageHeader, RefusesHugeImagesBeforeAnythingIsDecoded) {
  std::string png = TestFile("images/grey.png");
  png.replace(16, 8, std::string("\x00\x00\xFF\xFF\x00\x00\xFF\xFF", 8));
  EXPECT_THAT(ReadImageHeader(Bytes(png)),
              StatusIs(kInvalid, HasSubstr("it is 65535x65535 pixels, more than the 33554432")));
  png.replace(16, 8, std::string("\xFF\xFF\xFF\xFF\x00\x00\x00\x01", 8));
  EXPECT_THAT(ReadImageHeader(Bytes(png)), StatusIs(kInvalid, HasSubstr("4294967295x1 pixels")));
  png.replace(16, 8, std::string(8, '\0'));
  EXPECT_THAT(ReadImageHeader(Bytes(png)), StatusIs(kInvalid, HasSubstr("tells no size")));

  std::string jpeg = TestFile("images/grey.jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(DecodeImage(Bytes(jpeg), 3), StatusIs(kInvalid, HasSubstr("65535x65535 pixels")));
  jpeg[frame + 4] = 12;
  EXPECT_THAT(DecodeImage(Bytes(jpeg), 3), StatusIs(kInvalid, HasSubstr("a JPEG of 12 bits")));
}

TEST(ReadImageHeader, AsksForMoreOfALongHeader) {
  const std::string jpeg = TestFile("images/colour.jpg");
  std::string profile;
  for (int i = 0; i < 3; ++i) {
    absl::StrAppend(&profile, absl::string_view("\xFF\xE2\xFF\xFF", 4), std::string(65533, 'p'));
  }
  const std::string longer = jpeg.substr(0, 2) + profile + jpeg.substr(2);
  EXPECT_THAT(ReadImageHeader(Bytes(longer).first(4096)), StatusIs(absl::StatusCode::kOutOfRange));
  const auto header = ReadImageHeader(Bytes(longer));
  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(header->width, 48);
  EXPECT_EQ(header->height, 40);
  EXPECT_THAT(DecodeImage(Bytes(longer), 3), IsOk());
}

TEST(DecodeImage, RefusesWhatIsNone) {
  for (const char* text : {"", "GIF89a", "\xFF\xD8", "\x89PNG\r\n"}) {
    EXPECT_THAT(DecodeImage(Bytes(text), 1),
                StatusIs(kInvalid, HasSubstr("neither a JPEG nor a PNG")));
  }
  EXPECT_THAT(DecodeImage(Bytes("\xFF\xD8\xFF\xD9"), 1),
              StatusIs(kInvalid, AnyOf(HasSubstr("without a frame"), HasSubstr("cut off"))));
}

}  // namespace
}  // namespace octavo
