#include "server/store/page.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/base/crc32c.h"
#include "core/base/error_reason.h"

namespace octavo {
namespace {

// Not a secret: it tells a damaged token from one of ours.
std::string CheckOf(absl::string_view time, absl::string_view name) {
  return absl::StrFormat("%08x", Crc32c(absl::StrCat("page 1 ", time, " ", name)));
}

}  // namespace

std::string EncodePageToken(const PageStart& start) {
  const std::string time = absl::StrCat(start.create_time_us);
  return absl::WebSafeBase64Escape(
      absl::StrCat(time, " ", start.name, " ", CheckOf(time, start.name)));
}

absl::StatusOr<PageRequest> ParsePageRequest(int size, absl::string_view token) {
  if (size < 0) return FieldError("page_size", "negative");
  PageRequest request;
  request.size = size == 0 ? kDefaultPageSize : std::min(size, kMaxPageSize);
  if (token.empty()) return request;

  std::string text;
  if (token.size() > 512 || !absl::WebSafeBase64Unescape(token, &text)) {
    return FieldError("page_token", "not one of this server's");
  }
  const std::vector<std::string> parts = absl::StrSplit(text, ' ');
  if (parts.size() != 3 || parts[2] != CheckOf(parts[0], parts[1]) ||
      !absl::SimpleAtoi(parts[0], &request.start.create_time_us)) {
    return FieldError("page_token", "not one of this server's");
  }
  request.start.name = parts[1];
  return request;
}

}  // namespace octavo
