#include "core/data/image_header.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"

namespace octavo {
namespace {

constexpr int64_t kMaxEdge = 65535;
constexpr absl::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);

// JPEG's markers (ITU-T T.81, table B.1), after 0xFF.
constexpr uint8_t kStartOfFrame0 = 0xC0;
constexpr uint8_t kHuffmanTables = 0xC4;
constexpr uint8_t kReserved = 0xC8;
constexpr uint8_t kArithmeticConditions = 0xCC;
constexpr uint8_t kLastOfFrames = 0xCF;
constexpr uint8_t kRestart0 = 0xD0;
constexpr uint8_t kStartOfImage = 0xD8;
constexpr uint8_t kEndOfImage = 0xD9;
constexpr uint8_t kStartOfScan = 0xDA;
constexpr uint8_t kTemporary = 0x01;

bool IsFrame(uint8_t marker) {
  return marker >= kStartOfFrame0 && marker <= kLastOfFrames && marker != kHuffmanTables &&
         marker != kReserved && marker != kArithmeticConditions;
}

bool StandsAlone(uint8_t marker) {
  return marker == kTemporary || (marker >= kRestart0 && marker <= kStartOfImage);
}

// Bytes in order, of which a read past the end gives zeros and is remembered.
class BigEndian {
 public:
  explicit BigEndian(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool is_past_end() const { return place_ > bytes_.size(); }
  void Skip(size_t count) { place_ += count; }
  uint32_t Next(int num_bytes) {
    uint32_t value = 0;
    for (int i = 0; i < num_bytes; ++i, ++place_) {
      value = value << 8 | (place_ < bytes_.size() ? bytes_[place_] : 0);
    }
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t place_ = 0;
};

absl::Status NeedsMore() { return absl::OutOfRangeError("it is cut off"); }

absl::StatusOr<ImageHeader> ReadFrame(BigEndian& bytes) {
  ImageHeader header{.format = ImageFormat::kJpeg};
  header.bits = static_cast<int>(bytes.Next(1));
  header.height = bytes.Next(2);
  header.width = bytes.Next(2);
  header.num_components = static_cast<int>(bytes.Next(1));
  header.is_colour = header.num_components > 1;
  if (bytes.is_past_end()) return NeedsMore();
  if (header.bits != 8) {
    return absl::InvalidArgumentError(absl::StrCat("it is a JPEG of ", header.bits, " bits"));
  }
  if (header.num_components != 1 && header.num_components != 3 && header.num_components != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is a JPEG of ", header.num_components, " components"));
  }
  return header;
}

absl::StatusOr<ImageHeader> ReadJpegHeader(std::span<const uint8_t> start) {
  BigEndian bytes(start);
  bytes.Skip(2);
  while (!bytes.is_past_end()) {
    // Between segments anything but 0xFF is skipped, and of that any number may stand there.
    if (bytes.Next(1) != 0xFF) continue;
    uint8_t marker = 0xFF;
    while (marker == 0xFF && !bytes.is_past_end()) marker = static_cast<uint8_t>(bytes.Next(1));
    if (bytes.is_past_end()) break;
    if (marker == 0 || StandsAlone(marker)) continue;
    if (marker == kEndOfImage || marker == kStartOfScan) {
      return absl::InvalidArgumentError("it is a JPEG without a frame");
    }
    const uint32_t length = bytes.Next(2);
    if (bytes.is_past_end()) break;
    if (length < 2) return absl::InvalidArgumentError("it is a damaged JPEG");
    if (IsFrame(marker)) return ReadFrame(bytes);
    bytes.Skip(length - 2);
  }
  return NeedsMore();
}

absl::StatusOr<ImageHeader> ReadPngHeader(std::span<const uint8_t> start) {
  BigEndian bytes(start);
  bytes.Skip(kPngSignature.size());
  const uint32_t length = bytes.Next(4);
  const uint32_t type = bytes.Next(4);
  constexpr uint32_t kHeader = 0x49484452;  // "IHDR"
  ImageHeader header{.format = ImageFormat::kPng};
  header.width = bytes.Next(4);
  header.height = bytes.Next(4);
  header.bits = static_cast<int>(bytes.Next(1));
  const uint32_t colour_type = bytes.Next(1);
  if (bytes.is_past_end()) return NeedsMore();
  if (length != 13 || type != kHeader) return absl::InvalidArgumentError("it is a damaged PNG");
  header.has_palette = colour_type == 3;
  header.has_alpha = (colour_type & 4) != 0;
  header.is_colour = (colour_type & 2) != 0;
  return header;
}

absl::Status CheckSize(const ImageHeader& header) {
  if (header.height < 1 || header.width < 1) {
    return absl::InvalidArgumentError("its header tells no size");
  }
  const std::string size = absl::StrCat("it is ", header.width, "x", header.height, " pixels");
  if (header.height > kMaxEdge || header.width > kMaxEdge) {
    return absl::InvalidArgumentError(
        absl::StrCat(size, ", of which an edge is more than the ", kMaxEdge, " that are read"));
  }
  if (header.height * header.width > kMaxImagePixels) {
    return absl::InvalidArgumentError(
        absl::StrCat(size, ", more than the ", kMaxImagePixels, " that are read"));
  }
  return absl::OkStatus();
}

}  // namespace

ImageFormat FormatOfImage(absl::string_view start) {
  if (absl::StartsWith(start, "\xFF\xD8\xFF")) return ImageFormat::kJpeg;
  if (absl::StartsWith(start, kPngSignature)) return ImageFormat::kPng;
  return ImageFormat::kNone;
}

absl::StatusOr<ImageHeader> ReadImageHeader(std::span<const uint8_t> start) {
  const ImageFormat format = FormatOfImage(TextOf(start));
  if (format == ImageFormat::kNone) {
    return absl::InvalidArgumentError("it is neither a JPEG nor a PNG");
  }
  ASSIGN_OR_RETURN(const ImageHeader header,
                   format == ImageFormat::kJpeg ? ReadJpegHeader(start) : ReadPngHeader(start));
  RETURN_IF_ERROR(CheckSize(header));
  return header;
}

}  // namespace octavo
