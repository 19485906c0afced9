// When to try again, and how long to wait before.

#ifndef OCTAVO_CLIENT_RETRY_H_
#define OCTAVO_CLIENT_RETRY_H_

#include <functional>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace octavo {

// How a pause passes: absl::SleepFor, or what a test does instead.
using Sleep = std::function<void(absl::Duration)>;

// Whether another try may succeed: the server is away, drains, or the connection broke.
bool IsTransient(const absl::Status& status);

// RESOURCE_EXHAUSTED that says when to come again (google.rpc.RetryInfo); for any other status
// none.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// The pauses of one call, up to `patience` in all while there is no progress: doubling from 100 ms
// to 5 s while the server is away, and as the server says where it has too much to do.
// Not thread-safe: one call's.
class Backoff {
 public:
  Backoff(absl::Duration patience, Sleep sleep) : patience_(patience), sleep_(std::move(sleep)) {}

  // Whether another try is due after a transient error; it has waited then.
  bool Wait();
  // Whether another try is due after `status`; it has waited then. Not after success or an error
  // that stays, and at most 5 times after one with a RetryDelayOf.
  bool WaitAfter(const absl::Status& status);
  // Something got through: pauses begin anew.
  void Progress();

 private:
  bool Pause(absl::Duration pause);

  const absl::Duration patience_;
  const Sleep sleep_;
  absl::Duration next_ = absl::Milliseconds(100);
  absl::Duration waited_;
  int refusals_ = 0;
};

// Calls `attempt` until it gives something else than an error that may pass, or patience ends.
absl::Status WithRetries(Backoff backoff, absl::FunctionRef<absl::Status()> attempt);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_RETRY_H_
