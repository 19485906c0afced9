// The end of what a child wrote on its standard error.

#ifndef OCTAVO_CORE_ENGINE_LAST_LINES_H_
#define OCTAVO_CORE_ENGINE_LAST_LINES_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace octavo {

// Keeps the last so many lines of a text that comes in parts, each cut to `max_line_bytes` and safe
// to print: control characters and bytes beyond ASCII become \xNN. Not thread-safe: one owner.
class LastLines {
 public:
  LastLines(size_t max_lines, size_t max_line_bytes)
      : max_lines_(max_lines), max_line_bytes_(max_line_bytes) {}

  void Push(absl::string_view text);

  // With the last line, where it has no end yet.
  std::vector<std::string> Get() const;

 private:
  void PushCharacter(char character);

  size_t max_lines_;
  size_t max_line_bytes_;
  std::deque<std::string> lines_;
  std::string unfinished_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_LAST_LINES_H_
