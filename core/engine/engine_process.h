// Starts the engine program as a child, and believes nothing it says.
//
// This library stands on base and the messages alone: the server and the command line link it, and nothing else of core.

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
  // OK: `result` is set. What the engine said, or how it ended: INTERNAL (WORKER_CRASH, metadata "signal"),
  // RESOURCE_EXHAUSTED (WORKER_OOM), DEADLINE_EXCEEDED (STAGE_TIMEOUT), CANCELLED, DATA_LOSS (ENGINE_PROTOCOL: it said
  // something that is none of our messages).
  absl::Status status;
  engine::v1::EngineResult result;
  // The signal that ended it; 0: none. Whether it was one that a process gives itself (SEGV, BUS, ABRT, FPE, ILL, SYS)
  // and not a kill from outside.
  int signal = 0;
  bool crashed_by_itself = false;
  bool out_of_memory = false;
  // Of the child, from wait4.
  double cpu_seconds = 0;
  int64_t peak_memory_bytes = 0;
  // The last 50 lines of its standard error.
  std::vector<std::string> last_lines;
  std::vector<std::string> sandbox;
};

struct EngineOptions {
  // Empty: `octavo-engine` beside this program.
  std::string program;
  absl::Duration timeout = absl::InfiniteDuration();
  // Resident memory, looked at every 100 ms; 0: no limit.
  int64_t memory_limit_bytes = 0;
  // Messages and bytes of progress before the child is taken for mad.
  int64_t max_messages = 1'000'000;
  int64_t max_message_bytes = 64 << 20;
  // Set by another thread: the child is killed within 100 ms.
  const std::atomic<bool>* cancelled = nullptr;
  // Its pid, once it runs.
  std::function<void(int pid)> on_start;
  // For each progress, variant or sandbox message, in order, on the caller's thread.
  std::function<void(const engine::v1::EngineMessage&)> on_message;
};

// A descriptor of ours and where `request` expects it: the child inherits these and no others (with 0, 1, 2).
struct InheritedFd {
  int ours = -1;
  int in_child = -1;
};

// Runs one engine to its end. Blocks. The child starts by exec with an empty environment, dies with this thread's process,
// and gets the request on a pipe.
EngineExit RunEngine(const engine::v1::EngineRequest& request,
                     const std::vector<InheritedFd>& fds, const EngineOptions& options);

// Descriptors that requests name, so that callers agree: the first one free for them.
inline constexpr int kFirstInheritedFd = 10;

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ENGINE_PROCESS_H_
