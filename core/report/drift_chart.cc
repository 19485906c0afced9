#include "core/report/drift_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/report/chart_axis.h"
#include "core/report/html_text.h"

namespace octavo {
namespace {

constexpr double kWidth = 460;
constexpr double kHeight = 300;
constexpr double kLeft = 56;
constexpr double kRight = 14;
constexpr double kTop = 10;
constexpr double kBottom = 46;
// Fewer points than this are marked, so that one alone is seen.
constexpr size_t kMaxMarked = 40;

struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

struct Extents {
  Extent steps;
  Extent values;
};

Extents ExtentsOf(const std::vector<DriftSeries>& series) {
  Extents extents;
  for (const DriftSeries& one : series) {
    for (size_t i = 0; i < one.values.size(); ++i) {
      if (!std::isfinite(one.values[i])) continue;
      extents.steps.Add(one.steps[i]);
      extents.values.Add(one.values[i]);
    }
  }
  return extents;
}

void DrawAxes(const ChartAxis& x, const ChartAxis& y, const std::string& y_title,
              std::string& out) {
  const double bottom = kHeight - kBottom;
  DrawRows(y, 5, kLeft, kWidth - kRight, out);
  for (const Tick& tick : x.Ticks(6)) {
    if (std::trunc(tick.value) != tick.value) continue;  // there are no half steps
    absl::StrAppend(&out, "<text class=tick x=", PlaceText(x.Place(tick.value)), " y=", bottom + 17,
                    " text-anchor=middle>", tick.text, "</text>");
  }
  absl::StrAppend(&out, "<path class=axis d=\"M", kLeft, " ", bottom, "H", kWidth - kRight, "\"/>");
  DrawTitles({kLeft, kTop, kWidth - kRight, bottom, kHeight}, "step in its sequence", y_title, out);
}

void DrawSeries(const DriftSeries& series, const ChartAxis& x, const ChartAxis& y,
                std::string& out) {
  std::string line, dots;
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (!std::isfinite(series.values[i])) continue;
    const std::string across = PlaceText(x.Place(series.steps[i]));
    const std::string up = PlaceText(y.Place(series.values[i]));
    absl::StrAppend(&line, line.empty() ? "M" : "L", across, " ", up);
    if (series.values.size() > kMaxMarked) continue;
    absl::StrAppend(&dots, "<circle class=dot cx=", across, " cy=", up, " r=3><title>",
                    EscapeHtml(series.label), ", step ", series.steps[i], ": ",
                    absl::StrFormat("%.4g", series.values[i]), "</title></circle>");
  }
  if (line.empty()) return;
  absl::StrAppend(&out, "<g class=k", series.colour, "><path class=drift d=\"", line, "\"><title>",
                  EscapeHtml(series.label), "</title></path>", dots, "</g>");
}

}  // namespace

std::string DriftChart(const std::vector<DriftSeries>& series, const std::string& title,
                       const std::string& y_title) {
  const Extents extents = ExtentsOf(series);
  if (!std::isfinite(extents.values.low)) return "";
  const double margin =
      std::max((extents.values.high - extents.values.low) * 0.06, 1e-6 * extents.values.high);
  const ChartAxis x =
      ChartAxis::Linear(extents.steps.low, std::max(extents.steps.high, extents.steps.low + 1),
                        kLeft, kWidth - kRight);
  const ChartAxis y = ChartAxis::Linear(extents.values.low - margin, extents.values.high + margin,
                                        kHeight - kBottom, kTop);
  std::string out = absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight,
                                 "\" role=img aria-label=\"", EscapeHtml(title), "\">");
  DrawAxes(x, y, y_title, out);
  for (const DriftSeries& one : series) DrawSeries(one, x, y, out);
  absl::StrAppend(&out, "</svg>");
  return out;
}

}  // namespace octavo
