// Names in messages.

#ifndef OCTAVO_CORE_TFLITE_SHORT_NAME_H_
#define OCTAVO_CORE_TFLITE_SHORT_NAME_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace octavo {

// A name as it may stand in a message: at most 200 bytes of it, cut between characters. Models have
// names of any length, and messages go into the headers of a reply.
inline absl::string_view ShortName(absl::string_view name) {
  constexpr size_t kMaxBytes = 200;
  if (name.size() <= kMaxBytes) return name;
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<uint8_t>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end);
}

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_SHORT_NAME_H_
