// A scatter plot of variants: what is good lies up and left, and the Pareto front goes through the
// best.

#ifndef OCTAVO_CORE_REPORT_SCATTER_CHART_H_
#define OCTAVO_CORE_REPORT_SCATTER_CHART_H_

#include <string>
#include <vector>

namespace octavo {

struct ScatterPoint {
  std::string label;
  std::string tooltip;
  double x = 0;  // the less the better
  double y = 0;  // the more the better
  int colour = 0;
  bool is_marked = false;
};

struct ScatterOptions {
  std::string title;
  std::string x_title;
  std::string y_title;
  // A band of y that is marked, such as what chance alone explains; nothing where high is not above
  // low.
  double band_low = 0;
  double band_high = 0;
  std::string band_text{};
};

// An <svg>. Points that are not finite are left out; empty where fewer than two are left. An x of
// more than fifteenfold range is drawn by its logarithm.
std::string ScatterChart(std::vector<ScatterPoint> points, const ScatterOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_SCATTER_CHART_H_
