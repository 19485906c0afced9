#include "core/evaluate/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/strings/string_view.h"
#include "core/base/file.h"
#include "core/base/proc_status.h"

namespace octavo {
namespace {

struct ProcFiles {
  UniqueFd status{open("/proc/self/status", O_RDONLY | O_CLOEXEC)};
  UniqueFd clear_refs{open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)};
};

// Never closed: they are read for as long as the process runs.
const ProcFiles& Files() {
  static const ProcFiles& files = *new ProcFiles();
  return files;
}

int64_t StatusBytes(absl::string_view field) {
  std::array<char, 8192> text;
  const ssize_t size = pread(Files().status.get(), text.data(), text.size(), 0);
  return size > 0 ? ProcStatusBytes(absl::string_view(text.data(), size), field) : 0;
}

int64_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

int64_t ResidentBytes() { return StatusBytes("VmRSS"); }

PeakMemory::PeakMemory() {
  malloc_trim(0);
  has_mark_ = pwrite(Files().clear_refs.get(), "5", 1, 0) == 1;
  resident_at_start_ = ResidentBytes();
  heap_at_start_ = HeapBytes();
}

int64_t PeakMemory::GrowthBytes() const {
  const int64_t heap = HeapBytes() - heap_at_start_;
  const int64_t resident = StatusBytes(has_mark_ ? "VmHWM" : "VmRSS") - resident_at_start_;
  return std::max<int64_t>({heap, resident, 0});
}

}  // namespace octavo
