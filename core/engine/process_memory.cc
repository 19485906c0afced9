#include "core/engine/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace octavo {

namespace {

// The kernel's high-water mark; 0: not to be had.
int64_t MarkBytes() {
  static const int status_fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  char text[4096];
  const ssize_t count = ::pread(status_fd, text, sizeof text, 0);
  if (count <= 0) return 0;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text, count), '\n')) {
    int64_t kilobytes = 0;
    if (absl::ConsumePrefix(&line, "VmHWM:") && absl::ConsumeSuffix(&line, "kB") &&
        absl::SimpleAtoi(line, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

}  // namespace

int64_t PeakResidentBytes() {
  static std::atomic<int64_t> peak_bytes = 0;
  const int64_t mark_bytes = MarkBytes();
  int64_t before = peak_bytes;
  while (mark_bytes > before && !peak_bytes.compare_exchange_weak(before, mark_bytes)) {
  }
  return peak_bytes;
}

}  // namespace octavo
