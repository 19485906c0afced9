// Any bytes as a JPEG or PNG: in colours, in grey and as a mask, which agree about the size.

#include <cstddef>
#include <cstdint>

#include "absl/log/check.h"
#include "core/data/image_decode.h"

namespace octavo {
namespace {

// Larger ones are decoded as any, but only slowly.
constexpr int64_t kMaxPixels = 1 << 18;

void CheckSize(const absl::StatusOr<DecodedImage>& image, const ImageHeader& header,
               int64_t channels) {
  if (!image.ok()) return;
  CHECK_EQ(image->height, header.height);
  CHECK_EQ(image->width, header.width);
  CHECK_EQ(image->channels, channels);
  CHECK_EQ(static_cast<int64_t>(image->pixels.size()), header.height * header.width * channels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> encoded(data, size);
  const auto header = ReadImageHeader(encoded);
  if (!header.ok() || header->height * header->width > kMaxPixels) return 0;
  CheckSize(DecodeImage(encoded, 3), *header, 3);
  CheckSize(DecodeImage(encoded, 1), *header, 1);
  CheckSize(DecodeMask(encoded), *header, 1);
  return 0;
}

}  // namespace octavo
