// jpeglib.h needs these before it.
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>
// jerror.h needs jpeglib.h.
#include <jerror.h>

#include <csetjmp>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/data/image_decode.h"

namespace octavo {
namespace {

// A progressive JPEG has ten scans or so; each one passes over every pixel, however little it says.
constexpr int kMaxScans = 500;

// libjpeg reports errors by a call that must not return: it jumps back to whoever called libjpeg.
struct JpegErrors {
  jpeg_error_mgr base;  // first: libjpeg gives its address back
  std::jmp_buf caller;
  char problem[JMSG_LENGTH_MAX];
};

[[noreturn]] void JumpBack(j_common_ptr state) {
  auto* errors = reinterpret_cast<JpegErrors*>(state->err);
  std::longjmp(errors->caller, 1);
}

void NoteAndJumpBack(j_common_ptr state) {
  state->err->format_message(state, reinterpret_cast<JpegErrors*>(state->err)->problem);
  JumpBack(state);
}

// What libjpeg only warns of leaves wrong pixels, but for a few bytes too many.
void RefuseDamage(j_common_ptr state, int level) {
  if (level >= 0) return;
  switch (state->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      NoteAndJumpBack(state);
      break;
    default:
      break;
  }
}

void RefuseManyScans(j_common_ptr state) {
  if (reinterpret_cast<j_decompress_ptr>(state)->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(state->err);
  std::strncpy(errors->problem, "it has too many scans", sizeof(errors->problem) - 1);
  JumpBack(state);
}

// Each method that calls libjpeg keeps nothing that would have to be destroyed by a jump.
class JpegReader {
 public:
  JpegReader() {
    std::memset(&state_, 0, sizeof(state_));
    std::memset(&errors_, 0, sizeof(errors_));
    std::memset(&progress_, 0, sizeof(progress_));
    state_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = &NoteAndJumpBack;
    errors_.base.emit_message = &RefuseDamage;
    progress_.progress_monitor = &RefuseManyScans;
  }
  ~JpegReader() { jpeg_destroy_decompress(&state_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  // False: see problem(). A grey image is read as grey, CMYK as CMYK, others as RGB.
  bool Start(std::span<const uint8_t> encoded) {
    if (setjmp(errors_.caller) != 0) return false;
    jpeg_create_decompress(&state_);
    state_.progress = &progress_;
    jpeg_mem_src(&state_, encoded.data(), static_cast<unsigned long>(encoded.size()));
    jpeg_read_header(&state_, TRUE);
    state_.out_color_space = state_.num_components == 1   ? JCS_GRAYSCALE
                             : state_.num_components == 4 ? JCS_CMYK
                                                          : JCS_RGB;
    jpeg_start_decompress(&state_);
    return true;
  }

  bool ReadRow(uint8_t* row) {
    if (setjmp(errors_.caller) != 0) return false;
    return jpeg_read_scanlines(&state_, &row, 1) == 1;
  }

  bool Finish() {
    if (setjmp(errors_.caller) != 0) return false;
    return jpeg_finish_decompress(&state_) == TRUE;
  }

  const jpeg_decompress_struct& state() const { return state_; }
  absl::Status problem() const {
    const bool is_cut_off = errors_.base.msg_code == JWRN_JPEG_EOF;
    return absl::InvalidArgumentError(
        is_cut_off ? "it is cut off" : absl::StrCat("it is a damaged JPEG: ", errors_.problem));
  }

 private:
  jpeg_decompress_struct state_;
  JpegErrors errors_;
  jpeg_progress_mgr progress_;
};

// Ink takes light away. Adobe's programs store how much light is left instead of how much ink.
void CmykToRgb(const uint8_t* cmyk, bool is_light, uint8_t* rgb) {
  const auto light = [&](int i) { return is_light ? cmyk[i] : 255 - cmyk[i]; };
  for (int i = 0; i < 3; ++i) rgb[i] = static_cast<uint8_t>((light(i) * light(3) + 127) / 255);
}

// A pixel of `components` as `channels`.
void ConvertPixel(const uint8_t* from, int components, bool is_light, uint8_t* into,
                  int64_t channels) {
  uint8_t rgb[3] = {from[0], from[0], from[0]};
  if (components == 3) std::memcpy(rgb, from, 3);
  if (components == 4) CmykToRgb(from, is_light, rgb);
  if (channels == 3) {
    std::memcpy(into, rgb, 3);
  } else {
    *into = components == 1 ? from[0] : Grey(rgb);
  }
}

}  // namespace

absl::StatusOr<DecodedImage> DecodeJpeg(std::span<const uint8_t> encoded, const ImageHeader& header,
                                        int64_t channels) {
  JpegReader reader;
  if (!reader.Start(encoded)) return reader.problem();
  const jpeg_decompress_struct& state = reader.state();
  if (state.output_height != header.height || state.output_width != header.width) {
    return absl::InvalidArgumentError("it is a damaged JPEG: it tells two sizes");
  }
  DecodedImage image{header.height, header.width, channels, {}};
  image.pixels.resize(static_cast<size_t>(header.height * header.width * channels));
  const int components = state.output_components;
  std::vector<uint8_t> row(static_cast<size_t>(header.width * components));
  uint8_t* into = image.pixels.data();
  for (int64_t y = 0; y < header.height; ++y, into += header.width * channels) {
    const bool as_it_is = components == channels;
    if (!reader.ReadRow(as_it_is ? into : row.data())) return reader.problem();
    for (int64_t x = 0; x < header.width && !as_it_is; ++x) {
      ConvertPixel(&row[static_cast<size_t>(x * components)], components,
                   state.saw_Adobe_marker != 0, into + x * channels, channels);
    }
  }
  if (!reader.Finish()) return reader.problem();
  return image;
}

}  // namespace octavo
