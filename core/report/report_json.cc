#include "core/report/report_json.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace octavo {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::ordered_json;

bool Is64Bit(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
}

// protobuf writes 64-bit integers as strings; ours are counts and bytes, which doubles hold.
void MakeNumber(Json& value) {
  int64_t number = 0;
  if (value.is_string() && absl::SimpleAtoi(value.get_ref<const std::string&>(), &number))
    value = number;
}

void MakeNumbers(const Descriptor& message, Json& json);

void MakeNumbers(const FieldDescriptor& field, Json& value) {
  if (value.is_array()) {
    for (Json& element : value) MakeNumbers(field, element);
  } else if (Is64Bit(field)) {
    MakeNumber(value);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && value.is_object()) {
    MakeNumbers(*field.message_type(), value);
  }
}

// `json` is an object with the fields of `message`; what protobuf writes otherwise (timestamps,
// details) it is not.
void MakeNumbers(const Descriptor& message, Json& json) {
  if (message.full_name() == google::protobuf::Any::descriptor()->full_name()) return;
  for (auto& [name, value] : json.items()) {
    const FieldDescriptor* field = message.FindFieldByName(name);
    if (field != nullptr) MakeNumbers(*field, value);
  }
}

// Indented by two, but arrays of numbers and names in one line: a report has thousands of samples.
void Write(const Json& json, int indent, std::string& out) {
  const auto is_plain = [](const Json& value) { return value.is_primitive(); };
  if (json.is_primitive() || json.empty()) {
    out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const bool in_one_line = json.is_array() && std::all_of(json.begin(), json.end(), is_plain);
  const std::string line =
      in_one_line ? "" : absl::StrCat("\n", std::string(static_cast<size_t>(indent) + 2, ' '));
  out += json.is_array() ? '[' : '{';
  bool first = true;
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (!first) out += in_one_line ? ", " : ",";
    first = false;
    out += line;
    if (json.is_object())
      absl::StrAppend(&out, Json(it.key()).dump(-1, ' ', false, Json::error_handler_t::replace),
                      ": ");
    Write(*it, indent + 2, out);
  }
  if (!in_one_line) absl::StrAppend(&out, "\n", std::string(static_cast<size_t>(indent), ' '));
  out += json.is_array() ? ']' : '}';
}

// protobuf cannot write a detail of a type that this program does not know; its message says what
// went wrong anyway.
void DropUnknownDetails(v1::Report& report) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    if (!variant.has_error()) continue;
    auto& details = *variant.mutable_error()->mutable_details();
    for (int i = details.size() - 1; i >= 0; --i) {
      const std::string& url = details[i].type_url();
      const Descriptor* type = pool->FindMessageTypeByName(url.substr(url.rfind('/') + 1));
      if (type == nullptr) details.DeleteSubrange(i, 1);
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ReportJson(const v1::Report& report) {
  v1::Report writable = report;
  DropUnknownDetails(writable);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(writable, &text, options);
  if (!status.ok())
    return absl::InternalError(absl::StrCat("the report as JSON: ", status.ToString()));
  Json json = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InternalError("the report as JSON: protobuf wrote no object");
  MakeNumbers(*v1::Report::descriptor(), json);
  std::string out;
  Write(json, 0, out);
  out += '\n';
  return out;
}

}  // namespace octavo
