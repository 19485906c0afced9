#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/runtime/memory_plan.h"
#include "core/runtime/tensor_buffer.h"

namespace octavo {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(PlanMemory, SharesBytesBetweenValuesThatDoNotMeet) {
  const MemoryPlan plan = PlanMemory(std::vector<Lifetime>{
      {.first = 0, .last = 1, .size_bytes = 100},
      {.first = 2, .last = 3, .size_bytes = 100},
  });
  EXPECT_THAT(plan.offsets, Each(0));
  EXPECT_EQ(plan.size_bytes, 128);
}

TEST(PlanMemory, KeepsValuesApartThatMeetInOneStep) {
  const MemoryPlan plan = PlanMemory(std::vector<Lifetime>{
      {.first = 0, .last = 1, .size_bytes = 64},
      {.first = 1, .last = 2, .size_bytes = 65},
  });
  EXPECT_THAT(plan.offsets, ElementsAre(128, 0));
  EXPECT_EQ(plan.size_bytes, 192);
}

TEST(PlanMemory, FillsGaps) {
  // The second and third lie behind each other beside the first; the last fits between what is
  // alive with it.
  const MemoryPlan plan = PlanMemory(std::vector<Lifetime>{
      {.first = 0, .last = 9, .size_bytes = 640},
      {.first = 0, .last = 4, .size_bytes = 320},
      {.first = 0, .last = 9, .size_bytes = 128},
      {.first = 5, .last = 9, .size_bytes = 192},
  });
  EXPECT_THAT(plan.offsets, ElementsAre(0, 640, 960, 640));
}

TEST(PlanMemory, GivesValuesOfNoBytesPlacesOfTheirOwn) {
  const MemoryPlan plan = PlanMemory(std::vector<Lifetime>{{0, 1, 0}, {0, 1, 0}});
  EXPECT_NE(plan.offsets[0], plan.offsets[1]);
}

TEST(PlanMemory, PutsNoTwoLivingValuesOnOneByte) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> lives(30);
    size_t total = 0;
    for (Lifetime& life : lives) {
      life.first = static_cast<int>(random() % 20);
      life.last = life.first + static_cast<int>(random() % 6);
      life.size_bytes = random() % 1000;
      total += AlignedSize(life.size_bytes + 1);
    }
    const MemoryPlan plan = PlanMemory(lives);
    EXPECT_LE(plan.size_bytes, total);
    for (size_t a = 0; a < lives.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % kTensorAlignment, 0);
      EXPECT_LE(plan.offsets[a] + lives[a].size_bytes, plan.size_bytes);
      for (size_t b = 0; b < a; ++b) {
        const bool meet = lives[a].first <= lives[b].last && lives[b].first <= lives[a].last;
        const bool apart = plan.offsets[a] + lives[a].size_bytes <= plan.offsets[b] ||
                           plan.offsets[b] + lives[b].size_bytes <= plan.offsets[a];
        EXPECT_TRUE(!meet || apart) << "round " << round << ", values " << a << " and " << b;
      }
    }
  }
}

TEST(TensorBuffer, RefusesWhatNoMachineHas) {
  EXPECT_EQ(TensorBuffer::Allocate(size_t{1} << 60).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace octavo
