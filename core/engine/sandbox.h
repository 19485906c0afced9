// Locks the engine in, by itself and without privileges, before it reads the first byte of its
// input.

#ifndef OCTAVO_CORE_ENGINE_SANDBOX_H_
#define OCTAVO_CORE_ENGINE_SANDBOX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace octavo {

struct SandboxOptions {
  // The one folder in which files may be made, written, renamed and removed; -1: none.
  int output_fd = -1;
  // Limits; 0: none.
  int64_t memory_limit_bytes = 0;  // of the data segment
  int64_t cpu_limit_seconds = 0;
  int64_t file_limit_bytes = 0;  // of one written file
  // Whether it is an error that the kernel lacks a part.
  bool required = false;
};

// For good, for the calling thread and all that it starts later: call it while there is no other.
// Afterwards
//   - descriptors that are open stay so; files can be opened only for writing and only below
//   `output_fd`;
//   - no sockets, no exec, no new processes, no ptrace, no executable memory: SIGSYS ends the
//   process;
//   - allocations fail beyond the memory limit, SIGXCPU comes beyond the CPU limit, writing fails
//   beyond the file limit.
//
// Returns what holds, of "rlimits", "no_new_privs", "landlock", "seccomp". FAILED_PRECONDITION
// (NO_SANDBOX): a part is required and not to be had.
absl::StatusOr<std::vector<std::string>> EnterSandbox(const SandboxOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_SANDBOX_H_
