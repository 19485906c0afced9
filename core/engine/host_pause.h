// Pauses an engine between two examples while another engine of the host measures latency.

#ifndef OCTAVO_CORE_ENGINE_HOST_PAUSE_H_
#define OCTAVO_CORE_ENGINE_HOST_PAUSE_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/evaluate/host_lock.h"

namespace octavo {

// Nobody who holds the lock is trusted to give it back: a pause takes at most kLongestPause, there
// is only one until the lock was seen free again, and after each one as much time as it took
// belongs to this engine. Not thread-safe: one call at a time, by any thread.
class HostPause {
 public:
  // `fd` is the descriptor that HostLock locks (core/evaluate/host_lock.h), -1: none; the caller's.
  explicit HostPause(int fd, Clock& clock = Clock::System(), Sleep sleep = absl::SleepFor);

  // Returns at once, but for where another engine has the lock. Looks every 10 ms, so that it may
  // be called as often as one likes; never while this engine has the lock, which it would lose.
  void BetweenExamples();

 private:
  // Whether nobody has the lock.
  bool IsFree() const;
  void Wait();

  const int fd_;
  Clock& clock_;
  const Sleep sleep_;
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time next_pause_ = absl::InfinitePast();
  // The holder took more than a pause.
  bool gave_up_ = false;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_HOST_PAUSE_H_
