#include "core/evaluate/latency.h"

#include <malloc.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/file.h"
#include "core/base/sanitizer.h"
#include "core/evaluate/memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;

const Example& Image() {
  static const auto& image = *new Example{Filled({1, 28, 28}, 0.5f)};
  return image;
}

v1::BenchmarkSpec Benchmark(int runs, int max_ms) {
  v1::BenchmarkSpec spec;
  spec.set_warmup_runs(2);
  spec.set_runs(runs);
  spec.set_max_duration_ms(max_ms);
  return spec;
}

TEST(MeasureLatency, SummarisesEveryRun) {
  const Model model = ReadFixture("reference/mnist_cnn/int8_int8_io.tflite");
  const Model reference = ReadFixture("models/mnist_cnn/float.tflite");
  const auto result = MeasureLatency(model, reference, Image(), Benchmark(50, 5000), -1);
  ASSERT_THAT(result, IsOk());
  const v1::Latency& latency = result->latency;
  ASSERT_EQ(latency.samples_ms_size(), 50);
  std::vector<float> sorted(latency.samples_ms().begin(), latency.samples_ms().end());
  std::sort(sorted.begin(), sorted.end());
  EXPECT_GT(sorted.front(), 0);
  EXPECT_NEAR(latency.p50_ms(), (double{sorted[24]} + sorted[25]) / 2, 1e-9);
  EXPECT_LE(latency.p50_ms(), latency.p90_ms());
  EXPECT_LE(latency.p90_ms(), latency.p99_ms());
  ASSERT_EQ(latency.float_samples_ms_size(), 50);
  std::vector<float> of_float(latency.float_samples_ms().begin(), latency.float_samples_ms().end());
  EXPECT_GT(latency.float_p50_ms(), 0);
  EXPECT_DOUBLE_EQ(latency.float_p50_ms(), Percentile(of_float, 0.5));
  EXPECT_DOUBLE_EQ(latency.ratio(), latency.p50_ms() / latency.float_p50_ms());
  EXPECT_FALSE(latency.shared());
  EXPECT_THAT(latency.runtime(), HasSubstr("XNNPACK"));
}

TEST(MeasureLatency, ChoosesTheRunsThatFit) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const auto quick = MeasureLatency(model, model, Image(), Benchmark(0, 5000), -1);
  ASSERT_THAT(quick, IsOk());
  EXPECT_EQ(quick->latency.samples_ms_size(), 200);
}

TEST(MeasureLatency, MakesFiveRunsHoweverLongTheyTake) {
  const Model model = ReadFixture("models/mobilenet_v2/float.tflite");
  const Example image = {Filled({1, 224, 224, 3}, 0.5f)};
  for (const int runs : {0, 1, 1000}) {
    const auto result = MeasureLatency(model, model, image, Benchmark(runs, 1), -1);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->latency.samples_ms_size(), 5);
  }
}

TEST(MeasureLatency, SaysThatItCouldNotLock) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  const UniqueFd file(memfd_create("lock", MFD_CLOEXEC));
  auto other = OpenForReading(absl::StrCat("/proc/self/fd/", file.get()));
  ASSERT_THAT(other, IsOk());
  ASSERT_EQ(flock(other->get(), LOCK_EX), 0);
  const auto missed =
      MeasureLatency(model, model, Image(), Benchmark(5, 100), file.get(), absl::ZeroDuration());
  ASSERT_THAT(missed, IsOk());
  EXPECT_TRUE(missed->latency.shared());

  other->Close();
  const auto held = MeasureLatency(model, model, Image(), Benchmark(5, 100), file.get());
  ASSERT_THAT(held, IsOk());
  EXPECT_FALSE(held->latency.shared());
  // It is given back.
  auto next = OpenForReading(absl::StrCat("/proc/self/fd/", file.get()));
  EXPECT_EQ(flock(next->get(), LOCK_EX | LOCK_NB), 0);
}

TEST(MeasureLatency, RefusesAnExampleThatDoesNotFit) {
  const Model model = ReadFixture("models/mnist_cnn/float.tflite");
  EXPECT_THAT(MeasureLatency(model, model, {Filled({1, 2}, 0)}, {}, -1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is [1, 2], the model takes [1, 28, 28]")));
}

TEST(MeasureLatency, FindsTheMemoryOfAnExecutor) {
  if (mallinfo2().uordblks == 0) GTEST_SKIP() << "this allocator does not count";
  const Model large = ReadFixture("models/mobilenet_v2/float.tflite");
  const Example image = {Filled({1, 224, 224, 3}, 0.5f)};
  const auto result = MeasureLatency(large, large, image, Benchmark(5, 1), -1);
  ASSERT_THAT(result, IsOk());
  // 8.9 MB of packed weights, and activations of up to 112 x 112 x 96 floats.
  EXPECT_GT(result->memory.peak_bytes(), 9'000'000);
  EXPECT_LT(result->memory.peak_bytes(), 60'000'000);
  const Model small = ReadFixture("models/mnist_cnn/float.tflite");
  const auto less = MeasureLatency(small, small, Image(), Benchmark(5, 1), -1);
  ASSERT_THAT(less, IsOk());
  EXPECT_GT(less->memory.peak_bytes(), 80'000);
  EXPECT_LT(less->memory.peak_bytes(), 3'000'000);
}

TEST(IsDisturbed, WhereWallAndCpuTimePartByMoreThanFivePercent) {
  EXPECT_FALSE(IsDisturbed(/*wall_ms=*/100, /*cpu_ms=*/100));
  EXPECT_FALSE(IsDisturbed(/*wall_ms=*/100, /*cpu_ms=*/95.1));
  EXPECT_TRUE(IsDisturbed(/*wall_ms=*/100, /*cpu_ms=*/94.9));
  EXPECT_TRUE(IsDisturbed(/*wall_ms=*/100, /*cpu_ms=*/0));
  EXPECT_FALSE(IsDisturbed(/*wall_ms=*/0, /*cpu_ms=*/0));
}

TEST(Percentile, LiesBetweenSamplesInProportion) {
  EXPECT_EQ(Percentile({}, 0.5), 0);
  EXPECT_EQ(Percentile({7}, 0.99), 7);
  EXPECT_DOUBLE_EQ(Percentile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Percentile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(Percentile({10, 0}, 0.9), 9);
}

// Writes a byte to every page, so that the memory is resident.
void Touch(std::vector<char>& bytes) {
  for (size_t at = 0; at < bytes.size(); at += 4096)
    static_cast<volatile char*>(bytes.data())[at] = 1;
}

TEST(PeakMemory, SeesMemoryThatIsFreedAgain) {
  if (kHasSanitizer) GTEST_SKIP() << "sanitizers need memory of their own";
  constexpr int64_t kSize = 32 << 20;
  const PeakMemory memory;
  {
    std::vector<char> bytes(kSize);
    Touch(bytes);
  }
  // Where the mark cannot be reset (a restricted container), only what is held would be seen.
  if (memory.GrowthBytes() == 0) GTEST_SKIP() << "no high-water mark here";
  EXPECT_NEAR(static_cast<double>(memory.GrowthBytes()), kSize, 2 << 20);
}

TEST(PeakMemory, StartsAnew) {
  std::vector<char> before(64 << 20);
  Touch(before);
  before = {};
  const PeakMemory memory;
  std::vector<char> bytes(8 << 20);
  Touch(bytes);
  EXPECT_NEAR(static_cast<double>(memory.GrowthBytes()), 8 << 20, 2 << 20);
}

TEST(ResidentBytes, GrowsWithWhatIsHeld) {
  malloc_trim(0);  // or the bytes are those that another test left
  const int64_t before = ResidentBytes();
  ASSERT_GT(before, 0);
  std::vector<char> bytes(32 << 20);
  Touch(bytes);
  EXPECT_GT(ResidentBytes(), before + (24 << 20));
}

}  // namespace
}  // namespace octavo
