#include "server/api/log.h"

#include <grpc/support/log.h>

#include <nlohmann/json.hpp>

#include "absl/log/globals.h"
#include "absl/log/initialize.h"
#include "absl/log/log_entry.h"
#include "absl/log/log_sink.h"
#include "absl/log/log_sink_registry.h"
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
  for (const auto& [key, value] : fields) {
    std::visit([&, name = std::string(key)](const auto& it) { line[name] = it; }, value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string TextLine(absl::string_view severity, absl::string_view message,
                     const Log::Fields& fields) {
  std::string line = absl::StrCat(TimeNow(), " ", severity, " ", absl::CEscape(message));
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", key, "=");
    if (const std::string* text = std::get_if<std::string>(&value)) {
      absl::StrAppend(&line, absl::CEscape(*text));
    } else {
      std::visit([&](const auto& it) { absl::StrAppend(&line, it); }, value);
    }
  }
  return line + "\n";
}

// The sink and the function below are the libraries' and outlive everything.
Log* library_log = nullptr;

class LibraryLogSink : public absl::LogSink {
 public:
  void Send(const absl::LogEntry& entry) override {
    const std::string message(entry.text_message());
    if (entry.log_severity() == absl::LogSeverity::kInfo) return library_log->Info(message);
    if (entry.log_severity() == absl::LogSeverity::kWarning) return library_log->Warning(message);
    library_log->Error(message);
  }
};

void LogForGrpc(gpr_log_func_args* entry) {
  const Log::Fields fields = {{"library", "grpc"}};
  if (entry->severity == GPR_LOG_SEVERITY_ERROR) {
    library_log->Warning(entry->message, fields);
  } else {
    library_log->Info(entry->message, fields);
  }
}

}  // namespace

void RouteLibraryLogs(Log& log) {
  library_log = &log;
  gpr_set_log_function(&LogForGrpc);
  static LibraryLogSink sink;
  absl::AddLogSink(&sink);
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kInfinity);
  absl::InitializeLog();
}

void Log::Write(absl::string_view severity, absl::string_view message, const Fields& fields) {
  const std::string line = format_ == Format::kJson ? JsonLine(severity, message, fields)
                                                    : TextLine(severity, message, fields);
  // Where even the log cannot be written there is nobody to tell.
  WriteAll(fd_, line).IgnoreError();
}

}  // namespace octavo
