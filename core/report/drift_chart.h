// How variants that see their own outputs part from float32, step by step.

#ifndef OCTAVO_CORE_REPORT_DRIFT_CHART_H_
#define OCTAVO_CORE_REPORT_DRIFT_CHART_H_

#include <string>
#include <vector>

namespace octavo {

struct DriftSeries {
  std::string label;
  int colour = 0;
  std::vector<double> steps;   // ascending
  std::vector<double> values;  // as many; what is not finite is left out
};

// An <svg> of lines over steps; empty where no series has a point.
std::string DriftChart(const std::vector<DriftSeries>& series, const std::string& title,
                       const std::string& y_title);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_DRIFT_CHART_H_
