#include "server/worker/inspector.h"

#include <fcntl.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/time/clock.h"
#include "core/base/clock.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "octavo/v1/models.pb.h"
#include "server/blobs/local_blob_store.h"
#include "server/store/random_id.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;

class InspectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto blobs = OpenLocalBlobStore(folder_ / "blobs", Clock::System());
    ASSERT_THAT(blobs, IsOk());
    blobs_ = *std::move(blobs);
    options_.engine_program = OCTAVO_SCRIPTED_ENGINE;
    options_.time_limit = absl::Seconds(30);
  }

  std::string PutBlob(const std::string& bytes) {
    const std::string path = folder_ / NewId();
    std::ofstream(path) << bytes;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY));
    return blobs_->PutFile(fd.get(), 1 << 20)->digest;
  }

  TemporaryFolder folder_;
  std::unique_ptr<BlobStore> blobs_;
  InspectorOptions options_;
};

// What the contract promises; the tests' own limits are longer.
TEST(InspectorOptions, AreFiveSecondsAndHalfAGigabyte) {
  EXPECT_EQ(InspectorOptions().time_limit, absl::Seconds(5));
  EXPECT_EQ(InspectorOptions().memory_limit_bytes, 512 << 20);
}

TEST_F(InspectorTest, GivesWhatTheEngineFound) {
  Inspector inspector(*blobs_, options_);
  const std::string digest = PutBlob("succeed");
  const auto model = inspector.InspectModel(digest, "mnist.tflite");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->description(), "mnist.tflite");
  const auto dataset = inspector.InspectDataset(digest, "train.npz");
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->digest(), digest);
}

TEST_F(InspectorTest, GivesTheEngineAllDataToValidate) {
  Inspector inspector(*blobs_, options_);
  const auto report =
      inspector.Validate(v1::OptimizeSpec(), {.model_digest = PutBlob("succeed"),
                                              .calibration_digest = PutBlob("calibration"),
                                              .evaluation_digest = PutBlob("evaluation")});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->recommendation_reason(), "calibration/evaluation");
}

TEST_F(InspectorTest, TellsAWrongFileFromATroubleOfItsOwn) {
  struct Row {
    const char* word;
    absl::StatusCode code;
    const char* reason;
    bool is_verdict;
  };
  const Row rows[] = {
      {"error", absl::StatusCode::kInvalidArgument, "", true},
      {"segfault", absl::StatusCode::kInvalidArgument, "INSPECTION_CRASHED", true},
      {"nonsense", absl::StatusCode::kInvalidArgument, "INSPECTION_CRASHED", true},
      {"out-of-memory", absl::StatusCode::kInvalidArgument, "INSPECTION_TOO_COSTLY", true},
      {"large-info", absl::StatusCode::kInvalidArgument, "INSPECTION_TOO_COSTLY", true},
      {"internal", absl::StatusCode::kInternal, "", false},
      {"kill-itself", absl::StatusCode::kUnavailable, "ENGINE_UNAVAILABLE", false},
  };
  Inspector inspector(*blobs_, options_);
  for (const Row& row : rows) {
    const auto model = inspector.InspectModel(PutBlob(row.word), "m");
    EXPECT_THAT(model, StatusIs(row.code)) << row.word;
    EXPECT_EQ(ReasonOf(model.status()), row.reason) << row.word;
    EXPECT_EQ(Inspector::IsVerdict(model.status()), row.is_verdict) << row.word;
  }
}

TEST_F(InspectorTest, CutsALongReasonWhereACharacterBegins) {
  Inspector inspector(*blobs_, options_);
  v1::Model model;
  *model.mutable_error() = ToRpcStatus(inspector.InspectModel(PutBlob("long-error"), "m").status());
  EXPECT_GT(model.error().message().size(), 3900u);
  v1::Model read_back;
  EXPECT_TRUE(read_back.ParseFromString(model.SerializeAsString()));
}

TEST_F(InspectorTest, RejectsAFileThatTakesTooLong) {
  options_.time_limit = absl::Milliseconds(200);
  Inspector inspector(*blobs_, options_);
  const auto model = inspector.InspectModel(PutBlob("hang"), "m");
  EXPECT_EQ(ReasonOf(model.status()), "INSPECTION_TOO_COSTLY");
  EXPECT_TRUE(Inspector::IsVerdict(model.status()));
}

TEST_F(InspectorTest, LearnsNothingWithoutABlobOrAnEngine) {
  {
    Inspector inspector(*blobs_, options_);
    const auto model = inspector.InspectModel(Sha256Hex("none"), "m");
    EXPECT_THAT(model, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(ReasonOf(model.status()), "BLOB_MISSING");
    google::rpc::PreconditionFailure failure;
    const auto payload =
        model.status().GetPayload("type.googleapis.com/google.rpc.PreconditionFailure");
    ASSERT_TRUE(payload.has_value() && failure.ParseFromString(std::string(*payload)));
    EXPECT_EQ(failure.violations(0).type(), "MISSING");
    EXPECT_EQ(failure.violations(0).subject(), Sha256Hex("none"));
    EXPECT_FALSE(Inspector::IsVerdict(model.status()));
  }
  options_.engine_program = folder_ / "none";
  Inspector inspector(*blobs_, options_);
  const auto model = inspector.InspectModel(PutBlob("succeed"), "m");
  EXPECT_EQ(ReasonOf(model.status()), "ENGINE_UNAVAILABLE");
}

TEST_F(InspectorTest, ValidatesOneJobAtATime) {
  options_.validate_time_limit = absl::Seconds(2);
  options_.max_wait = absl::ZeroDuration();
  Inspector inspector(*blobs_, options_);
  const ValidateInputs hanging = {
      .model_digest = PutBlob("hang"), .calibration_digest = {}, .evaluation_digest = {}};
  std::vector<std::string> reasons(2);
  std::vector<std::thread> threads;
  for (std::string& reason : reasons) {
    threads.emplace_back(
        [&] { reason = ReasonOf(inspector.Validate(v1::OptimizeSpec(), hanging).status()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(reasons, ::testing::UnorderedElementsAre("INSPECTOR_BUSY", "INSPECTION_TOO_COSTLY"));
}

TEST_F(InspectorTest, EndsWhatRunsAndWhatWaitsWhenItIsStopped) {
  options_.max_concurrent = 1;
  options_.max_wait = absl::Seconds(60);
  options_.time_limit = absl::Seconds(60);
  Inspector inspector(*blobs_, options_);
  const std::string hanging = PutBlob("hang");
  std::vector<std::string> reasons(2);
  std::vector<std::thread> threads;
  const absl::Time start = absl::Now();
  for (std::string& reason : reasons) {
    threads.emplace_back([&] { reason = ReasonOf(inspector.InspectModel(hanging, "m").status()); });
  }
  inspector.Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  EXPECT_THAT(reasons, ::testing::Each("DRAINING"));
  EXPECT_EQ(ReasonOf(inspector.InspectModel(hanging, "m").status()), "DRAINING");
}

TEST_F(InspectorTest, TellsWhatEnginesTook) {
  std::vector<std::string> works;
  options_.on_exit = [&](absl::string_view work, int64_t peak_memory_bytes) {
    works.push_back(std::string(work));
    EXPECT_GE(peak_memory_bytes, 0);
  };
  Inspector inspector(*blobs_, options_);
  const std::string digest = PutBlob("succeed");
  ASSERT_THAT(inspector.InspectModel(digest, "m"), IsOk());
  ASSERT_THAT(inspector.Validate(
                  v1::OptimizeSpec(),
                  {.model_digest = digest, .calibration_digest = {}, .evaluation_digest = {}}),
              IsOk());
  EXPECT_THAT(works, ::testing::ElementsAre("inspect", "validate"));
}

TEST_F(InspectorTest, RunsSoManyEnginesAtOnceAndNoMore) {
  options_.max_concurrent = 1;
  options_.time_limit = absl::Seconds(2);
  options_.max_wait = absl::ZeroDuration();
  Inspector inspector(*blobs_, options_);
  const std::string hanging = PutBlob("hang");
  // One of the two finds the only place taken, whichever comes first.
  std::vector<std::string> reasons(2);
  std::vector<std::thread> threads;
  for (std::string& reason : reasons) {
    threads.emplace_back([&] { reason = ReasonOf(inspector.InspectModel(hanging, "m").status()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(reasons, ::testing::UnorderedElementsAre("INSPECTOR_BUSY", "INSPECTION_TOO_COSTLY"));
}

}  // namespace
}  // namespace octavo
