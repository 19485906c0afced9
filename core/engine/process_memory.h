// How much memory this process has had.

#ifndef OCTAVO_CORE_ENGINE_PROCESS_MEMORY_H_
#define OCTAVO_CORE_ENGINE_PROCESS_MEMORY_H_

#include <cstdint>

namespace octavo {

// The most resident memory so far, bytes; 0: not to be had. Unlike getrusage's figure it does not
// begin with what the parent had when this process was started. The first call opens a file: before
// the sandbox. Thread-safe.
int64_t PeakResidentBytes();

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_PROCESS_MEMORY_H_
