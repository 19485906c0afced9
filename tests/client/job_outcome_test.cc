#include "client/cli/job_outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "core/base/sha256.h"
#include "google/rpc/error_details.pb.h"
#include "tests/client/fake_server.h"
#include "tests/server/testing/temporary_folder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What `print` writes to standard error.
std::string Printed(const std::function<void()>& print) {
  ::testing::internal::CaptureStderr();
  print();
  return ::testing::internal::GetCapturedStderr();
}

v1::Artifact ArtifactNamed(const std::string& file_name, const std::string& bytes) {
  v1::Artifact artifact;
  artifact.set_file_name(file_name);
  artifact.set_digest(Sha256Hex(absl::string_view(bytes)));
  artifact.set_name("artifacts/" + artifact.digest());
  artifact.set_size_bytes(static_cast<int64_t>(bytes.size()));
  return artifact;
}

TEST(JobExitCode, FollowsStateAndVerdict) {
  v1::Job job;
  job.set_state(v1::Job::STATE_SUCCEEDED);
  EXPECT_EQ(JobExitCode(job), kExitOk);
  job.set_verdict(v1::VERDICT_GOALS_MISSED);
  EXPECT_EQ(JobExitCode(job), kExitGoalsMissed);
  job.set_verdict(v1::VERDICT_PARTIAL);
  EXPECT_EQ(JobExitCode(job), kExitFailed);
  job.set_state(v1::Job::STATE_CANCELLED);
  EXPECT_EQ(JobExitCode(job), kExitFailed);
}

TEST(ExplainFailure, ShowsTheEnginesLastLines) {
  v1::Job job;
  job.set_state(v1::Job::STATE_FAILED);
  job.mutable_error()->set_code(13);
  job.mutable_error()->set_message("the engine ended by SIGSEGV");
  google::rpc::DebugInfo info;
  info.add_stack_entries("line one");
  info.add_stack_entries("line two");
  job.mutable_error()->add_details()->PackFrom(info);
  EXPECT_EQ(Printed([&] { EXPECT_EQ(ExplainFailure(job), kExitFailed); }),
            "line one\nline two\noctavo: the job failed: the engine ended by SIGSEGV\n");
}

TEST(ExplainFailure, SaysNoMoreThanThatAJobWasCancelled) {
  v1::Job job;
  job.set_state(v1::Job::STATE_CANCELLED);
  EXPECT_EQ(Printed([&] { ExplainFailure(job); }), "octavo: the job was cancelled\n");
}

TEST(NameStaleVariants, NamesFilesOfAnEarlierJob) {
  TemporaryFolder folder;
  for (const char* name : {"int8.tflite", "float16.tflite", "notes.txt"}) {
    std::ofstream(folder / name) << "x";
  }
  v1::Job job;
  *job.add_artifacts() = ArtifactNamed("int8.tflite", "x");
  EXPECT_THAT(Printed([&] { NameStaleVariants(folder.path(), job.artifacts()); }),
              AllOf(HasSubstr("float16.tflite"), Not(HasSubstr("int8.tflite")),
                    Not(HasSubstr("notes.txt"))));
}

class DownloadArtifactsTest : public ::testing::Test {
 protected:
  FakeServer server_;
  TemporaryFolder folder_;
  std::unique_ptr<Client> client_ =
      *Client::Connect({.address = server_.address(), .connect_timeout = absl::Seconds(20)});
};

TEST_F(DownloadArtifactsTest, SumsTheFilesUp) {
  server_.artifacts.bytes = "0123456789";
  v1::Job job;
  *job.add_artifacts() = ArtifactNamed("int8.tflite", "0123456789");
  *job.add_artifacts() = ArtifactNamed("report.json", "0123456789");
  const std::string printed = Printed([&] {
    ProgressDisplay progress;
    EXPECT_THAT(DownloadArtifacts(*client_, job, folder_ / "out", progress), IsOk());
  });
  EXPECT_THAT(printed, HasSubstr("download: 20 B in "));
  EXPECT_TRUE(std::ifstream(folder_ / "out/report.json").good());
}

TEST_F(DownloadArtifactsTest, TakesNoPathFromTheServer) {
  for (const char* name : {"../x.tflite", "/x.tflite", ".x", ""}) {
    v1::Job job;
    *job.add_artifacts() = ArtifactNamed(name, "");
    ProgressDisplay progress;
    EXPECT_THAT(DownloadArtifacts(*client_, job, folder_.path(), progress),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace octavo
