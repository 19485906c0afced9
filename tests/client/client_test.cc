// The client against a server that fails on purpose: uploader, downloader, job_watcher, client.

#include "client/octavo/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "google/rpc/status.pb.h"
#include "tests/client/fake_server.h"
#include "tests/server/testing/temporary_folder.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kBytes[] = "a model of 22 bytes...";

// A client whose pauses are kept instead of waited for.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    auto client =
        Client::Connect({.address = server_.address(),
                         .connect_timeout = absl::Seconds(20),
                         .patience = absl::Minutes(2),
                         .sleep = [this](absl::Duration pause) { pauses_.push_back(pause); }});
    EXPECT_THAT(client, IsOk());
    client_ = *std::move(client);
  }

  std::string WriteFile(const std::string& name, const std::string& bytes) {
    const std::string path = folder_ / name;
    std::ofstream(path) << bytes;
    return path;
  }
  std::string ReadFile(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // What the server offers, with its true digest.
  v1::Artifact Offer(const std::string& bytes) {
    server_.artifacts.bytes = bytes;
    v1::Artifact artifact;
    artifact.set_digest(Sha256Hex(absl::string_view(bytes)));
    artifact.set_name("artifacts/" + artifact.digest());
    artifact.set_file_name("int8.tflite");
    artifact.set_size_bytes(static_cast<int64_t>(bytes.size()));
    return artifact;
  }

  FakeServer server_;
  TemporaryFolder folder_;
  std::vector<absl::Duration> pauses_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, UploadGoesOnWhereTheStreamBroke) {
  server_.uploads.break_before_chunk = 3;
  std::vector<int64_t> seen;
  const auto upload = client_->UploadFile(
      WriteFile("m.tflite", kBytes), v1::UPLOAD_KIND_MODEL, [&](int64_t done, int64_t total) {
        EXPECT_EQ(total, static_cast<int64_t>(sizeof kBytes - 1));
        seen.push_back(done);
      });
  ASSERT_THAT(upload, IsOk());
  EXPECT_EQ(upload->state(), v1::Upload::STATE_COMPLETE);
  EXPECT_THAT(server_.uploads.offsets, ElementsAre(0, 3 * FakeUploads::kChunkBytes));
  EXPECT_EQ(server_.uploads.bytes, kBytes);
  EXPECT_EQ(seen.front(), 0);
  EXPECT_EQ(seen.back(), static_cast<int64_t>(sizeof kBytes - 1));
  EXPECT_THAT(pauses_, ElementsAre(absl::Milliseconds(100)));
}

TEST_F(ClientTest, UploadSendsAChunkAgainThatArrivedDamaged) {
  server_.uploads.damage_chunk = 2;
  const auto upload = client_->UploadFile(WriteFile("m.tflite", kBytes), v1::UPLOAD_KIND_MODEL);
  ASSERT_THAT(upload, IsOk());
  EXPECT_THAT(server_.uploads.offsets, ElementsAre(0, 2 * FakeUploads::kChunkBytes));
  EXPECT_EQ(server_.uploads.bytes, kBytes);
}

TEST_F(ClientTest, UploadIsDoneWhereOnlyTheAnswerWasLost) {
  server_.uploads.drop_finish_answer = true;
  const auto upload = client_->UploadFile(WriteFile("m.tflite", kBytes), v1::UPLOAD_KIND_MODEL);
  ASSERT_THAT(upload, IsOk());
  EXPECT_EQ(upload->state(), v1::Upload::STATE_COMPLETE);
  EXPECT_THAT(server_.uploads.offsets, ElementsAre(0));
  EXPECT_THAT(server_.uploads.blobs,
              ElementsAre(Pair(Sha256Hex(absl::string_view(kBytes)), kBytes)));
}

TEST_F(ClientTest, UploadSendsNothingThatIsThere) {
  server_.uploads.blobs[Sha256Hex(absl::string_view(kBytes))] = kBytes;
  ASSERT_THAT(client_->UploadFile(WriteFile("m.tflite", kBytes), v1::UPLOAD_KIND_MODEL), IsOk());
  EXPECT_THAT(server_.uploads.offsets, IsEmpty());
}

TEST_F(ClientTest, UploadNamesTheFileThatIsMissing) {
  EXPECT_THAT(client_->UploadModel(folder_ / "none.tflite"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.tflite")));
}

TEST_F(ClientTest, ModelIsShownByAShortenedName) {
  const std::string name = std::string(127, 'm') + "\xc3\xa4.tflite";
  ASSERT_THAT(client_->UploadModel(WriteFile(name, kBytes)), IsOk());
  ASSERT_THAT(server_.models.requests, SizeIs(1));
  EXPECT_EQ(server_.models.requests[0].upload(), "uploads/one");
  EXPECT_EQ(server_.models.requests[0].display_name(), std::string(127, 'm'));
}

TEST_F(ClientTest, RejectedModelIsTheStatusThatTheServerGives) {
  server_.models.error =
      ToRpcStatus(WithReason(absl::FailedPreconditionError("ATAN2 is not read"), "OP_UNSUPPORTED"));
  const auto model = client_->UploadModel(WriteFile("m.tflite", kBytes));
  EXPECT_THAT(model, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ATAN2")));
  EXPECT_THAT(model, HasReason("OP_UNSUPPORTED"));
}

TEST_F(ClientTest, DownloadGoesOnWhereTheStreamBroke) {
  const v1::Artifact artifact = Offer("bytes of an artifact");
  server_.artifacts.break_before_chunk = 3;
  const std::string path = folder_ / "int8.tflite";
  ASSERT_THAT(client_->DownloadArtifact(artifact, path), IsOk());
  EXPECT_THAT(server_.artifacts.offsets, ElementsAre(0, 3 * FakeArtifacts::kChunkBytes));
  EXPECT_EQ(ReadFile(path), "bytes of an artifact");
}

TEST_F(ClientTest, DownloadAsksAgainForADamagedChunk) {
  const v1::Artifact artifact = Offer("bytes of an artifact");
  server_.artifacts.damage_chunk = 2;
  const auto bytes = client_->ReadArtifact(artifact);
  EXPECT_THAT(bytes, IsOkAndHolds("bytes of an artifact"));
  EXPECT_THAT(server_.artifacts.offsets, ElementsAre(0, 2 * FakeArtifacts::kChunkBytes));
}

TEST_F(ClientTest, DownloadLeavesNothingOfWhatIsNotTheArtifact) {
  v1::Artifact artifact = Offer("bytes of an artifact");
  server_.artifacts.bytes = "others that came here";
  const std::string path = folder_ / "int8.tflite";
  std::ofstream(path) << "old";
  EXPECT_THAT(client_->DownloadArtifact(artifact, path),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("int8.tflite")));
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_F(ClientTest, CreateJobQueuesOneHoweverOftenTheAnswerIsLost) {
  server_.jobs.lose_create_answers = 2;
  v1::OptimizeSpec spec;
  spec.set_model("models/m");
  const auto job = client_->CreateJob(spec);
  ASSERT_THAT(job, IsOk());
  EXPECT_EQ(job->spec().model(), "models/m");
  ASSERT_THAT(server_.jobs.request_ids, SizeIs(3));
  EXPECT_THAT(server_.jobs.queued, SizeIs(1));
  EXPECT_THAT(server_.jobs.request_ids[0], SizeIs(32));  // 128 bits
}

TEST_F(ClientTest, CreateJobGivesEachJobAnIdOfItsOwnAndKeepsTheCallers) {
  v1::CreateJobRequest request;
  ASSERT_THAT(client_->CreateJob(request), IsOk());
  ASSERT_THAT(client_->CreateJob(request), IsOk());
  EXPECT_THAT(server_.jobs.queued, SizeIs(2));
  request.set_request_id("mine");
  ASSERT_THAT(client_->CreateJob(request), IsOk());
  EXPECT_EQ(server_.jobs.request_ids.back(), "mine");
}

TEST_F(ClientTest, CreateJobComesAgainWhenAFullQueueSays) {
  server_.jobs.refuse_creates = 2;
  ASSERT_THAT(client_->CreateJob(v1::CreateJobRequest()), IsOk());
  EXPECT_THAT(pauses_, ElementsAre(absl::Seconds(10), absl::Seconds(10)));
  EXPECT_THAT(server_.jobs.queued, SizeIs(1));
}

TEST_F(ClientTest, CreateJobGivesUpOnAQueueThatStaysFull) {
  server_.jobs.refuse_creates = 1000;
  const auto job = client_->CreateJob(v1::CreateJobRequest());
  EXPECT_THAT(job, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(job, HasReason("QUEUE_FULL"));
  EXPECT_THAT(pauses_, SizeIs(5));
}

// Events 1 to `count` of a job that succeeds.
void PlanEvents(FakeJobs& jobs, int count) {
  jobs.watched.set_name("jobs/1");
  jobs.watched.set_state(v1::Job::STATE_SUCCEEDED);
  for (int number = 1; number <= count; ++number) {
    v1::JobEvent event;
    event.set_number(number);
    event.mutable_progress()->set_done(number);
    jobs.events.push_back(event);
  }
}

TEST_F(ClientTest, WatchSeesEachEventOnceOverBrokenStreams) {
  PlanEvents(server_.jobs, 5);
  server_.jobs.break_after_events = {2, 3};
  std::vector<int64_t> numbers;
  const auto job = client_->WatchJob("jobs/1", [&](const v1::JobEvent& event) {
    numbers.push_back(event.number());
    return true;
  });
  ASSERT_THAT(job, IsOk());
  EXPECT_EQ(job->state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(server_.jobs.after_numbers, ElementsAre(0, 2, 3));
  // Each stream got something through: pauses do not grow.
  EXPECT_THAT(pauses_, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(100)));
}

TEST_F(ClientTest, WatchEndsWhenItsCallerHasSeenEnough) {
  PlanEvents(server_.jobs, 5);
  EXPECT_THAT(client_->WatchJob("jobs/1", [](const v1::JobEvent&) { return false; }),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(Client, SaysWhereNobodyAnswers) {
  EXPECT_THAT(
      Client::Connect({.address = "127.0.0.1:1", .connect_timeout = absl::Milliseconds(50)}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

}  // namespace
}  // namespace octavo
