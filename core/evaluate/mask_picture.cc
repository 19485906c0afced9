#include "core/evaluate/mask_picture.h"

#include <spng.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

constexpr int64_t kMaxSide = 192;

constexpr spng_plte_entry Colour(uint8_t red, uint8_t green, uint8_t blue) {
  return {red, green, blue, 255};
}
constexpr spng_plte_entry kClassColours[] = {
    Colour(42, 40, 37),   Colour(236, 231, 221), Colour(86, 156, 255),  Colour(62, 207, 159),
    Colour(255, 154, 90), Colour(197, 150, 255), Colour(232, 192, 78),  Colour(255, 127, 178),
    Colour(91, 203, 230), Colour(185, 204, 84),  Colour(224, 152, 123), Colour(120, 130, 150)};
constexpr uint8_t kNumClassColours = std::size(kClassColours);
constexpr spng_plte_entry kAdded = Colour(226, 43, 36);
constexpr spng_plte_entry kMissing = Colour(40, 110, 230);
constexpr spng_plte_entry kNotCounted = Colour(128, 128, 128);

// Places in the palette: the classes' colours, then these.
enum Special : uint8_t {
  kAddedPlace = kNumClassColours,
  kMissingPlace,
  kNotCountedPlace,
  kNumColours
};

// Class 0 has a colour of its own; the others share theirs in turn.
uint8_t PlaceOf(int32_t label) {
  if (label < 0) return kNotCountedPlace;
  if (label == 0) return 0;
  return static_cast<uint8_t>(1 + (label - 1) % (kNumClassColours - 1));
}

spng_plte Palette() {
  spng_plte palette = {};
  palette.n_entries = kNumColours;
  std::ranges::copy(kClassColours, palette.entries);
  palette.entries[kAddedPlace] = kAdded;
  palette.entries[kMissingPlace] = kMissing;
  palette.entries[kNotCountedPlace] = kNotCounted;
  return palette;
}

struct ContextDeleter {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};

absl::Status LibraryError(int error) {
  return absl::InternalError(absl::StrCat("encoding a picture: ", spng_strerror(error)));
}

absl::StatusOr<std::string> EncodePng(const std::vector<uint8_t>& pixels, int64_t height,
                                      int64_t width) {
  const std::unique_ptr<spng_ctx, ContextDeleter> context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (context == nullptr) return LibraryError(SPNG_EMEM);
  spng_ihdr header = {};
  header.width = static_cast<uint32_t>(width);
  header.height = static_cast<uint32_t>(height);
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_INDEXED;
  spng_plte palette = Palette();
  int error = spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  if (error == 0) error = spng_set_ihdr(context.get(), &header);
  if (error == 0) error = spng_set_plte(context.get(), &palette);
  if (error == 0) {
    error = spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG,
                              SPNG_ENCODE_FINALIZE);
  }
  if (error != 0) return LibraryError(error);
  size_t size = 0;
  const std::unique_ptr<void, decltype(&std::free)> bytes(
      spng_get_png_buffer(context.get(), &size, &error), &std::free);
  if (bytes == nullptr) return LibraryError(error);
  return std::string(static_cast<const char*>(bytes.get()), size);
}

}  // namespace

absl::StatusOr<std::string> MaskPicture(std::span<const int32_t> classes,
                                        std::span<const int32_t> reference, int64_t height,
                                        int64_t width) {
  const int64_t step = (std::max(height, width) + kMaxSide - 1) / kMaxSide;
  std::vector<uint8_t> pixels;
  for (int64_t row = 0; row < height; row += step) {
    for (int64_t column = 0; column < width; column += step) {
      const auto place = static_cast<size_t>(row * width + column);
      const int32_t label = classes[place];
      const bool differs = !reference.empty() && reference[place] != label;
      if (differs) {
        pixels.push_back(label == 0 ? kMissingPlace : kAddedPlace);
      } else {
        pixels.push_back(PlaceOf(label));
      }
    }
  }
  return EncodePng(pixels, (height + step - 1) / step, (width + step - 1) / step);
}

}  // namespace octavo
