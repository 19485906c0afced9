#include "client/cli/json_output.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <string>

namespace octavo {

void PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // Its details may hold a message of a type that this program does not know; the rest is still
  // worth printing.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    json = message.DebugString();
  }
  std::fputs(json.c_str(), stdout);
}

}  // namespace octavo
