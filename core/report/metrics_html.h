// The parts of a report that show metrics of targets: what classes, outputs and masks lose.

#ifndef OCTAVO_CORE_REPORT_METRICS_HTML_H_
#define OCTAVO_CORE_REPORT_METRICS_HTML_H_

#include <string>

#include "octavo/v1/report.pb.h"

namespace octavo {

// The first metric of masks of one run (VariantReport or RecurrenceReport); null where there is
// none.
template <typename Run>
const v1::Segmentation* FindMasks(const Run& run) {
  for (const v1::MetricReport& metric : run.metrics()) {
    if (metric.has_segmentation()) return &metric.segmentation();
  }
  return nullptr;
}

// A table for each metric and one for outputs told apart; empty where there are neither. Colours
// are those of `num_colours`, in the variants' order.
std::string MetricsHtml(const v1::Report& report, int num_colours);

// Drift over steps, and masks side by side; empty where there are neither.
std::string DriftHtml(const v1::Report& report, int num_colours);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_METRICS_HTML_H_
