// The lock of a host by which one engine measures latency while the others pause.

#ifndef OCTAVO_CORE_EVALUATE_HOST_LOCK_H_
#define OCTAVO_CORE_EVALUATE_HOST_LOCK_H_

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/clock.h"

namespace octavo {

// How long engines pause for one that measures, and how long one that is to measure waits for
// another that does.
inline constexpr absl::Duration kLongestPause = absl::Seconds(10);

using Sleep = std::function<void(absl::Duration)>;

// Holds the lock (flock) for as long as it lives, if it got it. Not thread-safe.
class HostLock {
 public:
  // Tries for at most `wait`, and once it has the lock gives the others time to notice. `fd` is the
  // caller's; -1: there is no lock, and nothing is waited for.
  explicit HostLock(int fd, absl::Duration wait = kLongestPause, Clock& clock = Clock::System(),
                    const Sleep& sleep = absl::SleepFor);
  HostLock(const HostLock&) = delete;
  HostLock& operator=(const HostLock&) = delete;
  ~HostLock();

  // Whether others may have run meanwhile: it was not to be had, or has been held for longer than
  // they pause.
  bool is_shared() const;

 private:
  const int fd_;
  Clock& clock_;
  bool is_held_ = false;
  absl::Time held_since_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_HOST_LOCK_H_
