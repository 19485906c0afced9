// Calibration's statistics as bytes, which one run leaves to the next.

#ifndef OCTAVO_CORE_CALIBRATE_KEPT_STATISTICS_H_
#define OCTAVO_CORE_CALIBRATE_KEPT_STATISTICS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "core/calibrate/calibrate.h"
#include "core/tflite/model.h"

namespace octavo {

// A KeptStatistics. `key` stands for all that the statistics depend on.
std::string WriteStatistics(const CalibrationStatistics& statistics, const std::string& key);

// What WriteStatistics was given. Nothing where `bytes` are damaged, of another key, or no
// statistics of `model`.
std::optional<CalibrationStatistics> ReadStatistics(absl::string_view bytes, const std::string& key,
                                                    const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_KEPT_STATISTICS_H_
