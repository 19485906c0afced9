// The axis of a plot: where a value lies, and where its marks stand.

#ifndef OCTAVO_CORE_REPORT_CHART_AXIS_H_
#define OCTAVO_CORE_REPORT_CHART_AXIS_H_

#include <string>
#include <vector>

namespace octavo {

struct Tick {
  double value;
  std::string text;
};

// Values from `low` to `high` on places from `begin` to `end`. Made so that it cannot divide by
// zero.
class ChartAxis {
 public:
  static ChartAxis Linear(double low, double high, double begin, double end);
  // Of positive values, by their logarithms.
  static ChartAxis Logarithmic(double low, double high, double begin, double end);

  double Place(double value) const;
  // About `count` round values inside.
  std::vector<Tick> Ticks(int count) const;
  double begin() const { return begin_; }
  double end() const { return end_; }

 private:
  ChartAxis(double low, double high, double begin, double end, bool is_logarithmic);

  double low_;
  double high_;
  double begin_;
  double end_;
  bool is_logarithmic_;
};

// A place for SVG: one decimal.
std::string PlaceText(double place);

// Of an upright axis: a line from `left` to `right` and a number for each of about `count` values.
void DrawRows(const ChartAxis& y, int count, double left, double right, std::string& out);

// Where a plot of `height` has its axes.
struct PlotFrame {
  double left, top, right, bottom;
  double height;
};
// What the axes measure, below and left of them. Escapes the titles.
void DrawTitles(const PlotFrame& frame, const std::string& x_title, const std::string& y_title,
                std::string& out);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_CHART_AXIS_H_
