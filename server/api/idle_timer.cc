#include "server/api/idle_timer.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/alarm.h"

namespace octavo {

struct IdleTimer::State {
  absl::Duration timeout;
  absl::Mutex mutex;
  std::function<void()> on_idle ABSL_GUARDED_BY(mutex);  // empty: stopped
  absl::Time last_touch ABSL_GUARDED_BY(mutex);
  std::unique_ptr<grpc::Alarm> alarm ABSL_GUARDED_BY(mutex);
};

IdleTimer::IdleTimer(absl::Duration timeout, std::function<void()> on_idle)
    : state_(std::make_shared<State>()) {
  state_->timeout = timeout;
  absl::MutexLock lock(&state_->mutex);
  state_->on_idle = std::move(on_idle);
  state_->last_touch = absl::Now();
  Arm(state_, state_->last_touch + timeout);
}

// The lock is held. One alarm stands at a time; when it rings early, because of a touch, it is set
// again.
void IdleTimer::Arm(std::shared_ptr<State> state, absl::Time at) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  state->alarm = std::make_unique<grpc::Alarm>();
  grpc::Alarm& alarm = *state->alarm;
  alarm.Set(absl::ToChronoTime(at), [state](bool rang) {
    absl::MutexLock lock(&state->mutex);
    if (!rang || !state->on_idle) return;
    const absl::Time due = state->last_touch + state->timeout;
    if (absl::Now() < due) {
      Arm(state, due);
    } else {
      std::exchange(state->on_idle, nullptr)();
    }
  });
}

void IdleTimer::Touch() {
  absl::MutexLock lock(&state_->mutex);
  state_->last_touch = absl::Now();
}

void IdleTimer::Stop() {
  std::unique_ptr<grpc::Alarm> alarm;
  absl::MutexLock lock(&state_->mutex);
  state_->on_idle = nullptr;
  alarm = std::move(state_->alarm);
}

}  // namespace octavo
