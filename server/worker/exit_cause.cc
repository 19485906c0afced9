#include "server/worker/exit_cause.h"

#include <signal.h>

#include "core/base/error_reason.h"

namespace octavo {
namespace {

struct Meaning {
  FailureKind kind;
  absl::string_view cause;
};

// In the order of what is most sure.
Meaning MeaningOf(const EngineExit& exit, bool started) {
  const std::string reason = ReasonOf(exit.status);
  if (!started) return {FailureKind::kEngine, "start"};
  if (exit.out_of_memory) return {FailureKind::kOutOfMemory, "oom"};
  if (reason == "STAGE_TIMEOUT" || exit.signal == SIGXCPU) return {FailureKind::kLimit, "timeout"};
  if (exit.signal == SIGXFSZ) return {FailureKind::kLimit, "error"};
  if (exit.crashed_by_itself) return {FailureKind::kCrash, "crash"};
  // Nonsense is as much its own doing as a crash: a child taken over says what it likes.
  if (reason == "ENGINE_PROTOCOL") return {FailureKind::kCrash, "protocol"};
  if (absl::IsCancelled(exit.status)) return {FailureKind::kHandedBack, "cancelled"};
  if (exit.signal != 0) return {FailureKind::kKilled, "killed"};
  // Somebody else's bytes, as a rule: there may be room later.
  if (reason == "DISK_FULL") return {FailureKind::kStore, "error"};
  if (absl::IsResourceExhausted(exit.status)) return {FailureKind::kLimit, "error"};
  return {FailureKind::kInput, "error"};
}

}  // namespace

FailureKind FailureOf(const EngineExit& exit, bool started) {
  return MeaningOf(exit, started).kind;
}

absl::string_view CauseOf(const EngineExit& exit, bool started) {
  return exit.status.ok() ? "ok" : MeaningOf(exit, started).cause;
}

}  // namespace octavo
