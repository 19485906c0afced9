#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "prometheus/text_serializer.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Page(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.registry->Collect());
}

// The lines without their values, of all series.
std::set<std::string> Series(const Metrics& metrics) {
  std::set<std::string> series;
  const std::string page = Page(metrics);
  for (absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    if (line[0] != '#') series.insert(std::string(line.substr(0, line.rfind(' '))));
  }
  return series;
}

TEST(Metrics, StandAtZeroFromTheStart) {
  const Metrics metrics;
  const std::string page = Page(metrics);
  EXPECT_THAT(page, HasSubstr("octavo_jobs_submitted_total 0\n"));
  EXPECT_THAT(page, HasSubstr("octavo_lease_expired_total 0\n"));
  EXPECT_THAT(Series(metrics), Contains(AllOf(StartsWith("grpc_server_handled_total{"),
                                              HasSubstr("grpc_code=\"NOT_FOUND\""),
                                              HasSubstr("grpc_service=\"octavo.v1.JobService\""),
                                              HasSubstr("grpc_method=\"WatchJob\""),
                                              HasSubstr("grpc_type=\"server_stream\""))));
}

TEST(Metrics, HaveAsManySeriesWhateverClientsSend) {
  Metrics metrics;
  const std::set<std::string> before = Series(metrics);
  for (int i = 0; i < 1000; ++i) {
    const std::string name = absl::StrCat("jobs/", i);
    metrics.grpc_started.At({name}).Increment();
    metrics.grpc_handled.At({name, "OK"}).Increment();
    metrics.upload_rejected.At({name}).Increment();
    metrics.jobs_refused.At({name}).Increment();
    metrics.variants.At({name, "succeeded"}).Increment();
    metrics.stage_duration.At({"quantize", name}).Observe(1);
  }
  EXPECT_EQ(Series(metrics), before);
  EXPECT_EQ(metrics.upload_rejected.At({"other"}).Value(), 1000);
}

TEST(Metrics, TellAnEngineThatCouldNotBeStartedFromOthers) {
  Metrics metrics;
  metrics.worker_exits.At({"start"}).Increment();
  EXPECT_EQ(metrics.worker_exits.At({"other"}).Value(), 0);
  EXPECT_THAT(Series(metrics), Contains("octavo_worker_exits_total{cause=\"start\"}"));
}

TEST(Metrics, KeepTheirDimensionsApart) {
  Metrics metrics;
  metrics.variants.At({"int8", "succeeded"}).Increment();
  metrics.variants.At({"int8", "failed"}).Increment(2);
  EXPECT_EQ(metrics.variants.At({"int8", "succeeded"}).Value(), 1);
  EXPECT_EQ(metrics.variants.At({"int8", "failed"}).Value(), 2);
  EXPECT_EQ(metrics.variants.At({"float16", "failed"}).Value(), 0);
}

TEST(Metrics, PassPromtoolsChecks) {
  Metrics metrics;
  metrics.SetBuildInfo("1.2.3", "avx2");
  const TemporaryFolder folder;
  std::ofstream(folder / "page") << Page(metrics);
  const std::string command =
      "promtool check metrics < " + (folder / "page") + " > " + (folder / "problems") + " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream problems(folder / "problems");
  EXPECT_EQ(status, 0) << problems.rdbuf();
}

}  // namespace
}  // namespace octavo
