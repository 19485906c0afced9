// One child process, from exec to its last breath. Linux alone.

#ifndef OCTAVO_CORE_ENGINE_CHILD_PROCESS_H_
#define OCTAVO_CORE_ENGINE_CHILD_PROCESS_H_

#include <sys/resource.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/file.h"

namespace octavo {

struct ChildCommand {
  std::string program;
  std::vector<std::string> arguments;  // without the program's name
  // Ours and the child's number of it, 0 and up, each once. Nothing else is inherited.
  std::vector<std::pair<int, int>> fds;
  int file_mask = 077;
};

// How a child ended: a signal, or an exit code.
struct ChildEnd {
  int signal = 0;
  int exit_code = 0;
  double cpu_seconds = 0;
  int64_t max_resident_bytes = 0;
};

// A running child. It leads a session of its own, and is killed by the kernel when the thread that
// started it ends. Destroyed, it is killed and waited for. Not thread-safe: the thread's that
// started it.
class ChildProcess {
 public:
  // Between vfork and exec the child does what is async-signal-safe and no more, so other threads
  // may hold any lock. UNAVAILABLE (WORKER_START), naming the step that failed.
  static absl::StatusOr<ChildProcess> Start(const ChildCommand& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  int pid() const { return pid_; }
  // Becomes readable when it ends; -1 where the kernel has no such descriptors.
  int end_fd() const { return end_fd_.get(); }
  // Whether it has ended and waits to be reaped, or was reaped by somebody else: by the kernel,
  // where this process ignores SIGCHLD. How it ended is then not to be known.
  bool HasEnded() const;
  // SIGKILL to it and to all that it started. Nothing once it is reaped.
  void Kill() const;
  // Kills what it started and reaps it. Blocks until it has ended; once.
  ChildEnd Reap();

  // Resident memory now and the most there ever was, bytes; 0: not to be had.
  int64_t ResidentBytes() const;
  int64_t PeakResidentBytes() const;

 private:
  explicit ChildProcess(int pid);
  int pid_ = -1;
  UniqueFd end_fd_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_CHILD_PROCESS_H_
