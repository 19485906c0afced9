// What quantization did class by class: how the share of each class that is found changed.

#ifndef OCTAVO_CORE_REPORT_CLASS_CHART_H_
#define OCTAVO_CORE_REPORT_CLASS_CHART_H_

#include <string>
#include <vector>

#include "octavo/v1/report.pb.h"

namespace octavo {

struct ClassSeries {
  std::string label;
  const v1::Accuracy* accuracy;
  int colour = 0;
};

// An <svg>: of each class and series the change of recall against `float32`, percentage points.
// Classes without examples are left out; of more than twenty the twenty that changed most are
// drawn. Empty where there is no confusion matrix.
std::string ClassChart(const v1::Accuracy& float32, const std::vector<ClassSeries>& series,
                       const std::string& title);

// An <svg> heat map of `accuracy`'s confusion matrix (rows: true class), or, where `float32` is
// given, of its change against that. Empty where there is no confusion matrix.
std::string ConfusionChart(const v1::Accuracy& accuracy, const v1::Accuracy* float32,
                           const std::string& title);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_CLASS_CHART_H_
