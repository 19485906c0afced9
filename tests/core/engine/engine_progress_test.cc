#include "core/engine/engine_progress.h"

#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;

TEST(EngineProgress, SendsTenCountsASecondAndTheLast) {
  FakeClock clock;
  std::vector<int64_t> dones;
  EngineProgress progress(
      [&](const engine::v1::EngineMessage& message) { dones.push_back(message.progress().done()); },
      clock);
  progress.BeginStage(v1::STAGE_CALIBRATE);
  for (int done = 1; done <= 100; ++done) {
    clock.Advance(absl::Milliseconds(5));
    progress.Count(done, 100);
  }
  EXPECT_THAT(dones, ElementsAre(0, 20, 40, 60, 80, 100));
}

TEST(EngineProgress, TellsStageVariantAndTime) {
  FakeClock clock;
  std::vector<engine::v1::EngineMessage> messages;
  EngineProgress progress(
      [&](const engine::v1::EngineMessage& message) { messages.push_back(message); }, clock);
  progress.SetVariantsTotal(2);
  clock.Advance(absl::Seconds(3));
  progress.BeginStage(v1::STAGE_EVALUATE, "int8");
  progress.Count(1, 2);
  v1::VariantReport variant;
  variant.mutable_spec()->set_name("int8");
  variant.add_operators();
  variant.mutable_latency()->set_p50_ms(1);
  progress.FinishVariant(variant);
  progress.BeginStage(v1::STAGE_REPORT);

  ASSERT_EQ(messages.size(), 3u);
  const v1::JobProgress& first = messages[0].progress();
  EXPECT_EQ(first.stage(), v1::STAGE_EVALUATE);
  EXPECT_EQ(first.variant(), "int8");
  EXPECT_EQ(first.elapsed_seconds(), 3);
  EXPECT_EQ(first.variants_total(), 2);
  EXPECT_EQ(messages[1].variant().spec().name(), "int8");
  EXPECT_EQ(messages[1].variant().operators_size(), 1);
  EXPECT_EQ(messages[1].variant().latency().p50_ms(), 1);
  EXPECT_EQ(messages[2].progress().variants_done(), 1);
  EXPECT_EQ(messages[2].progress().variant(), "");
  EXPECT_EQ(messages[2].progress().done(), 0);
}

}  // namespace
}  // namespace octavo
