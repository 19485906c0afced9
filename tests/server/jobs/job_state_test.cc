#include "server/jobs/job_state.h"

#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

constexpr v1::Job::State kStates[] = {v1::Job::STATE_PENDING, v1::Job::STATE_RUNNING,
                                      v1::Job::STATE_SUCCEEDED, v1::Job::STATE_FAILED,
                                      v1::Job::STATE_CANCELLED};

TEST(JobState, HasNoWayOutOfAnEnd) {
  for (const v1::Job::State from : kStates) {
    for (const v1::Job::State to : kStates) {
      if (IsEnded(from)) {
        EXPECT_FALSE(IsLegalChange(from, to)) << StateName(from) << " -> " << StateName(to);
      }
    }
  }
}

TEST(JobState, IsNeverEnteredTwiceInARow) {
  for (const v1::Job::State state : kStates) EXPECT_FALSE(IsLegalChange(state, state));
}

TEST(JobState, SucceedsOnlyByRunning) {
  for (const v1::Job::State from : kStates) {
    EXPECT_EQ(IsLegalChange(from, v1::Job::STATE_SUCCEEDED), from == v1::Job::STATE_RUNNING);
  }
}

TEST(JobState, IsNeverUnspecified) {
  for (const v1::Job::State state : kStates) {
    EXPECT_FALSE(IsLegalChange(state, v1::Job::STATE_UNSPECIFIED));
    EXPECT_FALSE(IsLegalChange(v1::Job::STATE_UNSPECIFIED, state));
  }
}

// Any walk along legal changes can still end, and ends for good.
TEST(JobState, EndsOnEveryRandomWalk) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int walk = 0; walk < 1000; ++walk) {
    v1::Job::State state = v1::Job::STATE_PENDING;
    int steps = 0;
    while (!IsEnded(state)) {
      std::vector<v1::Job::State> next;
      for (const v1::Job::State to : kStates) {
        if (IsLegalChange(state, to)) next.push_back(to);
      }
      ASSERT_FALSE(next.empty());
      EXPECT_TRUE(IsLegalChange(state, v1::Job::STATE_CANCELLED));
      state = next[random() % next.size()];
      ASSERT_LT(++steps, 1000);
    }
  }
}

TEST(JobState, IsNamedAsInTheContract) {
  EXPECT_EQ(StateName(v1::Job::STATE_PENDING), "PENDING");
  EXPECT_EQ(StateName(v1::Job::STATE_CANCELLED), "CANCELLED");
}

}  // namespace
}  // namespace octavo
