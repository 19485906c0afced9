// Texts from outside, made fit for protobuf, which refuses whole messages for one wrong byte.

#ifndef OCTAVO_CORE_BASE_UTF8_H_
#define OCTAVO_CORE_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace octavo {

// Bytes of the character that `text`, which is not empty, begins with; 0: it begins with none.
size_t CharacterLength(absl::string_view text);

bool IsUtf8(absl::string_view text);

// `text` with U+FFFD for each byte that is not of UTF-8.
std::string ValidUtf8(absl::string_view text);

// `text`, or as much of its beginning as fits with "..." into `limit` bytes, cut where a character
// begins. `limit` is 3 or more.
std::string Shortened(absl::string_view text, size_t limit);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_UTF8_H_
