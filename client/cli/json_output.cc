#include "client/cli/json_output.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace octavo {

absl::Status PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(
        absl::StrCat("the answer has no form in JSON: ", std::string(status.message())));
  }
  std::fputs(json.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace octavo
