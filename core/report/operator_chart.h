// A plot of what a variant loses along its operators.

#ifndef OCTAVO_CORE_REPORT_OPERATOR_CHART_H_
#define OCTAVO_CORE_REPORT_OPERATOR_CHART_H_

#include <limits>
#include <string>
#include <vector>

namespace octavo {

// One operator; a ratio that is not finite is not drawn.
struct OperatorPoint {
  std::string tooltip;
  double sqnr_db = std::numeric_limits<double>::quiet_NaN();
  double alone_db = std::numeric_limits<double>::quiet_NaN();
};

// An <svg>: a line through the accumulated ratios, and a dot for each operator alone. Of more than
// two hundred operators, the worst of each few that lie side by side. Empty where fewer than two
// ratios can be drawn.
std::string OperatorChart(const std::vector<OperatorPoint>& points, int colour,
                          const std::string& title);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_OPERATOR_CHART_H_
