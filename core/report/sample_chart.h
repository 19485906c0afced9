// The latencies of single runs, variant by variant: every sample, and a box over them.

#ifndef OCTAVO_CORE_REPORT_SAMPLE_CHART_H_
#define OCTAVO_CORE_REPORT_SAMPLE_CHART_H_

#include <string>
#include <vector>

namespace octavo {

struct SampleRow {
  std::string label;
  std::string tooltip;
  std::vector<float> samples;
  int colour = 0;
};

// An <svg>; empty where no row has a sample that can be drawn (finite, above 0). A range of more
// than fifteenfold is drawn by its logarithm. The box goes from the first quartile to the third,
// the line is the median, the whisker ends at p90.
std::string SampleChart(const std::vector<SampleRow>& rows, const std::string& title,
                        const std::string& x_title);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_SAMPLE_CHART_H_
