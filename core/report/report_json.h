// The report as JSON: proto field names, numbers as numbers.

#ifndef OCTAVO_CORE_REPORT_REPORT_JSON_H_
#define OCTAVO_CORE_REPORT_REPORT_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Indented. 64-bit integers are numbers; an infinite double is the string "Infinity", as protobuf
// writes it. Enums by name, zero values included.
absl::StatusOr<std::string> ReportJson(const v1::Report& report);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_REPORT_JSON_H_
