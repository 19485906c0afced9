// Whether bytes are UTF-8.

#ifndef OCTAVO_CORE_BASE_UTF8_H_
#define OCTAVO_CORE_BASE_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace octavo {

// Bytes of the character that `text`, which is not empty, begins with; 0: it begins with none.
size_t Utf8CharacterLength(absl::string_view text);

bool IsUtf8(absl::string_view text);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_UTF8_H_
