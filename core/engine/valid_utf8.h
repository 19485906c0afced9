// Texts out of hostile files, made fit for protobuf, which refuses whole messages for one wrong
// byte.

#ifndef OCTAVO_CORE_ENGINE_VALID_UTF8_H_
#define OCTAVO_CORE_ENGINE_VALID_UTF8_H_

#include "google/protobuf/message.h"

namespace octavo {

// Corrects every string in `message`, at any depth, as ValidUtf8 does (core/base/utf8.h). A packed
// message (google.protobuf.Any) in a repeated field that cannot be read for this reason is left
// out.
void MakeValidUtf8(google::protobuf::Message& message);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_VALID_UTF8_H_
