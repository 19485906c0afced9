#include "server/api/idle_timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace octavo {
namespace {

TEST(IdleTimer, RingsOnceNothingHappens) {
  absl::Notification rang;
  const absl::Time start = absl::Now();
  IdleTimer timer(absl::Milliseconds(30), [&] { rang.Notify(); });
  rang.WaitForNotification();
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(30));
}

TEST(IdleTimer, WaitsOnWhileItIsTouched) {
  absl::Notification rang;
  IdleTimer timer(absl::Milliseconds(200), [&] { rang.Notify(); });
  const absl::Time until = absl::Now() + absl::Milliseconds(500);
  absl::Time last_touch = absl::Now();
  while (absl::Now() < until) {
    last_touch = absl::Now();
    timer.Touch();
    std::this_thread::yield();
  }
  rang.WaitForNotification();
  EXPECT_GE(absl::Now() - last_touch, absl::Milliseconds(200));
}

TEST(IdleTimer, CountsNoTimeWhileItIsHeld) {
  absl::Notification rang;
  IdleTimer timer(absl::Milliseconds(20), [&] { rang.Notify(); });
  timer.Hold();
  EXPECT_FALSE(rang.WaitForNotificationWithTimeout(absl::Milliseconds(200)));
  const absl::Time touch = absl::Now();
  timer.Touch();
  rang.WaitForNotification();
  EXPECT_GE(absl::Now() - touch, absl::Milliseconds(20));
}

TEST(IdleTimer, IsSilentAfterItWasStopped) {
  for (int i = 0; i < 200; ++i) {
    std::atomic<bool> gone = false;
    std::atomic<bool> rang_late = false;
    {
      IdleTimer timer(absl::Microseconds(i * 20), [&] { rang_late = gone.load(); });
      std::this_thread::yield();
    }
    gone = true;
    EXPECT_FALSE(rang_late);
  }
}

}  // namespace
}  // namespace octavo
