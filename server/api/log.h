// What the server says of itself: one JSON object a line, or text for people.

#ifndef OCTAVO_SERVER_API_LOG_H_
#define OCTAVO_SERVER_API_LOG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace octavo {

// Thread-safe. Each line is one write, so lines of several processes do not mix.
class Log {
 public:
  enum class Format { kJson, kText };
  using Value = std::variant<std::string, double, int64_t>;
  using Fields = std::vector<std::pair<absl::string_view, Value>>;

  explicit Log(Format format, int fd = 2) : format_(format), fd_(fd) {}

  // Fields are ids, names and figures, never contents or credentials. Values are escaped: no client
  // starts a line.
  void Info(absl::string_view message, const Fields& fields = {}) {
    Write("info", message, fields);
  }
  void Warning(absl::string_view message, const Fields& fields = {}) {
    Write("warning", message, fields);
  }
  void Error(absl::string_view message, const Fields& fields = {}) {
    Write("error", message, fields);
  }

 private:
  void Write(absl::string_view severity, absl::string_view message, const Fields& fields);

  const Format format_;
  const int fd_;
};

// What gRPC, Abseil and whoever logs through it say from now on goes to `log`, which lives for
// ever.
void RouteLibraryLogs(Log& log);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_LOG_H_
