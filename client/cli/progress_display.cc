#include "client/cli/progress_display.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ftxui/dom/elements.hpp>
#include <ftxui/screen/screen.hpp>
#include <ftxui/screen/terminal.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cli/table.h"

namespace octavo {
namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(100);

std::string AmountText(int64_t amount, const std::string& unit) {
  return unit == "bytes" ? BytesText(amount) : absl::StrCat(GroupDigits(amount), " ", unit);
}

}  // namespace

std::string BytesText(int64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  if (bytes < 1'000'000) return absl::StrFormat("%.1f kB", bytes / 1e3);
  if (bytes < 1'000'000'000) return absl::StrFormat("%.1f MB", bytes / 1e6);
  return absl::StrFormat("%.2f GB", bytes / 1e9);
}

std::string DurationText(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 10) return absl::StrFormat("%.1f s", seconds);
  const int64_t whole = absl::ToInt64Seconds(duration);
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole / 60 % 60, " min");
}

ProgressDisplay::ProgressDisplay() : terminal_(::isatty(STDERR_FILENO) == 1) {}
ProgressDisplay::~ProgressDisplay() { Clear(); }

void ProgressDisplay::Update(const std::string& step, int64_t done, int64_t total,
                             const std::string& unit) {
  if (step != step_) {
    EndStep();
    step_ = step;
    begun_ = absl::Now();
    drawn_ = absl::InfinitePast();
  }
  done_ = done;
  total_ = total;
  unit_ = unit;
  if (terminal_ && absl::Now() - drawn_ >= kRedraw) Draw();
}

void ProgressDisplay::Line(const std::string& text) {
  Clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void ProgressDisplay::Clear() {
  EndStep();
  if (on_screen_) std::fputs("\r\033[K", stderr);
  on_screen_ = false;
}

void ProgressDisplay::EndStep() {
  if (!terminal_ && !step_.empty() && total_ > 0) {
    const absl::Duration elapsed = absl::Now() - begun_;
    std::fprintf(stderr, "%s: %s in %s\n", step_.c_str(), AmountText(done_, unit_).c_str(),
                 DurationText(elapsed).c_str());
  }
  step_.clear();
  total_ = 0;
}

void ProgressDisplay::Draw() {
  using namespace ftxui;  // NOLINT: its element functions read as a notation
  drawn_ = absl::Now();
  const double elapsed = std::max(1e-3, absl::ToDoubleSeconds(drawn_ - begun_));
  const double rate = done_ / elapsed;
  std::string figures;
  if (total_ > 0) {
    absl::StrAppend(&figures, " ", AmountText(done_, unit_), " of ", AmountText(total_, unit_));
    if (done_ > 0) {
      absl::StrAppend(&figures, ", ", AmountText(static_cast<int64_t>(rate), unit_), "/s");
      if (elapsed > 1 && done_ < total_) {
        absl::StrAppend(&figures, ", ", DurationText(absl::Seconds((total_ - done_) / rate)),
                        " left");
      }
    }
  }
  const float fraction =
      total_ > 0 ? static_cast<float>(static_cast<double>(done_) / total_) : 0.0f;
  Element line = hbox({text(step_ + " ") | size(WIDTH, GREATER_THAN, 24),
                       gauge(fraction) | size(WIDTH, EQUAL, 20), text(figures)});
  Screen screen(std::min(Terminal::Size().dimx, 120), 1);
  Render(screen, line);
  std::fprintf(stderr, "\r\033[K%s", screen.ToString().c_str());
  std::fflush(stderr);
  on_screen_ = true;
}

}  // namespace octavo
