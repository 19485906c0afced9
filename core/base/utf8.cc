#include "core/base/utf8.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

// The Unicode standard's table 3-7: by the first byte, the length and what the second byte may be.
// All later ones are 0x80 to 0xbf.
struct Sequence {
  uint8_t first_from, first_to;
  size_t length;
  uint8_t second_from, second_to;
};
constexpr Sequence kSequences[] = {
    {0x00, 0x7f, 1, 0x80, 0xbf}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

}  // namespace

size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  for (const Sequence& sequence : kSequences) {
    if (byte(0) < sequence.first_from || byte(0) > sequence.first_to) continue;
    if (text.size() < sequence.length) return 0;
    if (sequence.length > 1 && (byte(1) < sequence.second_from || byte(1) > sequence.second_to)) {
      return 0;
    }
    for (size_t i = 2; i < sequence.length; ++i) {
      if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
    }
    return sequence.length;
  }
  return 0;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) {
      valid.append(kReplacement.data(), kReplacement.size());
    } else {
      valid.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

std::string Shortened(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t end = limit - 3;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace octavo
