// Texts out of hostile files, made fit for protobuf, which refuses whole messages for one wrong
// byte.

#ifndef OCTAVO_CORE_ENGINE_VALID_UTF8_H_
#define OCTAVO_CORE_ENGINE_VALID_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace octavo {

// `text` with U+FFFD for each byte that is not of UTF-8.
std::string ValidUtf8(absl::string_view text);

// The same for every string in `message`, at any depth. A packed message (google.protobuf.Any) in a
// repeated field that cannot be read for this reason is left out.
void MakeValidUtf8(google::protobuf::Message& message);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_VALID_UTF8_H_
