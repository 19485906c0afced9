#include <spng.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/data/image_decode.h"

namespace octavo {
namespace {

// Of a profile or text beside the pixels, unpacked.
constexpr size_t kMaxChunkBytes = 16 << 20;

using PngReader = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

absl::Status DamagedPng(int error) {
  const bool is_cut_off = error == SPNG_EOF || error == SPNG_IO_EOF;
  return absl::InvalidArgumentError(
      is_cut_off ? "it is cut off" : absl::StrCat("it is a damaged PNG: ", spng_strerror(error)));
}

absl::StatusOr<PngReader> OpenPng(std::span<const uint8_t> encoded, const ImageHeader& header) {
  PngReader reader(spng_ctx_new(0), &spng_ctx_free);
  if (reader == nullptr) return absl::ResourceExhaustedError("no memory for a PNG");
  spng_set_image_limits(reader.get(), static_cast<uint32_t>(header.width),
                        static_cast<uint32_t>(header.height));
  spng_set_chunk_limits(reader.get(), kMaxChunkBytes, kMaxChunkBytes);
  spng_set_png_buffer(reader.get(), encoded.data(), encoded.size());
  return reader;
}

absl::StatusOr<std::vector<uint8_t>> ReadPixels(std::span<const uint8_t> encoded,
                                                const ImageHeader& header, spng_format format) {
  ASSIGN_OR_RETURN(const PngReader reader, OpenPng(encoded, header));
  size_t size = 0;
  if (const int error = spng_decoded_image_size(reader.get(), format, &size); error != 0) {
    return DamagedPng(error);
  }
  std::vector<uint8_t> pixels(size);
  if (const int error = spng_decode_image(reader.get(), pixels.data(), size, format, 0);
      error != 0) {
    return DamagedPng(error);
  }
  return pixels;
}

// Rows of samples of less than eight bits, each row beginning with a byte.
std::vector<uint8_t> UnpackSamples(const std::vector<uint8_t>& packed, const ImageHeader& header) {
  const size_t row_bytes = packed.size() / static_cast<size_t>(header.height);
  const auto bits = static_cast<size_t>(header.bits);
  const unsigned largest = (1u << bits) - 1;
  std::vector<uint8_t> samples;
  samples.reserve(static_cast<size_t>(header.height * header.width));
  for (int64_t y = 0; y < header.height; ++y) {
    const uint8_t* row = packed.data() + static_cast<size_t>(y) * row_bytes;
    for (size_t x = 0; x < static_cast<size_t>(header.width); ++x) {
      const size_t bit = x * bits;
      samples.push_back(static_cast<uint8_t>(row[bit / 8] >> (8 - bits - bit % 8) & largest));
    }
  }
  return samples;
}

}  // namespace

absl::StatusOr<DecodedImage> DecodePng(std::span<const uint8_t> encoded, const ImageHeader& header,
                                       int64_t channels) {
  DecodedImage image{header.height, header.width, channels, {}};
  ASSIGN_OR_RETURN(image.pixels, ReadPixels(encoded, header, SPNG_FMT_RGB8));
  if (channels == 3) return image;
  const auto count = static_cast<size_t>(header.height * header.width);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* rgb = &image.pixels[3 * i];
    image.pixels[i] = header.is_colour ? Grey(rgb) : rgb[0];
  }
  image.pixels.resize(count);
  return image;
}

absl::StatusOr<DecodedImage> DecodePngSamples(std::span<const uint8_t> encoded,
                                              const ImageHeader& header) {
  DecodedImage samples{header.height, header.width, 1, {}};
  ASSIGN_OR_RETURN(samples.pixels, ReadPixels(encoded, header, SPNG_FMT_RAW));
  if (header.bits < 8) samples.pixels = UnpackSamples(samples.pixels, header);
  return samples;
}

}  // namespace octavo
