#include "client/cli/resource_name.h"

#include "absl/strings/strip.h"

namespace octavo {

bool IsServerResource(absl::string_view text, absl::string_view collection) {
  constexpr size_t kIdLength = 26;
  constexpr absl::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
  return absl::ConsumePrefix(&text, collection) && absl::ConsumePrefix(&text, "/") &&
         text.size() == kIdLength && text.find_first_not_of(kDigits) == absl::string_view::npos;
}

}  // namespace octavo
