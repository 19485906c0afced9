// Texts cut to a length.

#ifndef OCTAVO_CORE_BASE_TEXT_H_
#define OCTAVO_CORE_BASE_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace octavo {

// `text`, or as much of its beginning as fits with "..." into `limit` bytes. UTF-8 stays UTF-8: it
// is cut where a character begins. (Protobuf writes half a character and then refuses to read the
// whole message.) `limit` is 3 or more.
std::string Shortened(absl::string_view text, size_t limit);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_TEXT_H_
