// Messages as JSON on standard output.

#ifndef OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_
#define OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_

#include <google/protobuf/message.h>

#include "absl/status/status.h"

namespace octavo {

// Indented, with the proto's field names. INTERNAL, and nothing printed: a detail in it is of a
// type that this program does not know.
absl::Status PrintJson(const google::protobuf::Message& message);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_
