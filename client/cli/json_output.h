// Messages as JSON on standard output.

#ifndef OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_
#define OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_

#include <google/protobuf/message.h>

namespace octavo {

// Indented, with the proto's field names.
void PrintJson(const google::protobuf::Message& message);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_JSON_OUTPUT_H_
