#include "core/engine/host_pause.h"

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
class HostPauseTest : public testing::Test {
 protected:
  HostPauseTest() : ours_(memfd_create("lock", MFD_CLOEXEC)) {
    auto others = OpenForReading(absl::StrCat("/proc/self/fd/", ours_.get()));
    EXPECT_THAT(others, absl_testing::IsOk());
    if (others.ok()) others_ = *std::move(others);
  }

  void OtherMeasures() { ASSERT_EQ(flock(others_.get(), LOCK_EX | LOCK_NB), 0); }
  void OtherIsDone() { ASSERT_EQ(flock(others_.get(), LOCK_UN), 0); }

  // How long the engine pauses after its next example, which takes so long.
  absl::Duration PauseAfter(absl::Duration example) {
    clock_.Advance(example);
    const absl::Time before = clock_.Now();
    pause_.BetweenExamples();
    return clock_.Now() - before;
  }

  FakeClock clock_;
  absl::Duration other_takes_ = absl::InfiniteDuration();
  UniqueFd ours_;
  UniqueFd others_;
  HostPause pause_{ours_.get(), clock_, [this](absl::Duration duration) {
                     clock_.Advance(duration);
                     other_takes_ -= duration;
                     if (other_takes_ <= absl::ZeroDuration()) OtherIsDone();
                   }};
};

constexpr absl::Duration kExample = absl::Milliseconds(20);

TEST_F(HostPauseTest, GoesOnWhereNobodyMeasures) {
  EXPECT_EQ(PauseAfter(kExample), absl::ZeroDuration());
  // What it took to look is given back.
  OtherMeasures();
}

TEST_F(HostPauseTest, PausesUntilTheOtherIsDone) {
  OtherMeasures();
  other_takes_ = absl::Seconds(2);
  EXPECT_EQ(PauseAfter(kExample), absl::Seconds(2));
  EXPECT_EQ(PauseAfter(kExample), absl::ZeroDuration());
  OtherMeasures();
}

TEST_F(HostPauseTest, LooksEveryTenMilliseconds) {
  PauseAfter(kExample);
  OtherMeasures();
  other_takes_ = absl::Seconds(1);
  EXPECT_EQ(PauseAfter(absl::Milliseconds(9)), absl::ZeroDuration());
  EXPECT_EQ(PauseAfter(absl::Milliseconds(1)), absl::Seconds(1));
}

TEST_F(HostPauseTest, PausesTenSecondsForOneHolderAndNoMore) {
  OtherMeasures();
  EXPECT_EQ(PauseAfter(kExample), kLongestPause);
  EXPECT_EQ(PauseAfter(kExample), absl::ZeroDuration());
  EXPECT_EQ(PauseAfter(absl::Hours(1)), absl::ZeroDuration());
  OtherIsDone();
  EXPECT_EQ(PauseAfter(kExample), absl::ZeroDuration());
  OtherMeasures();
  other_takes_ = absl::Seconds(1);
  EXPECT_EQ(PauseAfter(kExample), absl::Seconds(1));
}

TEST_F(HostPauseTest, RunsAtLeastAsLongAsItHasPaused) {
  OtherMeasures();
  other_takes_ = absl::Seconds(4);
  EXPECT_EQ(PauseAfter(kExample), absl::Seconds(4));
  // One that takes the lock again and again shall not stop it for ever.
  OtherMeasures();
  other_takes_ = absl::Seconds(3);
  EXPECT_EQ(PauseAfter(absl::Milliseconds(3990)), absl::ZeroDuration());
  EXPECT_EQ(PauseAfter(kExample), absl::Seconds(3));
}

TEST_F(HostPauseTest, NeverPausesWithoutALock) {
  HostPause none(-1, clock_, [](absl::Duration) { FAIL(); });
  none.BetweenExamples();
  // Nor for a descriptor that has gone.
  HostPause closed(1 << 20, clock_, [](absl::Duration) { FAIL(); });
  closed.BetweenExamples();
}

}  // namespace
}  // namespace octavo
