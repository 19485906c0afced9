#include "core/evaluate/host_lock.h"

#include <sys/file.h>
#include <sys/mman.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace octavo {
namespace {

// One file, opened as two engines open it.
class HostLockTest : public testing::Test {
 protected:
  HostLockTest() : ours_(memfd_create("lock", MFD_CLOEXEC)), others_(Reopened()) {}

  UniqueFd Reopened() const {
    auto fd = OpenForReading(absl::StrCat("/proc/self/fd/", ours_.get()));
    EXPECT_THAT(fd, absl_testing::IsOk());
    return fd.ok() ? *std::move(fd) : UniqueFd();
  }
  bool OtherGetsIt(int how = LOCK_EX) { return flock(others_.get(), how | LOCK_NB) == 0; }

  FakeClock clock_;
  Sleep sleep_ = [this](absl::Duration duration) {
    clock_.Advance(duration);
    slept_ += duration;
  };
  absl::Duration slept_;
  UniqueFd ours_;
  UniqueFd others_;
};

TEST_F(HostLockTest, GivesTheOthersTimeToNotice) {
  {
    const HostLock lock(ours_.get(), kLongestPause, clock_, sleep_);
    EXPECT_FALSE(OtherGetsIt(LOCK_SH));
    EXPECT_EQ(slept_, absl::Milliseconds(50));
    EXPECT_FALSE(lock.is_shared());
  }
  EXPECT_TRUE(OtherGetsIt());
}

TEST_F(HostLockTest, WaitsForWhoeverHasIt) {
  ASSERT_TRUE(OtherGetsIt());
  const HostLock lock(ours_.get(), kLongestPause, clock_, [&](absl::Duration duration) {
    sleep_(duration);
    if (slept_ >= absl::Seconds(9)) flock(others_.get(), LOCK_UN);
  });
  EXPECT_FALSE(lock.is_shared());
  EXPECT_LT(slept_, kLongestPause);
  EXPECT_FALSE(OtherGetsIt());
}

TEST_F(HostLockTest, IsSharedWhereItIsNotToBeHad) {
  ASSERT_TRUE(OtherGetsIt());
  const HostLock lock(ours_.get(), kLongestPause, clock_, sleep_);
  EXPECT_EQ(slept_, kLongestPause);
  EXPECT_TRUE(lock.is_shared());
}

TEST_F(HostLockTest, IsSharedWhereItIsHeldForLongerThanOthersPause) {
  const HostLock lock(ours_.get(), kLongestPause, clock_, sleep_);
  clock_.Advance(absl::Seconds(9));
  EXPECT_FALSE(lock.is_shared());
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(lock.is_shared());
}

TEST_F(HostLockTest, IsNothingWithoutAFile) {
  const HostLock lock(-1, kLongestPause, clock_, sleep_);
  EXPECT_EQ(slept_, absl::ZeroDuration());
  clock_.Advance(absl::Hours(1));
  EXPECT_FALSE(lock.is_shared());
}

}  // namespace
}  // namespace octavo
