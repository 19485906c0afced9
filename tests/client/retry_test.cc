#include "client/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/base/error_reason.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

const absl::Status kAway = absl::UnavailableError("away");
const absl::Status kFull =
    WithRetryDelay(absl::ResourceExhaustedError("full"), absl::Milliseconds(2500));

struct Pauses {
  std::vector<absl::Duration> seen;
  Sleep sleep() {
    return [this](absl::Duration pause) { seen.push_back(pause); };
  }
};

TEST(Backoff, DoublesUpToFiveSecondsUntilPatienceEnds) {
  Pauses pauses;
  Backoff backoff(absl::Seconds(20), pauses.sleep());
  while (backoff.Wait()) {
  }
  EXPECT_THAT(
      pauses.seen,
      ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200), absl::Milliseconds(400),
                  absl::Milliseconds(800), absl::Milliseconds(1600), absl::Milliseconds(3200),
                  absl::Seconds(5), absl::Seconds(5), absl::Milliseconds(3700)));
}

TEST(Backoff, BeginsAnewAfterProgress) {
  Pauses pauses;
  Backoff backoff(absl::Milliseconds(300), pauses.sleep());
  EXPECT_TRUE(backoff.Wait());
  EXPECT_TRUE(backoff.Wait());
  EXPECT_FALSE(backoff.Wait());
  backoff.Progress();
  EXPECT_TRUE(backoff.Wait());
  EXPECT_EQ(pauses.seen.back(), absl::Milliseconds(100));
}

TEST(Backoff, WaitsAsLongAsTheServerSaysAFewTimes) {
  Pauses pauses;
  Backoff backoff(absl::Minutes(2), pauses.sleep());
  while (backoff.WaitAfter(kFull)) {
  }
  EXPECT_THAT(pauses.seen, SizeIs(5));
  EXPECT_EQ(pauses.seen[0], absl::Milliseconds(2500));
}

TEST(Backoff, DoesNotWaitAfterSuccessOrAnErrorThatStays) {
  Pauses pauses;
  Backoff backoff(absl::Minutes(2), pauses.sleep());
  EXPECT_FALSE(backoff.WaitAfter(absl::OkStatus()));
  EXPECT_FALSE(backoff.WaitAfter(absl::InvalidArgumentError("no")));
  EXPECT_FALSE(backoff.WaitAfter(absl::ResourceExhaustedError("for good")));
  EXPECT_THAT(pauses.seen, SizeIs(0));
}

TEST(WithRetries, GivesTheFirstAnswerThatStays) {
  Pauses pauses;
  std::vector<absl::Status> answers = {absl::OkStatus(), kFull, kAway};
  const absl::Status status = WithRetries(Backoff(absl::Minutes(2), pauses.sleep()), [&] {
    absl::Status answer = answers.back();
    answers.pop_back();
    return answer;
  });
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(pauses.seen, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(2500)));
}

TEST(RetryDelayOf, IsThatOfAServerWithTooMuchToDo) {
  EXPECT_EQ(RetryDelayOf(kFull), absl::Milliseconds(2500));
  EXPECT_EQ(RetryDelayOf(absl::ResourceExhaustedError("")), std::nullopt);
  EXPECT_EQ(RetryDelayOf(WithRetryDelay(kAway, absl::Seconds(1))), std::nullopt);
}

}  // namespace
}  // namespace octavo
