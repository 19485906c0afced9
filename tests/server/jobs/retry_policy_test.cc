#include "server/jobs/retry_policy.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(RetryPolicy, DecidesByWhoseFaultItWas) {
  struct Row {
    FailureKind kind;
    int own, other;
    bool retry, quarantine;
  };
  constexpr Row kRows[] = {
      {FailureKind::kInput, 0, 0, false, false},
      {FailureKind::kLimit, 0, 0, false, false},
      {FailureKind::kCrash, 1, 0, true, false},
      {FailureKind::kCrash, 2, 0, false, true},
      {FailureKind::kCrash, 1, 19, true, false},
      {FailureKind::kOutOfMemory, 1, 0, true, false},
      {FailureKind::kOutOfMemory, 2, 0, false, true},
      {FailureKind::kKilled, 0, 1, true, false},
      {FailureKind::kKilled, 1, 19, true, false},
      {FailureKind::kKilled, 0, 20, false, false},
      {FailureKind::kLostWorker, 0, 1, true, false},
      {FailureKind::kLostWorker, 0, 20, false, false},
      {FailureKind::kStore, 0, 1, true, false},
      {FailureKind::kEngine, 0, 1, true, false},
      {FailureKind::kHandedBack, 0, 0, true, false},
      {FailureKind::kHandedBack, 1, 19, true, false},
  };
  for (const Row& row : kRows) {
    const RetryDecision decision = DecideRetry({}, row.kind, row.own, row.other, 0.5);
    EXPECT_EQ(decision.retry, row.retry) << FailureName(row.kind) << row.own << row.other;
    EXPECT_EQ(decision.quarantine, row.quarantine) << FailureName(row.kind);
  }
}

TEST(RetryPolicy, CountsEachFailureOnceOrNotAtAll) {
  for (const FailureKind kind :
       {FailureKind::kInput, FailureKind::kCrash, FailureKind::kOutOfMemory, FailureKind::kLimit,
        FailureKind::kKilled, FailureKind::kLostWorker, FailureKind::kStore, FailureKind::kEngine,
        FailureKind::kHandedBack}) {
    EXPECT_FALSE(CountsAsOwn(kind) && CountsAsOther(kind)) << FailureName(kind);
  }
  EXPECT_TRUE(CountsAsOwn(FailureKind::kCrash));
  EXPECT_TRUE(CountsAsOther(FailureKind::kKilled));
  EXPECT_FALSE(CountsAsOwn(FailureKind::kHandedBack) || CountsAsOther(FailureKind::kHandedBack));
}

TEST(RetryPolicy, WaitsTwiceAsLongEachTimeUpToTheLongest) {
  const RetryPolicy policy;
  absl::Duration expected = absl::Seconds(1);
  for (int failures = 1; failures < 20; ++failures) {
    const auto delay = [&](double jitter) {
      return DecideRetry(policy, FailureKind::kKilled, 0, failures, jitter).delay;
    };
    EXPECT_EQ(delay(0.0), expected / 2);
    EXPECT_GT(delay(0.5), delay(0.25));
    EXPECT_LT(delay(0.999), expected);
    expected = std::min(expected * 2, absl::Minutes(5));
  }
}

TEST(RetryPolicy, HandsBackWithoutWaiting) {
  EXPECT_EQ(DecideRetry({}, FailureKind::kHandedBack, 1, 5, 0.9).delay, absl::ZeroDuration());
}

}  // namespace
}  // namespace octavo
