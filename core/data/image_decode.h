// From the bytes of a JPEG or PNG to pixels of eight bits.

#ifndef OCTAVO_CORE_DATA_IMAGE_DECODE_H_
#define OCTAVO_CORE_DATA_IMAGE_DECODE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/image_header.h"

namespace octavo {

struct DecodedImage {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels;  // [height, width, channels]
};

// In three channels, RGB, or in one, grey: grey images are repeated, colours weighed (ITU-R
// BT.601). Alpha is left out, CMYK becomes RGB without a colour profile, of 16 bits the upper eight
// are taken; how a camera was held (Exif) is not looked at.
//
// INVALID_ARGUMENT: as ReadImageHeader's, or the pixels are damaged or cut off.
absl::StatusOr<DecodedImage> DecodeImage(std::span<const uint8_t> encoded, int64_t channels);

// In one channel, each pixel as it is stored: a grey value or an index into a palette, of up to
// eight bits. INVALID_ARGUMENT: as above, or it is no such PNG.
absl::StatusOr<DecodedImage> DecodeMask(std::span<const uint8_t> encoded);

// The decoders of each format; `header` is of `encoded`.
absl::StatusOr<DecodedImage> DecodeJpeg(std::span<const uint8_t> encoded, const ImageHeader& header,
                                        int64_t channels);
absl::StatusOr<DecodedImage> DecodePng(std::span<const uint8_t> encoded, const ImageHeader& header,
                                       int64_t channels);
// Of one sample a pixel, of up to eight bits.
absl::StatusOr<DecodedImage> DecodePngSamples(std::span<const uint8_t> encoded,
                                              const ImageHeader& header);

// The grey of a colour.
inline uint8_t Grey(const uint8_t* rgb) {
  return static_cast<uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
}

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_IMAGE_DECODE_H_
