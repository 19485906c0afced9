// What a JPEG or PNG says of itself before its pixels.

#ifndef OCTAVO_CORE_DATA_IMAGE_HEADER_H_
#define OCTAVO_CORE_DATA_IMAGE_HEADER_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

enum class ImageFormat { kNone, kJpeg, kPng };

struct ImageHeader {
  ImageFormat format = ImageFormat::kNone;
  int64_t height = 0;
  int64_t width = 0;
  int num_components = 0;  // of a JPEG
  int bits = 0;            // of a PNG's sample, or of its index into a palette
  bool has_palette = false;
  bool has_alpha = false;
  bool is_colour = false;
};

// The largest image: 32 megapixels.
inline constexpr int64_t kMaxImagePixels = int64_t{1} << 25;
// More bytes than stand before the size in any image that is read.
inline constexpr int64_t kMaxImageHeaderBytes = int64_t{1} << 20;

// By the first bytes; kNone where they are of neither.
ImageFormat FormatOfImage(absl::string_view start);

// From the beginning of a file. OUT_OF_RANGE: more of it is needed. INVALID_ARGUMENT: neither JPEG
// nor PNG, damaged, of 12 bits, of a size of nothing or larger than is read.
absl::StatusOr<ImageHeader> ReadImageHeader(std::span<const uint8_t> start);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_IMAGE_HEADER_H_
