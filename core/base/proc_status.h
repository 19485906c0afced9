// What the kernel says of a process in /proc/PID/status.

#ifndef OCTAVO_CORE_BASE_PROC_STATUS_H_
#define OCTAVO_CORE_BASE_PROC_STATUS_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace octavo {

// Of the status file's text, a line such as "VmRSS:     5432 kB" in bytes; `field` is "VmRSS". 0:
// there is none, or it is no amount of memory.
int64_t ProcStatusBytes(absl::string_view text, absl::string_view field);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_PROC_STATUS_H_
