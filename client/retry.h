// When to try again, and how long to wait before.

#ifndef OCTAVO_CLIENT_RETRY_H_
#define OCTAVO_CLIENT_RETRY_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace octavo {

// Pauses that double from 100 ms to 5 s while there is no progress, up to `patience` in all.
// Not thread-safe: one call's.
class Backoff {
 public:
  explicit Backoff(absl::Duration patience) : patience_(patience) {}

  // Waits, and says whether another try is due: not after `patience` without progress.
  bool Wait();
  // Something got through: pauses begin anew.
  void Progress();

 private:
  const absl::Duration patience_;
  absl::Duration next_ = absl::Milliseconds(100);
  absl::Duration waited_;
};

// Whether another try may succeed: the server is away, drains, or the connection broke.
bool IsTransient(const absl::Status& status);

// Calls `attempt` until it gives something else than a transient error, or patience ends.
absl::Status WithRetries(Backoff backoff, absl::FunctionRef<absl::Status()> attempt);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_RETRY_H_
