#include "core/report/scatter_chart.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/report/chart_axis.h"
#include "core/report/html_text.h"

namespace octavo {
namespace {

constexpr double kWidth = 460;
constexpr double kHeight = 330;
constexpr double kLeft = 54;
constexpr double kRight = 14;
constexpr double kTop = 14;
constexpr double kBottom = 48;
constexpr double kLabelHeight = 14;
constexpr double kCharacterWidth = 6.7;
constexpr double kRadius = 5.5;

struct Box {
  double left, top, right, bottom;

  bool Meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

struct Label {
  double x, y;  // of its text's left end and baseline
  Box box;
  bool needs_line;
};

// Where a label may stand beside its point, the best first.
struct Offset {
  double x, y;
  bool to_the_left;
};
constexpr Offset kOffsets[] = {
    {9, 4, false},    {-9, 4, true},    {8, -10, false},  {8, 18, false},   {-8, -10, true},
    {-8, 18, true},   {14, -24, false}, {14, 33, false},  {-14, -24, true}, {-14, 33, true},
    {18, -40, false}, {18, 49, false},  {-18, -40, true}, {-18, 49, true},  {22, -56, false},
    {22, 65, false},  {-22, 65, true},  {-22, -56, true}, {26, 81, false},  {26, -72, false}};

struct Placed {
  const ScatterPoint* point;
  double x, y;
};

double RadiusOf(const ScatterPoint& point) { return point.is_marked ? kRadius + 4 : kRadius; }

Box Around(const Placed& placed) {
  const double radius = RadiusOf(*placed.point) + 1.5;
  return {placed.x - radius, placed.y - radius, placed.x + radius, placed.y + radius};
}

// Where nothing else is; nothing where there is no such place: the legend names the point too.
std::optional<Label> FindPlace(const Placed& placed, const std::vector<Box>& taken) {
  const double width = static_cast<double>(placed.point->label.size()) * kCharacterWidth;
  for (const Offset& offset : kOffsets) {
    const double aside = offset.x * RadiusOf(*placed.point) / kRadius;
    const double left = placed.x + aside - (offset.to_the_left ? width : 0);
    const double baseline = placed.y + offset.y;
    const Box box{left - 1, baseline - kLabelHeight + 3, left + width + 1, baseline + 3};
    const bool outside = box.left < kLeft + 2 || box.right > kWidth - 2 || box.top < 2 ||
                         box.bottom > kHeight - kBottom - 2;
    const bool meets =
        std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.Meets(other); });
    if (!outside && !meets) return Label{left, baseline, box, std::abs(offset.y) > 20};
  }
  return std::nullopt;
}

bool Dominates(const ScatterPoint& a, const ScatterPoint& b) {
  return a.x <= b.x && a.y >= b.y && (a.x < b.x || a.y > b.y);
}

bool IsOnFront(const ScatterPoint& point, const std::vector<ScatterPoint>& points) {
  return std::none_of(points.begin(), points.end(),
                      [&](const ScatterPoint& other) { return Dominates(other, point); });
}

ChartAxis XAxis(const std::vector<ScatterPoint>& points) {
  double low = points[0].x, high = points[0].x;
  for (const ScatterPoint& point : points) {
    low = std::min(low, point.x);
    high = std::max(high, point.x);
  }
  if (low > 0 && high / low > 15)
    return ChartAxis::Logarithmic(low / 1.5, high * 1.5, kLeft, kWidth - kRight);
  return ChartAxis::Linear(0, high * 1.1, kLeft, kWidth - kRight);
}

bool HasBand(const ScatterOptions& options) {
  return std::isfinite(options.band_low + options.band_high) &&
         options.band_high > options.band_low;
}

ChartAxis YAxis(const std::vector<ScatterPoint>& points, const ScatterOptions& options) {
  double low = points[0].y, high = points[0].y;
  for (const ScatterPoint& point : points) {
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
  if (HasBand(options)) {
    low = std::min(low, options.band_low);
    high = std::max(high, options.band_high);
  }
  const double margin = std::max((high - low) * 0.12, 0.05);
  return ChartAxis::Linear(low - margin, high + margin, kHeight - kBottom, kTop);
}

void DrawBand(const ChartAxis& y, const ScatterOptions& options, std::string& out) {
  if (!HasBand(options)) return;
  const double top = y.Place(options.band_high);
  absl::StrAppend(&out, "<rect class=band x=", kLeft, " y=", PlaceText(top),
                  " width=", kWidth - kRight - kLeft,
                  " height=", PlaceText(y.Place(options.band_low) - top),
                  " /><text class=tick x=", kWidth - kRight - 6, " y=", PlaceText(top + 15),
                  " text-anchor=end>", EscapeHtml(options.band_text), "</text>");
}

void DrawAxes(const ChartAxis& x, const ChartAxis& y, const ScatterOptions& options,
              std::string& out) {
  DrawRows(y, 5, kLeft, kWidth - kRight, out);
  for (const Tick& tick : x.Ticks(5)) {
    const std::string place = PlaceText(x.Place(tick.value));
    absl::StrAppend(&out, "<path class=grid d=\"M", place, " ", kTop, "V", kHeight - kBottom,
                    "\"/><text class=tick x=", place, " y=", kHeight - kBottom + 17,
                    " text-anchor=middle>", tick.text, "</text>");
  }
  absl::StrAppend(&out, "<path class=axis d=\"M", kLeft, " ", kTop, "V", kHeight - kBottom, "H",
                  kWidth - kRight, "\"/>");
  DrawTitles({kLeft, kTop, kWidth - kRight, kHeight - kBottom, kHeight}, options.x_title,
             options.y_title, out);
}

// Steps: between two points of the front nothing better is known than the cheaper one.
void DrawFront(std::vector<Placed> front, std::string& out) {
  if (front.size() < 2) return;
  std::sort(front.begin(), front.end(), [](const Placed& a, const Placed& b) { return a.x < b.x; });
  absl::StrAppend(&out, "<path class=front d=\"M", PlaceText(front[0].x), " ",
                  PlaceText(front[0].y));
  for (size_t i = 1; i < front.size(); ++i) {
    absl::StrAppend(&out, "H", PlaceText(front[i].x), "V", PlaceText(front[i].y));
  }
  absl::StrAppend(&out, "\"/>");
}

void DrawPoint(const Placed& placed, bool is_on_front, std::string& out) {
  const ScatterPoint& point = *placed.point;
  const std::string at = absl::StrCat("cx=", PlaceText(placed.x), " cy=", PlaceText(placed.y));
  absl::StrAppend(&out, "<g class=\"point k", point.colour, is_on_front ? "" : " behind",
                  "\"><title>", EscapeHtml(point.tooltip), "</title>");
  if (point.is_marked)
    absl::StrAppend(&out, "<circle class=ring ", at, " r=", RadiusOf(point), " />");
  absl::StrAppend(&out, "<circle class=dot ", at, " r=", kRadius, " /></g>");
}

void DrawLabels(const std::vector<Placed>& placed, std::string& out) {
  std::vector<Box> taken;
  for (const Placed& point : placed) taken.push_back(Around(point));
  std::vector<const Placed*> order;
  for (const Placed& point : placed) order.push_back(&point);
  std::stable_sort(order.begin(), order.end(), [](const Placed* a, const Placed* b) {
    return a->point->is_marked > b->point->is_marked;
  });
  for (const Placed* point : order) {
    const std::optional<Label> label = FindPlace(*point, taken);
    if (!label) continue;
    taken.push_back(label->box);
    if (label->needs_line) {
      const double end = label->x > point->x ? label->x - 2 : label->box.right + 1;
      absl::StrAppend(&out, "<path class=leader d=\"M", PlaceText(point->x), " ",
                      PlaceText(point->y), "L", PlaceText(end), " ", PlaceText(label->y - 4),
                      "\"/>");
    }
    absl::StrAppend(&out, "<text class=\"label", point->point->is_marked ? " marked" : "",
                    "\" x=", PlaceText(label->x), " y=", PlaceText(label->y), ">",
                    EscapeHtml(point->point->label), "</text>");
  }
}

}  // namespace

std::string ScatterChart(std::vector<ScatterPoint> points, const ScatterOptions& options) {
  points.erase(
      std::remove_if(points.begin(), points.end(),
                     [](const ScatterPoint& point) { return !std::isfinite(point.x + point.y); }),
      points.end());
  if (points.size() < 2) return "";
  const ChartAxis x = XAxis(points);
  const ChartAxis y = YAxis(points, options);
  std::vector<Placed> placed, front;
  for (const ScatterPoint& point : points) {
    placed.push_back({&point, x.Place(point.x), y.Place(point.y)});
    if (IsOnFront(point, points)) front.push_back(placed.back());
  }
  std::string out = absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight,
                                 "\" role=img aria-label=\"", EscapeHtml(options.title), "\">");
  DrawBand(y, options, out);
  DrawAxes(x, y, options, out);
  DrawFront(front, out);
  for (const Placed& point : placed) DrawPoint(point, IsOnFront(*point.point, points), out);
  DrawLabels(placed, out);
  absl::StrAppend(&out, "</svg>");
  return out;
}

}  // namespace octavo
