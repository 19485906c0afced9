#include "client/cli/data_argument.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace octavo {
namespace {

// Whether `text` is the end of an input's name such as "x:0": digits, then '='.
bool ContinuesName(absl::string_view text) {
  const size_t digits = text.find_first_not_of("0123456789");
  return digits != absl::string_view::npos && digits > 0 && text[digits] == '=';
}

// The parts between colons, those of an input's name joined again.
std::vector<std::string> SplitParts(const std::string& text) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(text, ':')) {
    const bool joins = parts.size() > 1 && ContinuesName(part);
    if (joins) {
      absl::StrAppend(&parts.back(), ":", part);
    } else {
      parts.emplace_back(part);
    }
  }
  return parts;
}

}  // namespace

absl::StatusOr<DataArgument> ParseDataArgument(const std::string& text) {
  const std::vector<std::string> parts = SplitParts(text);
  DataArgument argument;
  argument.path = parts[0];
  if (argument.path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' names no file"));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    for (absl::string_view binding : absl::StrSplit(parts[i], ',')) {
      const std::vector<std::string> sides = absl::StrSplit(binding, absl::MaxSplits('=', 1));
      if (sides.back().empty() || sides.front().empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("'", text, "': '", binding, "' is not INPUT=ARRAY"));
      }
      if (sides.size() == 2 && sides[0] == "labels") {
        argument.use.set_labels(sides[1]);
        continue;
      }
      v1::ArrayBinding& added = *argument.use.add_bindings();
      if (sides.size() == 2) added.set_input(sides[0]);
      for (absl::string_view array : absl::StrSplit(sides.back(), '+')) {
        added.add_arrays(std::string(array));
      }
    }
  }
  return argument;
}

}  // namespace octavo
