#include "core/data/image_decode.h"

#include "absl/status/status.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Of a whole file there is no more to be had.
absl::StatusOr<ImageHeader> HeaderOfWhole(std::span<const uint8_t> encoded) {
  auto header = ReadImageHeader(encoded);
  if (absl::IsOutOfRange(header.status())) {
    return absl::InvalidArgumentError(header.status().message());
  }
  return header;
}

}  // namespace

absl::StatusOr<DecodedImage> DecodeImage(std::span<const uint8_t> encoded, int64_t channels) {
  ASSIGN_OR_RETURN(const ImageHeader header, HeaderOfWhole(encoded));
  return header.format == ImageFormat::kJpeg ? DecodeJpeg(encoded, header, channels)
                                             : DecodePng(encoded, header, channels);
}

absl::StatusOr<DecodedImage> DecodeMask(std::span<const uint8_t> encoded) {
  ASSIGN_OR_RETURN(const ImageHeader header, HeaderOfWhole(encoded));
  const bool is_indexed = header.format == ImageFormat::kPng && header.bits <= 8 &&
                          (header.has_palette || !header.is_colour) && !header.has_alpha;
  if (!is_indexed) {
    return absl::InvalidArgumentError(
        "it is no mask, which is a PNG in grey or with a palette, of up to eight bits");
  }
  return DecodePngSamples(encoded, header);
}

}  // namespace octavo
