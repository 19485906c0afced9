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
  bool held ABSL_GUARDED_BY(mutex) = false;
  std::unique_ptr<grpc::Alarm> alarm ABSL_GUARDED_BY(mutex);
  int newest_alarm ABSL_GUARDED_BY(mutex) = 0;
};

IdleTimer::IdleTimer(absl::Duration timeout, std::function<void()> on_idle)
    : state_(std::make_shared<State>()) {
  state_->timeout = timeout;
  absl::Time due;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->on_idle = std::move(on_idle);
    state_->last_touch = absl::Now();
    due = state_->last_touch + timeout;
  }
  Arm(state_, due);
}

// One alarm stands at a time; when it rings early, because of a touch, another one is set. gRPC has
// locks of its own: alarms are made, set and destroyed without ours.
void IdleTimer::Arm(const std::shared_ptr<State>& state, absl::Time at) {
  int number = 0;
  {
    absl::MutexLock lock(&state->mutex);
    number = ++state->newest_alarm;
  }
  auto alarm = std::make_unique<grpc::Alarm>();
  alarm->Set(absl::ToChronoTime(at), [state](bool rang) {
    if (rang) OnAlarm(state);
  });
  absl::MutexLock lock(&state->mutex);
  // It may have rung already and made room for a newer one.
  if (state->on_idle && state->newest_alarm == number) state->alarm.swap(alarm);
}

void IdleTimer::OnAlarm(const std::shared_ptr<State>& state) {
  absl::Time due;
  {
    absl::MutexLock lock(&state->mutex);
    if (!state->on_idle) return;
    if (state->held) state->last_touch = absl::Now();
    due = state->last_touch + state->timeout;
    // With the lock, so that Stop waits for it.
    if (absl::Now() >= due) return std::exchange(state->on_idle, nullptr)();
  }
  Arm(state, due);
}

void IdleTimer::Touch() {
  absl::MutexLock lock(&state_->mutex);
  state_->last_touch = absl::Now();
  state_->held = false;
}

void IdleTimer::Hold() {
  absl::MutexLock lock(&state_->mutex);
  state_->held = true;
}

void IdleTimer::Stop() {
  // Destroyed after the lock is gone.
  std::unique_ptr<grpc::Alarm> alarm;
  absl::MutexLock lock(&state_->mutex);
  state_->on_idle = nullptr;
  alarm = std::move(state_->alarm);
}

}  // namespace octavo
