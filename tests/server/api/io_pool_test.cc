#include "server/api/io_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace octavo {
namespace {

TEST(IoPool, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    IoPool pool(2, 1000);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.TryRun([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 1000);
}

TEST(IoPool, RefusesNewTasksBeyondItsLimitButNoStepsOfOldOnes) {
  absl::Notification release;
  std::atomic<int> ran = 0;
  {
    IoPool pool(1, 2);
    absl::Notification running;
    ASSERT_TRUE(pool.TryRun([&] {
      running.Notify();
      release.WaitForNotification();
    }));
    running.WaitForNotification();
    EXPECT_TRUE(pool.TryRun([&] { ++ran; }));
    EXPECT_TRUE(pool.TryRun([&] { ++ran; }));
    EXPECT_FALSE(pool.TryRun([&] { ++ran; }));
    pool.Continue([&] { ++ran; });
    release.Notify();
  }
  EXPECT_EQ(ran, 3);
}

TEST(IoPool, RunsTasksAtOnce) {
  IoPool pool(2, 10);
  absl::Notification first, second;
  // Each waits for the other.
  ASSERT_TRUE(pool.TryRun([&] {
    first.Notify();
    second.WaitForNotification();
  }));
  ASSERT_TRUE(pool.TryRun([&] {
    second.Notify();
    first.WaitForNotification();
  }));
  first.WaitForNotification();
  second.WaitForNotification();
}

}  // namespace
}  // namespace octavo
