#include "core/engine/host_pause.h"

#include <sys/file.h>

#include <cerrno>
#include <utility>

namespace octavo {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(10);

}  // namespace

HostPause::HostPause(int fd, Clock& clock, Sleep sleep)
    : fd_(fd), clock_(clock), sleep_(std::move(sleep)) {}

// A shared lock: engines that look do not hinder each other.
bool HostPause::IsFree() const {
  if (flock(fd_, LOCK_SH | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  flock(fd_, LOCK_UN);
  return true;
}

void HostPause::Wait() {
  const absl::Time start = clock_.Now();
  while (clock_.Now() - start < kLongestPause) {
    sleep_(kBetweenLooks);
    if (IsFree()) break;
  }
  const absl::Duration waited = clock_.Now() - start;
  gave_up_ = waited >= kLongestPause;
  next_pause_ = start + 2 * waited;
}

void HostPause::BetweenExamples() {
  if (fd_ < 0 || clock_.Now() < next_look_) return;
  if (IsFree()) {
    gave_up_ = false;
  } else if (!gave_up_ && clock_.Now() >= next_pause_) {
    Wait();
  }
  next_look_ = clock_.Now() + kBetweenLooks;
}

}  // namespace octavo
