#include "core/engine/last_lines.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace octavo {

void LastLines::PushCharacter(char character) {
  if (unfinished_.size() >= max_line_bytes_) return;
  if (character == '\t' || absl::ascii_isprint(static_cast<unsigned char>(character))) {
    unfinished_.push_back(character);
  } else {
    absl::StrAppend(&unfinished_, "\\x",
                    absl::Hex(static_cast<unsigned char>(character), absl::kZeroPad2));
  }
}

void LastLines::Push(absl::string_view text) {
  for (const char character : text) {
    if (character != '\n') {
      PushCharacter(character);
      continue;
    }
    lines_.push_back(std::exchange(unfinished_, ""));
    if (lines_.size() > max_lines_) lines_.pop_front();
  }
}

std::vector<std::string> LastLines::Get() const {
  std::vector<std::string> lines(lines_.begin(), lines_.end());
  if (!unfinished_.empty()) {
    lines.push_back(unfinished_);
    if (lines.size() > max_lines_) lines.erase(lines.begin());
  }
  return lines;
}

}  // namespace octavo
