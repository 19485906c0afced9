#include "server/api/log.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/file.h"

namespace octavo {
namespace {

std::string TimeNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
}

std::string JsonLine(absl::string_view severity, absl::string_view message,
                     const Log::Fields& fields) {
  nlohmann::ordered_json line;
  line["time"] = TimeNow();
  line["severity"] = std::string(severity);
  line["message"] = std::string(message);
  for (const auto& [key, value] : fields) line[std::string(key)] = value;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string TextLine(absl::string_view severity, absl::string_view message,
                     const Log::Fields& fields) {
  std::string line = absl::StrCat(TimeNow(), " ", severity, " ", absl::CEscape(message));
  for (const auto& [key, value] : fields)
    absl::StrAppend(&line, " ", key, "=", absl::CEscape(value));
  return line + "\n";
}

}  // namespace

void Log::Write(absl::string_view severity, absl::string_view message, const Fields& fields) {
  const std::string line = format_ == Format::kJson ? JsonLine(severity, message, fields)
                                                    : TextLine(severity, message, fields);
  // Where even the log cannot be written there is nobody to tell.
  WriteAll(fd_, line).IgnoreError();
}

}  // namespace octavo
