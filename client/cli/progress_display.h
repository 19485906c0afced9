// How far something is: one line redrawn on a terminal, a line at the end of each step elsewhere.
// On standard error.

#ifndef OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_
#define OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_

#include <cstdint>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace octavo {

// Where a step is: `done` of `total` (0: not known) `unit`s. It was at `begun_done` when watching
// began, `elapsed` ago: only what came since then took that time.
struct StepProgress {
  std::string step;
  std::string unit;
  int64_t begun_done = 0;
  int64_t done = 0;
  int64_t total = 0;
  absl::Duration elapsed;
};

// One line of fewer cells than `columns`: the name, a bar, the figures with rate and time left.
// Where there is little room the figures stay whole, and the bar and then the name give way.
std::string RenderProgress(const StepProgress& progress, int columns);

// What the step took, once it is over: "evaluate int8: 10,000 examples in 3.1 s".
std::string ProgressSummary(const StepProgress& progress);

// Not thread-safe.
class ProgressDisplay {
 public:
  ProgressDisplay();
  ~ProgressDisplay();

  // `step` is at `done` of `total` (0: not known) `unit`s: "evaluate int8", 4,000 of 10,000
  // "examples". `at`: when it was there, by any clock that is the step's own; what is told late
  // would seem to go fast. Where `done` or `at` falls back, the step begins anew.
  void Update(const std::string& step, int64_t done, int64_t total, const std::string& unit,
              absl::Time at = absl::Now());
  // A line that stays.
  void Line(const std::string& text);
  // The bar goes away.
  void Clear();

 private:
  void EndStep();
  void Draw();

  const bool terminal_;
  StepProgress progress_;
  absl::Time begun_;
  absl::Time drawn_;
  bool on_screen_ = false;
};

// "1.5 MB", "12 s", "3 min 20 s".
std::string BytesText(int64_t bytes);
std::string DurationText(absl::Duration duration);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_PROGRESS_DISPLAY_H_
