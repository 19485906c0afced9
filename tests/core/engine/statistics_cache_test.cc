#include "core/engine/statistics_cache.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

namespace fs = std::filesystem;
using ::absl_testing::IsOk;
using ::testing::SizeIs;

class StatisticsCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  StatisticsCache Open(int64_t max_bytes) const {
    return *StatisticsCache::Open(folder_, max_bytes);
  }
  // As if the file had last been used so long ago.
  void Age(const std::string& key, int hours) const {
    fs::last_write_time(fs::path(folder_) / key,
                        fs::file_time_type::clock::now() - std::chrono::hours(hours));
  }

  const std::string folder_ = testing::TempDir() + "octavo-cache/statistics";
};

TEST_F(StatisticsCacheTest, FindsWhatItKept) {
  EXPECT_THAT(Open(1000).Keep("a", "some"), IsOk());
  EXPECT_EQ(Open(1000).Find("a"), "some");
  EXPECT_EQ(Open(1000).Find("b"), "");
  EXPECT_THAT(Open(1000).Keep("a", "other"), IsOk());
  EXPECT_EQ(Open(1000).Find("a"), "other");
}

TEST_F(StatisticsCacheTest, IsItsOwnersAlone) {
  Open(1000);
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
}

TEST_F(StatisticsCacheTest, RemovesTheLongestUnusedFirst) {
  const StatisticsCache cache = Open(25);
  for (const char* key : {"a", "b"}) EXPECT_THAT(cache.Keep(key, "ten bytes."), IsOk());
  Age("a", 3);
  Age("b", 2);
  EXPECT_EQ(cache.Find("a"), "ten bytes.");
  EXPECT_THAT(cache.Keep("c", "ten bytes."), IsOk());
  EXPECT_EQ(cache.Find("a"), "ten bytes.");
  EXPECT_EQ(cache.Find("b"), "");
  EXPECT_EQ(cache.Find("c"), "ten bytes.");
}

TEST_F(StatisticsCacheTest, KeepsNothingThatIsTooLarge) {
  EXPECT_THAT(Open(5).Keep("a", "ten bytes."), IsOk());
  EXPECT_EQ(Open(1000).Find("a"), "");
  const std::string large(kMaxStatisticsBytes + 1, 'x');
  EXPECT_THAT(Open(INT64_MAX).Keep("a", large), IsOk());
  EXPECT_EQ(Open(1000).Find("a"), "");
  std::ofstream(fs::path(folder_) / "a") << large;
  EXPECT_EQ(Open(1000).Find("a"), "");
}

TEST_F(StatisticsCacheTest, SaysWhereItCannotBe) {
  fs::create_directories(fs::path(folder_).parent_path());
  std::ofstream{folder_} << "a file";
  EXPECT_FALSE(StatisticsCache::Open(folder_, 1000).ok());
}

// What each of them changes is another calibration; what the last two do is not.
TEST(StatisticsKey, TellsCalibrationsApart) {
  using engine::v1::OptimizeWork;
  void (*const changes[])(OptimizeWork&) = {
      [](OptimizeWork&) {},
      [](OptimizeWork& work) { work.mutable_model()->set_digest("m"); },
      [](OptimizeWork& work) { work.mutable_calibration()->set_digest("c"); },
      [](OptimizeWork& work) { work.mutable_spec()->mutable_calibration()->set_max_examples(9); },
      [](OptimizeWork& work) { work.mutable_spec()->mutable_calibration()->add_bindings(); },
      [](OptimizeWork& work) { work.mutable_spec()->add_preprocess()->add_scale(0.5f); },
      [](OptimizeWork& work) { work.mutable_spec()->set_observer(v1::OBSERVER_KIND_AUTO); },
      [](OptimizeWork& work) { work.mutable_spec()->set_observer(v1::OBSERVER_KIND_ENTROPY); },
      [](OptimizeWork& work) { work.mutable_spec()->set_observer(v1::OBSERVER_KIND_PERCENTILE); },
      [](OptimizeWork& work) {
        work.mutable_spec()->add_variants()->set_scheme(v1::SCHEME_INT8);
        work.mutable_spec()->set_num_threads(7);
        work.mutable_spec()->mutable_calibration()->set_dataset("datasets/x");
        work.mutable_evaluation()->set_digest("e");
      },
  };
  std::set<std::string> keys;
  for (const auto change : changes) {
    OptimizeWork work;
    work.mutable_spec()->mutable_calibration();
    change(work);
    keys.insert(StatisticsKey(work));
  }
  EXPECT_THAT(keys, SizeIs(std::size(changes) - 2));
}

}  // namespace
}  // namespace octavo
