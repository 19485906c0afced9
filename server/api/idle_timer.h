// Notices that a stream stands still.

#ifndef OCTAVO_SERVER_API_IDLE_TIMER_H_
#define OCTAVO_SERVER_API_IDLE_TIMER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace octavo {

// Calls `on_idle` once, on a thread of gRPC's, when nothing touched it for `timeout`. Held, it
// waits for as long as need be: it is the client's time that counts, not ours. Thread-safe.
// `on_idle` neither runs nor begins after Stop has returned or the timer was destroyed; it must not
// stop its own timer.
class IdleTimer {
 public:
  IdleTimer(absl::Duration timeout, std::function<void()> on_idle);
  ~IdleTimer() { Stop(); }
  IdleTimer(const IdleTimer&) = delete;
  IdleTimer& operator=(const IdleTimer&) = delete;

  // The time begins now, also after Hold.
  void Touch();
  // No time passes until the next Touch.
  void Hold();
  void Stop();

 private:
  struct State;
  static void Arm(const std::shared_ptr<State>& state, absl::Time at);
  static void OnAlarm(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_IDLE_TIMER_H_
