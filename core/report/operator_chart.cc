#include "core/report/operator_chart.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "core/report/chart_axis.h"
#include "core/report/html_text.h"

namespace octavo {
namespace {

constexpr double kWidth = 460;
constexpr double kHeight = 230;
constexpr double kLeft = 44;
constexpr double kRight = 12;
constexpr double kTop = 10;
constexpr double kBottom = 40;
constexpr double kRadius = 3;
constexpr size_t kMaxPoints = 200;
// What lies beyond is drawn at the edge: no reader tells 120 dB from 100.
constexpr double kLowestDb = -20;
constexpr double kHighestDb = 100;

// A ratio and the place of its operator.
struct Mark {
  size_t place = 0;
  double decibel = 0;
};

// The finite ones, the worst of each `step` operators.
std::vector<Mark> Marks(const std::vector<OperatorPoint>& points, double OperatorPoint::* ratio,
                        size_t step) {
  std::vector<Mark> marks;
  for (size_t begin = 0; begin < points.size(); begin += step) {
    const Mark* worst = nullptr;
    Mark mark;
    for (size_t i = begin; i < std::min(begin + step, points.size()); ++i) {
      const double decibel = points[i].*ratio;
      if (!std::isfinite(decibel)) continue;
      if (worst != nullptr && decibel >= worst->decibel) continue;
      mark = {i, decibel};
      worst = &mark;
    }
    if (worst == nullptr) continue;
    marks.push_back({mark.place, std::clamp(mark.decibel, kLowestDb, kHighestDb)});
  }
  return marks;
}

ChartAxis YAxis(const std::vector<Mark>& line, const std::vector<Mark>& dots) {
  double low = kHighestDb, high = kLowestDb;
  for (const auto* marks : {&line, &dots}) {
    for (const Mark& mark : *marks) {
      low = std::min(low, mark.decibel);
      high = std::max(high, mark.decibel);
    }
  }
  return ChartAxis::Linear(std::min(low - 3, high - 10), high + 3, kHeight - kBottom, kTop);
}

void DrawAxes(const ChartAxis& x, const ChartAxis& y, std::string& out) {
  const double bottom = kHeight - kBottom;
  DrawRows(y, 5, kLeft, kWidth - kRight, out);
  for (const Tick& tick : x.Ticks(8)) {
    if (tick.value != std::floor(tick.value)) continue;
    absl::StrAppend(&out, "<text class=tick x=", PlaceText(x.Place(tick.value)), " y=", bottom + 16,
                    " text-anchor=middle>", tick.text, "</text>");
  }
  absl::StrAppend(&out, "<path class=axis d=\"M", kLeft, " ", bottom, "H", kWidth - kRight, "\"/>");
  DrawTitles({kLeft, kTop, kWidth - kRight, bottom, kHeight}, "operator", "SQNR, dB", out);
}

void DrawLine(const std::vector<Mark>& line, const ChartAxis& x, const ChartAxis& y,
              std::string& out) {
  if (line.size() < 2) return;
  absl::StrAppend(&out, "<path class=trace d=\"");
  for (size_t i = 0; i < line.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "M" : "L",
                    PlaceText(x.Place(static_cast<double>(line[i].place))), " ",
                    PlaceText(y.Place(line[i].decibel)));
  }
  absl::StrAppend(&out, "\"/>");
}

}  // namespace

std::string OperatorChart(const std::vector<OperatorPoint>& points, int colour,
                          const std::string& title) {
  const size_t step = (points.size() + kMaxPoints - 1) / kMaxPoints;
  if (step == 0) return "";
  const std::vector<Mark> line = Marks(points, &OperatorPoint::sqnr_db, step);
  const std::vector<Mark> dots = Marks(points, &OperatorPoint::alone_db, step);
  if (line.size() + dots.size() < 2) return "";
  const ChartAxis x =
      ChartAxis::Linear(0, static_cast<double>(points.size()) - 1, kLeft + 8, kWidth - kRight - 6);
  const ChartAxis y = YAxis(line, dots);
  std::string out = absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight, "\" role=img class=k",
                                 colour, " aria-label=\"", EscapeHtml(title), "\">");
  DrawAxes(x, y, out);
  DrawLine(line, x, y, out);
  for (const Mark& dot : dots) {
    absl::StrAppend(&out,
                    "<circle class=dot cx=", PlaceText(x.Place(static_cast<double>(dot.place))),
                    " cy=", PlaceText(y.Place(dot.decibel)), " r=", kRadius, "><title>",
                    EscapeHtml(points[dot.place].tooltip), "</title></circle>");
  }
  absl::StrAppend(&out, "</svg>");
  return out;
}

}  // namespace octavo
