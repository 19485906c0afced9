// A report as a job on an MNIST model makes it, with figures made up but consistent.

#ifndef OCTAVO_TESTS_CORE_REPORT_SAMPLE_REPORT_H_
#define OCTAVO_TESTS_CORE_REPORT_SAMPLE_REPORT_H_

#include <string>

#include "octavo/v1/report.pb.h"

namespace octavo {

// Seven variants that were made, one that failed and one that was skipped; judged by nobody yet.
v1::Report SampleReport();

// A variant that was made, with these figures.
struct SampleFigures {
  std::string name;
  v1::Scheme scheme;
  int64_t bytes;
  double top1;
  double sqnr_db;
  double p50_ms;
};
v1::VariantReport SampleVariant(const SampleFigures& figures);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_REPORT_SAMPLE_REPORT_H_
