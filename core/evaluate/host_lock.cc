#include "core/evaluate/host_lock.h"

#include <sys/file.h>

#include <algorithm>

namespace octavo {
namespace {

constexpr absl::Duration kBetweenTries = absl::Milliseconds(50);
// Others look every 10 ms, but only between two examples.
constexpr absl::Duration kTimeToNotice = absl::Milliseconds(50);

}  // namespace

HostLock::HostLock(int fd, absl::Duration wait, Clock& clock, const Sleep& sleep)
    : fd_(fd), clock_(clock) {
  if (fd_ < 0) return;
  const absl::Time give_up = clock_.Now() + wait;
  while (!(is_held_ = flock(fd_, LOCK_EX | LOCK_NB) == 0) && clock_.Now() < give_up) {
    sleep(std::min(kBetweenTries, wait));
  }
  if (!is_held_) return;
  held_since_ = clock_.Now();
  sleep(kTimeToNotice);
}

HostLock::~HostLock() {
  if (is_held_) flock(fd_, LOCK_UN);
}

bool HostLock::is_shared() const {
  if (fd_ < 0) return false;
  return !is_held_ || clock_.Now() - held_since_ > kLongestPause;
}

}  // namespace octavo
