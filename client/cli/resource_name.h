// What the server has, told apart from files here.

#ifndef OCTAVO_CLIENT_CLI_RESOURCE_NAME_H_
#define OCTAVO_CLIENT_CLI_RESOURCE_NAME_H_

#include "absl/strings/string_view.h"

namespace octavo {

// Whether `text` is a name that the server gives: `collection`, a slash and 26 characters of a-z
// and 2-7. "models/digits.tflite" is a file.
bool IsServerResource(absl::string_view text, absl::string_view collection);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_RESOURCE_NAME_H_
