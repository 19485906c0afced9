#include "client/cli/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ftxui/dom/elements.hpp>
#include <ftxui/screen/screen.hpp>
#include <ftxui/screen/string.hpp>

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

// A second of it: "1,234/s", "0.5/s", "12.3 MB/s".
std::string RateText(double rate, const std::string& unit) {
  const auto whole = static_cast<int64_t>(rate);
  if (unit == "bytes") return absl::StrCat(BytesText(whole), "/s");
  return rate < 10 ? absl::StrFormat("%.1f/s", rate) : absl::StrCat(GroupDigits(whole), "/s");
}

// "4,000 of 10,000 examples, 1,234/s, 4.9 s left"
std::string FiguresText(const StepProgress& progress) {
  if (progress.total == 0) return "";
  const std::string done =
      progress.unit == "bytes" ? BytesText(progress.done) : GroupDigits(progress.done);
  std::string figures = absl::StrCat(done, " of ", AmountText(progress.total, progress.unit));
  const double seconds = absl::ToDoubleSeconds(progress.elapsed);
  const int64_t since = progress.done - progress.begun_done;
  if (since <= 0 || seconds <= 0) return figures;
  const double rate = since / seconds;
  absl::StrAppend(&figures, ", ", RateText(rate, progress.unit));
  // Before, it is a guess.
  if (seconds > 1 && progress.done < progress.total) {
    const absl::Duration left = absl::Seconds((progress.total - progress.done) / rate);
    absl::StrAppend(&figures, ", ", DurationText(left), " left");
  }
  return figures;
}

// `text` in at most `cells` of a terminal.
std::string Shortened(std::string text, int cells) {
  if (ftxui::string_width(text) <= cells) return text;
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  while (!text.empty() && ftxui::string_width(text) >= cells) {
    while (text.size() > 1 && is_inside(text.back())) text.pop_back();
    text.pop_back();
  }
  return cells > 0 ? text + "…" : "";
}

// Of what is drawn to: standard output may be a file, or another terminal.
int TerminalColumns() {
  winsize size = {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
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

std::string RenderProgress(const StepProgress& progress, int columns) {
  using namespace ftxui;  // NOLINT: its element functions read as a notation
  constexpr int kNameCells = 24, kBarCells = 20, kLeastBarCells = 4;
  const std::string figures = FiguresText(progress);
  // A line that fills the last column wraps on some terminals.
  const int cells = std::max(columns - 1, 1);
  const int room = std::max(cells - string_width(figures) - 1, 0);
  int bar_cells = std::clamp(room - kNameCells, 0, kBarCells);
  if (bar_cells < kLeastBarCells) bar_cells = 0;
  const int name_cells =
      std::min(room - bar_cells, std::max(kNameCells, string_width(progress.step) + 1));
  const float fraction =
      progress.total > 0 ? static_cast<float>(static_cast<double>(progress.done) / progress.total)
                         : 0.0f;
  const Element line =
      hbox({text(Shortened(progress.step, name_cells - 1)) | size(WIDTH, EQUAL, name_cells),
            gauge(fraction) | size(WIDTH, EQUAL, bar_cells), text(" "), text(figures)});
  Screen screen(cells, 1);
  Render(screen, line);
  return screen.ToString();
}

std::string ProgressSummary(const StepProgress& progress) {
  std::string summary = absl::StrCat(progress.step, ": ", AmountText(progress.done, progress.unit));
  const int64_t since = progress.done - progress.begun_done;
  if (since <= 0) return summary;
  if (progress.begun_done > 0) {
    absl::StrAppend(&summary, ", the last ", AmountText(since, progress.unit));
  }
  absl::StrAppend(&summary, " in ", DurationText(progress.elapsed));
  return summary;
}

ProgressDisplay::ProgressDisplay() : terminal_(::isatty(STDERR_FILENO) == 1) {}
ProgressDisplay::~ProgressDisplay() { Clear(); }

void ProgressDisplay::Update(const std::string& step, int64_t done, int64_t total,
                             const std::string& unit, absl::Time at) {
  if (step != progress_.step || done < progress_.done || at < begun_) {
    if (step != progress_.step) EndStep();
    progress_ = {.step = step, .unit = unit, .begun_done = done};
    begun_ = at;
    drawn_ = absl::InfinitePast();
  }
  progress_.done = done;
  progress_.total = total;
  progress_.elapsed = at - begun_;
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
  if (!terminal_ && !progress_.step.empty() && progress_.total > 0) {
    std::fprintf(stderr, "%s\n", ProgressSummary(progress_).c_str());
  }
  progress_ = {};
}

void ProgressDisplay::Draw() {
  constexpr int kMostColumns = 120;
  drawn_ = absl::Now();
  const std::string line = RenderProgress(progress_, std::min(TerminalColumns(), kMostColumns));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  on_screen_ = true;
}

}  // namespace octavo
