// Bytes as text.

#ifndef OCTAVO_CORE_BASE_TEXT_OF_H_
#define OCTAVO_CORE_BASE_TEXT_OF_H_

#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"

namespace octavo {

inline absl::string_view TextOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_TEXT_OF_H_
