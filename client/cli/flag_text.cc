#include "client/cli/flag_text.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace octavo {

absl::Status FlagError(absl::string_view flag, absl::string_view text, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " '", text, "': ", wanted));
}

bool ParseNumber(absl::string_view text, float* value) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  double upper = 0, lower = 1;
  if (parts.size() > 2 || !absl::SimpleAtod(parts[0], &upper)) return false;
  if (parts.size() == 2 && (!absl::SimpleAtod(parts[1], &lower) || lower == 0)) return false;
  *value = static_cast<float>(upper / lower);
  return true;
}

void AddRepeated(CLI::App& command, const char* name, std::vector<std::string>& values,
                 const char* type, const std::string& description) {
  command.add_option(name, values, description)->type_name(type)->allow_extra_args(false);
}

}  // namespace octavo
