// What follows when an attempt fails: another one and when, or the end.

#ifndef OCTAVO_SERVER_JOBS_RETRY_POLICY_H_
#define OCTAVO_SERVER_JOBS_RETRY_POLICY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace octavo {

// Whose fault a failed attempt was.
enum class FailureKind {
  kInput,        // The request, the model or the data are wrong: the engine said so.
  kCrash,        // The engine ended itself: SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS.
  kOutOfMemory,  // It was over its memory limit.
  kLimit,        // It was over its CPU, wall-clock or file-size limit.
  kKilled,       // Somebody outside killed it.
  kLostWorker,   // The worker let its lease run out, or its server died.
  kStore,        // Blobs or metadata could not be read or written.
  kEngine,       // The engine could not be started or spoke nonsense: ours, not the model's.
  kHandedBack,   // The worker ends and gives the job back; counts as nothing at all.
};

// "crash", "out_of_memory": as metrics and logs call it.
absl::string_view FailureName(FailureKind kind);

struct RetryPolicy {
  // Attempts that end by the model's own doing before it fails and is quarantined.
  int32_t max_own_failures = 2;
  // Attempts that end by nobody's fault before the job fails.
  int32_t max_other_failures = 20;
  absl::Duration first_delay = absl::Seconds(1);
  absl::Duration max_delay = absl::Minutes(5);
};

struct RetryDecision {
  bool retry = false;
  // Before the next attempt.
  absl::Duration delay;
  // The model's digest is refused from now on.
  bool quarantine = false;
};

// `own_failures` and `other_failures` include the attempt that just failed. `jitter` in [0, 1): the
// delay is between half and the whole of first_delay * 2^(failures - 1).
RetryDecision DecideRetry(const RetryPolicy& policy, FailureKind kind, int32_t own_failures,
                          int32_t other_failures, double jitter);

// Whether it counts against the model (own) or against nothing (other); kInput, kLimit and
// kHandedBack are neither.
bool CountsAsOwn(FailureKind kind);
bool CountsAsOther(FailureKind kind);

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_RETRY_POLICY_H_
