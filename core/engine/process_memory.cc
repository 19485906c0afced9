#include "core/engine/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/string_view.h"
#include "core/base/proc_status.h"

namespace octavo {

namespace {

// The kernel's high-water mark; 0: not to be had.
int64_t MarkBytes() {
  static const int status_fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  char text[4096];
  const ssize_t count = ::pread(status_fd, text, sizeof text, 0);
  return count > 0 ? ProcStatusBytes(absl::string_view(text, count), "VmHWM") : 0;
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
