#include "server/jobs/failure_message.h"

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "google/rpc/error_details.pb.h"

namespace octavo {
namespace {

constexpr size_t kMaxLines = 50;
constexpr size_t kMaxLineBytes = 500;

std::string Printable(absl::string_view line) {
  std::string text(line.substr(0, kMaxLineBytes));
  for (char& c : text) {
    if (!absl::ascii_isprint(c) && c != '\t') c = '?';
  }
  return text;
}

}  // namespace

google::rpc::Status FailureMessage(const absl::Status& error,
                                   const std::vector<std::string>& last_lines) {
  google::rpc::Status message = ToRpcStatus(error);
  if (last_lines.empty()) return message;
  google::rpc::DebugInfo info;
  const size_t first = last_lines.size() > kMaxLines ? last_lines.size() - kMaxLines : 0;
  for (size_t i = first; i < last_lines.size(); ++i) {
    info.add_stack_entries(Printable(last_lines[i]));
  }
  message.add_details()->PackFrom(info);
  return message;
}

}  // namespace octavo
