// The report as one self-contained HTML page: no external resource, plots as inline SVG.

#ifndef OCTAVO_CORE_REPORT_REPORT_HTML_H_
#define OCTAVO_CORE_REPORT_REPORT_HTML_H_

#include <string>

#include "octavo/v1/report.pb.h"

namespace octavo {

// Every text that came from a client is escaped. Reads well at 1200 px and on a phone, light and
// dark.
std::string ReportHtml(const v1::Report& report);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_REPORT_HTML_H_
