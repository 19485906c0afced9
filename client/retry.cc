#include "client/retry.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace octavo {

bool Backoff::Wait() {
  if (waited_ >= patience_) return false;
  absl::SleepFor(next_);
  waited_ += next_;
  next_ = std::min(next_ * 2, absl::Seconds(5));
  return true;
}

void Backoff::Progress() {
  next_ = absl::Milliseconds(100);
  waited_ = absl::ZeroDuration();
}

bool IsTransient(const absl::Status& status) { return absl::IsUnavailable(status); }

absl::Status WithRetries(Backoff backoff, absl::FunctionRef<absl::Status()> attempt) {
  while (true) {
    absl::Status status = attempt();
    if (!IsTransient(status) || !backoff.Wait()) return status;
  }
}

}  // namespace octavo
