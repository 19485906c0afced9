// How far something is: one line redrawn on a terminal, a line at the end of each step elsewhere.
// On standard error.

#ifndef OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_
#define OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace octavo {

// Not thread-safe.
class ProgressDisplay {
 public:
  ProgressDisplay();
  ~ProgressDisplay();

  // `step` is at `done` of `total` (0: not known) `unit`s: "evaluate int8", 4,000 of 10,000
  // "examples".
  void Update(const std::string& step, int64_t done, int64_t total, const std::string& unit);
  // A line that stays.
  void Line(const std::string& text);
  // The bar goes away.
  void Clear();

 private:
  void EndStep();
  void Draw();

  const bool terminal_;
  std::string step_;
  std::string unit_;
  int64_t done_ = 0;
  int64_t total_ = 0;
  absl::Time begun_;
  absl::Time drawn_;
  bool on_screen_ = false;
};

// "1.5 MB", "12 s", "3 min 20 s".
std::string BytesText(int64_t bytes);
std::string DurationText(absl::Duration duration);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_
