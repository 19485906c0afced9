// Starts the engine program as a child, and believes nothing it says.
//
// This library stands on base and the messages alone: the server and the command line link it, and
// nothing else of core.

#ifndef OCTAVO_CORE_ENGINE_ENGINE_PROCESS_H_
#define OCTAVO_CORE_ENGINE_ENGINE_PROCESS_H_

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// How an engine ended.
struct EngineExit {
  // OK: `result` is set. What the engine said, or how it ended: INTERNAL (WORKER_CRASH, metadata
  // "signal" or "exit_code"), RESOURCE_EXHAUSTED (WORKER_OOM), DEADLINE_EXCEEDED (STAGE_TIMEOUT:
  // `timeout` or its CPU seconds ran out), CANCELLED, DATA_LOSS (ENGINE_PROTOCOL: it said something
  // that is none of our messages), UNAVAILABLE (WORKER_START: there was none; nothing was run).
  absl::Status status;
  engine::v1::EngineResult result;
  // The signal that ended it; 0: none. Whether it was one that a process gives itself (SEGV, BUS,
  // ABRT, FPE, ILL, SYS) and not a kill from outside; so is an end with an exit code and no word of
  // why.
  int signal = 0;
  bool crashed_by_itself = false;
  bool out_of_memory = false;
  // Of the child. Its memory is resident memory.
  double cpu_seconds = 0;
  int64_t peak_memory_bytes = 0;
  // The last 50 lines of its standard error; control characters and whatever is not ASCII are
  // escaped.
  std::vector<std::string> last_lines;
  std::vector<std::string> sandbox;
};

struct EngineOptions {
  // Empty: `octavo-engine` beside this program.
  std::string program;
  absl::Duration timeout = absl::InfiniteDuration();
  // Resident memory, looked at every 100 ms; 0: no limit.
  int64_t memory_limit_bytes = 0;
  // Messages, bytes of one and bytes of all before the child is taken for mad.
  int64_t max_messages = 1'000'000;
  int64_t max_message_bytes = 64 << 20;
  int64_t max_total_bytes = 1 << 30;
  // The child's umask: who else may read what it writes.
  int file_mask = 077;
  // Set by another thread: the child is killed within 100 ms.
  const std::atomic<bool>* cancelled = nullptr;
  // Its pid, once it runs.
  std::function<void(int pid)> on_start;
  // For each progress, variant or sandbox message, in order, on the caller's thread.
  std::function<void(const engine::v1::EngineMessage&)> on_message;
};

// A descriptor of ours and where `request` expects it (kFirstInheritedFd or above, each once): the
// child inherits these and no others, but for 0 to 5.
struct InheritedFd {
  int ours = -1;
  int in_child = -1;
};

// Runs one engine to its end. Blocks. The child starts by exec in a session of its own with an
// empty environment, and gets the request as a file in memory. It dies with this process, and with
// the thread that calls: the kernel's parent-death signal is the thread's. As RunEngine returns
// only after the child is gone, any thread will do. Any number of threads may run engines at once.
EngineExit RunEngine(const engine::v1::EngineRequest& request, const std::vector<InheritedFd>& fds,
                     const EngineOptions& options);

// Descriptors that requests name, so that callers agree: the first one free for them.
inline constexpr int kFirstInheritedFd = 10;

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ENGINE_PROCESS_H_
