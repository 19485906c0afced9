#include "server/jobs/job_queue.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/jobs/job_state.h"
#include "server/store/random_id.h"
#include "server/store/sqlite_store.h"
#include "tests/server/testing/fake_clock.h"
#include "tests/server/testing/rows.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JobQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = OpenSqliteStore(folder_.path());
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
    model_ = ReadyModel();
    dataset_ = ReadyDataset();
    ASSERT_THAT(store_->Write([&](StoreWriter& writer) -> absl::Status {
      RETURN_IF_ERROR(writer.PutModel(model_));
      return writer.PutDataset(dataset_);
    }),
                IsOk());
    options_.observer.on_ended = [this](const v1::Job& job, bool quarantined) {
      const absl::MutexLock lock(&observed_);  // any worker's thread calls
      ended_.push_back(StateName(job.state()) + (quarantined ? " quarantined" : ""));
    };
    options_.observer.on_retry = [this](FailureKind kind) {
      const absl::MutexLock lock(&observed_);
      retries_.push_back(kind);
    };
    Start();
  }

  // As a server does: another queue on what the last one left.
  void Start() {
    queue_.reset();
    auto queue = JobQueue::Create(*store_, clock_, options_);
    ASSERT_THAT(queue, IsOk());
    queue_ = *std::move(queue);
  }

  v1::CreateJobRequest Request(const std::string& request_id = "") {
    v1::CreateJobRequest request;
    request.set_request_id(request_id);
    request.mutable_spec()->set_model(model_.name());
    request.mutable_spec()->mutable_calibration()->set_dataset(dataset_.name());
    request.mutable_spec()->set_all_variants(true);
    return request;
  }

  v1::Job Submit() {
    const auto job = queue_->Submit(Request());
    EXPECT_THAT(job, IsOk());
    clock_.Advance(absl::Milliseconds(1));
    return job.ok() ? *job : v1::Job();
  }

  LeasedJob Lease() {
    auto lease = queue_->LeaseNextJob("host/0");
    EXPECT_THAT(lease, IsOk());
    EXPECT_TRUE(lease.ok() && lease->has_value());
    return lease.ok() && lease->has_value() ? **std::move(lease) : LeasedJob();
  }

  bool NothingToLease() {
    const auto lease = queue_->LeaseNextJob("host/0");
    EXPECT_THAT(lease, IsOk());
    return lease.ok() && !lease->has_value();
  }

  v1::Job Get(const std::string& name) {
    const auto job = queue_->Get(name);
    EXPECT_THAT(job, IsOk());
    return job.ok() ? *job : v1::Job();
  }

  std::vector<v1::JobEvent> Events(const std::string& name) {
    std::vector<v1::JobEvent> events;
    while (true) {
      const auto updates = queue_->UpdatesAfter(name, events.empty() ? 0 : events.back().number());
      EXPECT_THAT(updates, IsOk());
      if (!updates.ok() || updates->events.empty()) return events;
      events.insert(events.end(), updates->events.begin(), updates->events.end());
    }
  }

  std::vector<std::string> States(const std::string& name) {
    std::vector<std::string> states;
    const std::vector<v1::JobEvent> events = Events(name);
    for (const v1::JobEvent& event : events) {
      if (event.event_case() == v1::JobEvent::kState) states.push_back(StateName(event.state()));
    }
    return states;
  }

  static AttemptFailure Failure(FailureKind kind, const std::string& message = "it broke") {
    AttemptFailure failure;
    failure.kind = kind;
    failure.error = absl::InternalError(message);
    return failure;
  }

  static JobResult Result() {
    JobResult result;
    result.report.set_verdict(v1::VERDICT_PASS);
    result.report.set_recommended_variant("int8");
    v1::Artifact& artifact = result.artifacts.emplace_back();
    artifact.set_name("artifacts/" + Sha256Hex("int8"));
    artifact.set_digest(Sha256Hex("int8"));
    artifact.set_file_name("int8.tflite");
    return result;
  }

  static v1::VariantReport Variant(const std::string& name) {
    v1::VariantReport variant;
    variant.mutable_spec()->set_name(name);
    variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
    variant.mutable_artifact()->set_digest(Sha256Hex(name));
    variant.mutable_artifact()->set_file_name(name + ".tflite");
    variant.mutable_latency()->set_p50_ms(1.5);
    variant.mutable_latency()->add_samples_ms(1.5);
    variant.mutable_latency()->add_float_samples_ms(2);
    variant.add_operators()->set_type("CONV_2D");
    return variant;
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<MetadataStore> store_;
  JobQueueOptions options_;
  std::unique_ptr<JobQueue> queue_;
  v1::Model model_;
  v1::Dataset dataset_;
  absl::Mutex observed_;  // of the two below, while workers run
  std::vector<std::string> ended_;
  std::vector<FailureKind> retries_;
};

// --- Submitting ---

TEST_F(JobQueueTest, QueuesWhatIsSubmitted) {
  v1::CreateJobRequest request = Request();
  request.set_display_name("digits");
  (*request.mutable_labels())["team"] = "vision";
  const auto job = queue_->Submit(request);
  ASSERT_THAT(job, IsOk());
  EXPECT_TRUE(IsResourceName(job->name(), "jobs"));
  EXPECT_EQ(job->state(), v1::Job::STATE_PENDING);
  EXPECT_EQ(job->display_name(), "digits");
  EXPECT_EQ(job->labels().at("team"), "vision");
  EXPECT_EQ(job->create_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(Get(job->name()).spec().model(), model_.name());
  EXPECT_THAT(States(job->name()), ElementsAre("PENDING"));
}

TEST_F(JobQueueTest, GivesTheFirstJobToARepeatedRequest) {
  const auto first = queue_->Submit(Request("r1"));
  ASSERT_THAT(first, IsOk());
  const auto again = queue_->Submit(Request("r1"));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->name(), first->name());
  const auto found = queue_->FindSubmitted(Request("r1"));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->name(), first->name());
  EXPECT_NE(queue_->Submit(Request("r2"))->name(), first->name());
  EXPECT_NE(queue_->Submit(Request())->name(), queue_->Submit(Request())->name());
  EXPECT_FALSE(queue_->FindSubmitted(Request("never"))->has_value());

  v1::CreateJobRequest other = Request("r1");
  other.mutable_spec()->set_num_threads(2);
  for (const absl::Status& status :
       {queue_->Submit(other).status(), queue_->FindSubmitted(other).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_EQ(ReasonOf(status), "REQUEST_ID_REUSED");
  }
}

TEST_F(JobQueueTest, MakesOneJobOfARequestThatComesManyTimesAtOnce) {
  std::vector<std::string> names(8);
  std::vector<std::thread> threads;
  for (std::string& name : names) {
    threads.emplace_back([&] { name = queue_->Submit(Request("same"))->name(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(std::set<std::string>(names.begin(), names.end()), SizeIs(1));
}

TEST_F(JobQueueTest, GivesTheFirstJobAlsoAfterARestartAndWhenTheQueueIsFull) {
  options_.max_queued_jobs = 1;
  Start();
  const auto first = queue_->Submit(Request("r"));
  ASSERT_THAT(first, IsOk());
  Start();
  const auto again = queue_->Submit(Request("r"));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->name(), first->name());
}

TEST_F(JobQueueTest, RefusesMoreThanTheQueueTakes) {
  options_.max_queued_jobs = 2;
  Start();
  Submit();
  Submit();
  const auto third = queue_->Submit(Request());
  EXPECT_THAT(third, StatusIs(absl::StatusCode::kResourceExhausted, "2 jobs are queued already"));
  EXPECT_EQ(ReasonOf(third.status()), "QUEUE_FULL");
  google::rpc::RetryInfo retry;
  const auto payload = third.status().GetPayload("type.googleapis.com/google.rpc.RetryInfo");
  ASSERT_TRUE(payload.has_value() && retry.ParseFromString(std::string(*payload)));
  EXPECT_GT(retry.retry_delay().seconds(), 0);
  google::rpc::QuotaFailure quota;
  const auto failure = third.status().GetPayload("type.googleapis.com/google.rpc.QuotaFailure");
  ASSERT_TRUE(failure.has_value() && quota.ParseFromString(std::string(*failure)));
  EXPECT_EQ(quota.violations(0).description(), "2 jobs are queued already");
  // Running jobs do not count.
  Lease();
  EXPECT_THAT(queue_->Submit(Request()), IsOk());
}

TEST_F(JobQueueTest, RefusesWhatIsNotThereOrNotReady) {
  v1::CreateJobRequest request = Request();
  request.mutable_spec()->set_model("models/none");
  EXPECT_THAT(queue_->Submit(request),
              StatusIs(absl::StatusCode::kNotFound, "models/none: not found"));
  request = Request();
  request.mutable_spec()->mutable_evaluation()->set_dataset("datasets/none");
  EXPECT_THAT(queue_->Submit(request), StatusIs(absl::StatusCode::kNotFound));

  dataset_.set_state(v1::Dataset::STATE_REJECTED);
  ASSERT_THAT(store_->Write([&](StoreWriter& writer) { return writer.PutDataset(dataset_); }),
              IsOk());
  const auto rejected = queue_->Submit(Request());
  EXPECT_THAT(rejected, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(rejected.status()), "NOT_READY");
}

TEST_F(JobQueueTest, OnlyValidatesWhenAsked) {
  v1::CreateJobRequest request = Request("r");
  request.set_validate_only(true);
  const auto job = queue_->Submit(request);
  ASSERT_THAT(job, IsOk());
  EXPECT_EQ(job->name(), "");
  EXPECT_TRUE(NothingToLease());
  EXPECT_FALSE(queue_->FindSubmitted(Request("r"))->has_value());
}

TEST_F(JobQueueTest, TakesAndLeasesNothingWhileDraining) {
  Submit();
  queue_->Drain();
  const auto job = queue_->Submit(Request());
  EXPECT_THAT(job, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ReasonOf(job.status()), "DRAINING");
  EXPECT_TRUE(NothingToLease());
}

TEST_F(JobQueueTest, ChecksNames) {
  for (const char* name : {"", "jobs/", "jobs/../x", "models/aaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_THAT(queue_->Get(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(queue_->Cancel(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(queue_->Delete(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(queue_->GetReport(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(queue_->UpdatesAfter(name, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(queue_->Get("jobs/" + NewId()), StatusIs(absl::StatusCode::kNotFound));
}

// --- Leasing ---

TEST_F(JobQueueTest, LeasesTheLongestWaitingFirst) {
  const v1::Job first = Submit(), second = Submit();
  EXPECT_EQ(Lease().job.name(), first.name());
  EXPECT_EQ(Lease().job.name(), second.name());
  EXPECT_TRUE(NothingToLease());
}

TEST_F(JobQueueTest, TellsAWorkerAllItNeeds) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  EXPECT_EQ(lease.attempt, 1);
  EXPECT_EQ(lease.model.digest(), model_.digest());
  EXPECT_EQ(lease.calibration.digest(), dataset_.digest());
  EXPECT_EQ(lease.evaluation.digest(), "");
  EXPECT_FALSE(*lease.stop);
  const v1::Job running = Get(job.name());
  EXPECT_EQ(running.state(), v1::Job::STATE_RUNNING);
  ASSERT_THAT(running.attempts(), SizeIs(1));
  EXPECT_EQ(running.attempts(0).worker(), "host/0");
  EXPECT_TRUE(running.has_start_time());
}

TEST_F(JobQueueTest, FailsAJobWhoseModelIsGoneAndLeasesTheNext) {
  const v1::Job orphan = Submit();
  const v1::Model other = ReadyModel();
  ASSERT_THAT(store_->Write([&](StoreWriter& writer) -> absl::Status {
    RETURN_IF_ERROR(writer.DeleteModel(model_.name()));
    return writer.PutModel(other);
  }),
              IsOk());
  model_ = other;
  const v1::Job next = Submit();
  EXPECT_EQ(Lease().job.name(), next.name());
  const v1::Job failed = Get(orphan.name());
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(failed.error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(ended_, ElementsAre("FAILED"));
}

TEST_F(JobQueueTest, LeasesEachJobToOneWorkerOfMany) {
  constexpr int kJobs = 40;
  for (int i = 0; i < kJobs; ++i) Submit();
  std::atomic<int> leased = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      while (true) {
        auto lease = queue_->LeaseNextJob("w");
        ASSERT_THAT(lease, IsOk());
        if (!lease->has_value()) return;
        ++leased;
        EXPECT_EQ((*lease)->attempt, 1);
        EXPECT_THAT(queue_->Succeed(**lease, Result()), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(leased, kJobs);
}

TEST_F(JobQueueTest, PutsAJobBackWhoseLeaseRanOut) {
  const v1::Job job = Submit();
  const LeasedJob lost = Lease();
  clock_.Advance(absl::Seconds(29));
  EXPECT_THAT(queue_->ReapExpiredLeases(), IsOkAndHolds(0));
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(queue_->ReapExpiredLeases(), IsOkAndHolds(1));
  EXPECT_TRUE(*lost.stop);
  const v1::Job back = Get(job.name());
  EXPECT_EQ(back.state(), v1::Job::STATE_PENDING);
  EXPECT_TRUE(back.has_retry_time());
  ASSERT_THAT(back.attempts(), SizeIs(1));
  EXPECT_EQ(back.attempts(0).error().message(), "the worker was lost");
  EXPECT_TRUE(NothingToLease());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Lease().attempt, 2);
  EXPECT_THAT(States(job.name()), ElementsAre("PENDING", "RUNNING", "PENDING", "RUNNING"));
}

TEST_F(JobQueueTest, KeepsALeaseThatIsRenewed) {
  Submit();
  const LeasedJob lease = Lease();
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(20));
    EXPECT_THAT(queue_->Renew(lease), IsOk());
    EXPECT_THAT(queue_->ReapExpiredLeases(), IsOkAndHolds(0));
  }
  EXPECT_THAT(queue_->Succeed(lease, Result()), IsOk());
}

TEST_F(JobQueueTest, RefusesEveryWriteWithoutTheCurrentToken) {
  const v1::Job job = Submit();
  const LeasedJob lost = Lease();
  const auto expect_refused = [&] {
    for (const absl::Status& status :
         {queue_->Renew(lost), queue_->ReportProgress(lost, v1::JobProgress()),
          queue_->ReportVariant(lost, Variant("int8")), queue_->Succeed(lost, Result()),
          queue_->Fail(lost, Failure(FailureKind::kInput))}) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
      EXPECT_EQ(ReasonOf(status), "LEASE_LOST");
    }
  };
  clock_.Advance(absl::Minutes(1));
  ASSERT_THAT(queue_->ReapExpiredLeases(), IsOkAndHolds(1));
  expect_refused();
  clock_.Advance(absl::Minutes(1));
  const LeasedJob current = Lease();
  expect_refused();
  EXPECT_EQ(Get(job.name()).state(), v1::Job::STATE_RUNNING);
  EXPECT_THAT(queue_->Succeed(current, Result()), IsOk());
  expect_refused();
  EXPECT_EQ(Get(job.name()).state(), v1::Job::STATE_SUCCEEDED);
  ASSERT_THAT(queue_->Delete(job.name()), IsOk());
  expect_refused();
}

TEST_F(JobQueueTest, PutsRunningJobsBackWhenTheServerStartsAgain) {
  const v1::Job running = Submit(), waiting = Submit();
  const LeasedJob lost = Lease();
  ASSERT_THAT(queue_->ReportVariant(lost, Variant("int8")), IsOk());
  Start();
  const v1::Job back = Get(running.name());
  EXPECT_EQ(back.state(), v1::Job::STATE_PENDING);
  ASSERT_THAT(back.attempts(), SizeIs(1));
  EXPECT_EQ(back.attempts(0).error().code(), static_cast<int>(absl::StatusCode::kUnavailable));
  clock_.Advance(absl::Seconds(2));
  const LeasedJob lease = Lease();
  EXPECT_EQ(lease.job.name(), running.name());
  ASSERT_THAT(lease.finished, SizeIs(1));
  EXPECT_EQ(lease.finished[0].spec().name(), "int8");
  EXPECT_THAT(lease.finished[0].operators(), SizeIs(1));
  EXPECT_THAT(queue_->Succeed(lost, Result()), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Lease().job.name(), waiting.name());
}

TEST_F(JobQueueTest, WakesWhoWaitsForWork) {
  EXPECT_TRUE(NothingToLease());
  std::thread waiter([&] { queue_->WaitForWork(absl::Seconds(60)); });
  Submit();
  waiter.join();
  EXPECT_TRUE(Lease().attempt == 1);
  // A lease leaves the door open: there may be more.
  queue_->WaitForWork(absl::Seconds(60));
  EXPECT_TRUE(NothingToLease());
  std::thread drained([&] { queue_->WaitForWork(absl::Seconds(60)); });
  queue_->Drain();
  drained.join();
}

// --- Ends ---

TEST_F(JobQueueTest, KeepsResultStateAndArtifactsTogether) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  EXPECT_THAT(queue_->GetReport(job.name()), StatusIs(absl::StatusCode::kFailedPrecondition));
  JobResult result = Result();
  result.usage = {.peak_memory_bytes = 1000, .cpu_seconds = 2.5};
  ASSERT_THAT(queue_->Succeed(lease, result), IsOk());
  Start();
  const v1::Job done = Get(job.name());
  EXPECT_EQ(done.state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_EQ(done.verdict(), v1::VERDICT_PASS);
  EXPECT_EQ(done.recommended_variant(), "int8");
  EXPECT_TRUE(done.has_end_time());
  ASSERT_THAT(done.artifacts(), SizeIs(1));
  EXPECT_EQ(done.attempts(0).peak_memory_bytes(), 1000);
  EXPECT_EQ(done.attempts(0).cpu_seconds(), 2.5);
  EXPECT_FALSE(done.attempts(0).has_error());
  EXPECT_EQ(queue_->GetReport(job.name())->verdict(), v1::VERDICT_PASS);
  EXPECT_THAT(ended_, ElementsAre("SUCCEEDED"));
}

TEST_F(JobQueueTest, FailsAtOnceWhereTheInputIsWrong) {
  const v1::Job job = Submit();
  AttemptFailure failure = Failure(FailureKind::kInput, "calibration example 3 is not finite");
  for (int i = 0; i < 60; ++i) failure.last_lines.push_back(absl::StrCat("line ", i));
  failure.last_lines.push_back("\x1b[31mred\xff");
  ASSERT_THAT(queue_->Fail(Lease(), failure), IsOk());
  const v1::Job failed = Get(job.name());
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(failed.error().message(), "calibration example 3 is not finite");
  google::rpc::DebugInfo info;
  ASSERT_THAT(failed.error().details(), SizeIs(1));
  ASSERT_TRUE(failed.error().details(0).UnpackTo(&info));
  ASSERT_THAT(info.stack_entries(), SizeIs(50));
  EXPECT_EQ(info.stack_entries(0), "line 11");
  EXPECT_EQ(info.stack_entries(49), "?[31mred?");
  const auto report = queue_->GetReport(job.name());
  EXPECT_THAT(report, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(report.status()), "NO_REPORT");
  EXPECT_THAT(retries_, IsEmpty());
}

TEST_F(JobQueueTest, TriesACrashOnceMoreThenFailsAndQuarantinesTheModel) {
  const v1::Job job = Submit(), other = Submit();
  ASSERT_THAT(queue_->Fail(Lease(), Failure(FailureKind::kCrash, "signal 11")), IsOk());
  EXPECT_EQ(Get(job.name()).state(), v1::Job::STATE_PENDING);
  clock_.Advance(absl::Seconds(2));
  const LeasedJob second = Lease();
  ASSERT_EQ(second.job.name(), job.name());
  ASSERT_THAT(queue_->Fail(second, Failure(FailureKind::kCrash, "signal 11")), IsOk());
  const v1::Job failed = Get(job.name());
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(failed.attempts(), SizeIs(2));
  EXPECT_THAT(retries_, ElementsAre(FailureKind::kCrash));

  // Jobs that wait with the same model fail without being run; new ones are refused.
  EXPECT_TRUE(NothingToLease());
  EXPECT_EQ(Get(other.name()).state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(Get(other.name()).error().message(), HasSubstr("quarantined: signal 11"));
  const auto refused = queue_->Submit(Request());
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(refused.status()), "QUARANTINED");
  EXPECT_THAT(ended_, ElementsAre("FAILED quarantined", "FAILED quarantined"));

  // Another model is not touched, and a new engine tries again.
  const v1::Model good = ReadyModel(Sha256Hex("good"));
  ASSERT_THAT(store_->Write([&](StoreWriter& writer) { return writer.PutModel(good); }), IsOk());
  v1::CreateJobRequest request = Request();
  request.mutable_spec()->set_model(good.name());
  EXPECT_THAT(queue_->Submit(request), IsOk());
  options_.engine_build = "next";
  Start();
  EXPECT_THAT(queue_->Submit(Request()), IsOk());
}

TEST_F(JobQueueTest, RetriesKillsFromOutsideTwentyTimes) {
  const v1::Job job = Submit();
  for (int attempt = 1; attempt <= 20; ++attempt) {
    const LeasedJob lease = Lease();
    ASSERT_EQ(lease.attempt, attempt);
    ASSERT_THAT(queue_->Fail(lease, Failure(FailureKind::kKilled)), IsOk());
    clock_.Advance(absl::Minutes(6));
  }
  EXPECT_EQ(Get(job.name()).state(), v1::Job::STATE_FAILED);
  // And holds it against nobody.
  EXPECT_THAT(queue_->Submit(Request()), IsOk());
}

TEST_F(JobQueueTest, HandsBackAsOftenAsNeeded) {
  const v1::Job job = Submit();
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(queue_->Fail(Lease(), Failure(FailureKind::kHandedBack)), IsOk());
  }
  EXPECT_EQ(Get(job.name()).state(), v1::Job::STATE_PENDING);
}

TEST_F(JobQueueTest, CancelsAWaitingJobAtOnce) {
  const v1::Job job = Submit();
  const auto cancelled = queue_->Cancel(job.name());
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_EQ(cancelled->state(), v1::Job::STATE_CANCELLED);
  EXPECT_TRUE(NothingToLease());
  EXPECT_EQ(queue_->Cancel(job.name())->state(), v1::Job::STATE_CANCELLED);
  EXPECT_THAT(ended_, ElementsAre("CANCELLED"));
}

TEST_F(JobQueueTest, StopsARunningJobThatIsCancelledHoweverItsRunEnds) {
  for (int how = 0; how < 4; ++how) {
    SCOPED_TRACE(how);
    const v1::Job job = Submit();
    const LeasedJob lease = Lease();
    const auto cancelling = queue_->Cancel(job.name());
    ASSERT_THAT(cancelling, IsOk());
    EXPECT_EQ(cancelling->state(), v1::Job::STATE_RUNNING);
    EXPECT_TRUE(cancelling->cancelling());
    EXPECT_TRUE(*lease.stop);
    if (how == 0) {
      ASSERT_THAT(queue_->Fail(lease, Failure(FailureKind::kHandedBack)), IsOk());
    }
    if (how == 1) {
      ASSERT_THAT(queue_->Succeed(lease, Result()), IsOk());
    }
    if (how == 2) {
      clock_.Advance(absl::Minutes(1));
      ASSERT_THAT(queue_->ReapExpiredLeases(), IsOkAndHolds(1));
    }
    if (how == 3) Start();
    const v1::Job ended = Get(job.name());
    EXPECT_EQ(ended.state(), v1::Job::STATE_CANCELLED);
    EXPECT_FALSE(ended.cancelling());
    EXPECT_THAT(ended.artifacts(), IsEmpty());
  }
}

TEST_F(JobQueueTest, TellsAWorkerElsewhereOfACancelWhenItRenews) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  JobRecord record;
  ASSERT_THAT(store_->Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(record, writer.GetJob(job.name()));
    record.job.set_cancelling(true);
    return writer.PutJob(record);
  }),
              IsOk());
  EXPECT_FALSE(*lease.stop);
  EXPECT_THAT(queue_->Renew(lease), IsOk());
  EXPECT_TRUE(*lease.stop);
}

TEST_F(JobQueueTest, DeletesOnlyWhatHasEnded) {
  const v1::Job job = Submit();
  const absl::Status status = queue_->Delete(job.name());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(status), "NOT_ENDED");
  ASSERT_THAT(queue_->Cancel(job.name()), IsOk());
  EXPECT_THAT(queue_->Delete(job.name()), IsOk());
  EXPECT_THAT(queue_->Get(job.name()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(queue_->Delete(job.name()), StatusIs(absl::StatusCode::kNotFound));
}

// --- Events and watching ---

TEST_F(JobQueueTest, StoresStagesAndVariantsButNoPercentages) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  v1::JobProgress progress;
  progress.set_stage(v1::STAGE_CALIBRATE);
  progress.set_total(100);
  for (int done = 0; done <= 100; ++done) {
    progress.set_done(done);
    ASSERT_THAT(queue_->ReportProgress(lease, progress), IsOk());
  }
  EXPECT_EQ(Get(job.name()).progress().done(), 100);
  const auto updates = queue_->UpdatesAfter(job.name(), 2);
  ASSERT_THAT(updates, IsOk());
  ASSERT_THAT(updates->events, SizeIs(1));
  EXPECT_EQ(updates->events[0].number(), 3);
  EXPECT_EQ(updates->events[0].progress().stage(), v1::STAGE_CALIBRATE);
  ASSERT_TRUE(updates->progress.has_value());
  EXPECT_EQ(updates->progress->number(), 3);
  EXPECT_EQ(updates->progress->progress().done(), 100);

  progress.set_stage(v1::STAGE_EVALUATE);
  progress.set_variant("int8");
  ASSERT_THAT(queue_->ReportProgress(lease, progress), IsOk());
  progress.set_variant("float16");
  ASSERT_THAT(queue_->ReportProgress(lease, progress), IsOk());
  ASSERT_THAT(queue_->ReportVariant(lease, Variant("int8")), IsOk());
  // An engine that goes over the same variant again tells nothing new.
  ASSERT_THAT(queue_->ReportVariant(lease, Variant("int8")), IsOk());
  ASSERT_THAT(queue_->Succeed(lease, Result()), IsOk());
  const std::vector<v1::JobEvent> events = Events(job.name());
  ASSERT_THAT(events, SizeIs(7));
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].number(), i + 1);
  EXPECT_EQ(events[5].variant().latency().p50_ms(), 1.5);
  EXPECT_THAT(events[5].variant().latency().samples_ms(), IsEmpty());
  EXPECT_THAT(events[5].variant().latency().float_samples_ms(), IsEmpty());
  EXPECT_THAT(events[5].variant().operators(), IsEmpty());
  EXPECT_FALSE(queue_->UpdatesAfter(job.name(), 0)->progress.has_value());
}

TEST_F(JobQueueTest, ListensNoLongerToAnEngineThatFloodsIt) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  v1::JobProgress progress;
  for (int i = 0; i < 1200; ++i) {
    progress.set_variant(absl::StrCat(i));
    ASSERT_THAT(queue_->ReportProgress(lease, progress), IsOk());
  }
  EXPECT_EQ(Get(job.name()).progress().variant(), "1199");
  int64_t last = 0, count = 0;
  while (true) {
    const auto updates = queue_->UpdatesAfter(job.name(), last);
    ASSERT_THAT(updates, IsOk());
    EXPECT_LE(updates->events.size(), 50);
    if (updates->events.empty()) break;
    last = updates->events.back().number();
    count += updates->events.size();
  }
  EXPECT_EQ(count, 1002);
}

TEST_F(JobQueueTest, SaysThatAJobEndedOnlyWithItsLastEvent) {
  const v1::Job job = Submit();
  EXPECT_FALSE(queue_->UpdatesAfter(job.name(), 0)->ended);
  const LeasedJob lease = Lease();
  v1::JobProgress progress;
  for (int i = 0; i < 60; ++i) {
    progress.set_variant(absl::StrCat(i));
    ASSERT_THAT(queue_->ReportProgress(lease, progress), IsOk());
  }
  ASSERT_THAT(queue_->Succeed(lease, Result()), IsOk());
  const auto first = queue_->UpdatesAfter(job.name(), 0);
  EXPECT_FALSE(first->ended);
  const auto rest = queue_->UpdatesAfter(job.name(), first->events.back().number());
  EXPECT_TRUE(rest->ended);
  EXPECT_EQ(rest->events.back().state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_TRUE(queue_->UpdatesAfter(job.name(), 10'000)->ended);
}

TEST_F(JobQueueTest, TellsOfAVariantInFewBytes) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  v1::VariantReport large = Variant("int8");
  large.mutable_accuracy()->set_top1(0.5);
  for (int i = 0; i < 10'000; ++i) large.mutable_accuracy()->add_confusion(i);
  for (int i = 0; i < 1000; ++i) large.add_inputs()->set_name(std::string(100, 'x'));
  ASSERT_THAT(queue_->ReportVariant(lease, large), IsOk());
  v1::VariantReport wordy = Variant("float16");
  wordy.set_state(v1::VariantReport::STATE_SKIPPED);
  wordy.set_skip_reason(std::string(1'000'000, 'x'));
  ASSERT_THAT(queue_->ReportVariant(lease, wordy), IsOk());
  const std::vector<v1::JobEvent> events = Events(job.name());
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(events[2].variant().accuracy().top1(), 0.5);
  EXPECT_EQ(events[3].variant().spec().name(), "float16");
  EXPECT_EQ(events[3].variant().state(), v1::VariantReport::STATE_SKIPPED);
  for (const v1::JobEvent& event : events) EXPECT_LT(event.ByteSizeLong(), 1000);
}

TEST_F(JobQueueTest, KeepsTheLastAttempts) {
  const v1::Job job = Submit();
  for (int i = 1; i <= 40; ++i) {
    const LeasedJob lease = Lease();
    EXPECT_EQ(lease.attempt, i);
    ASSERT_THAT(queue_->Fail(lease, Failure(FailureKind::kHandedBack)), IsOk());
  }
  const v1::Job now = Get(job.name());
  ASSERT_THAT(now.attempts(), SizeIs(30));
  EXPECT_EQ(now.attempts(0).number(), 11);
  EXPECT_EQ(now.attempts(29).number(), 40);
}

TEST_F(JobQueueTest, CallsWhoWatchesAJobAndNobodyElse) {
  const v1::Job job = Submit(), other = Submit();
  int changes = 0, other_changes = 0;
  auto watch = queue_->Subscribe(job.name(), [&] { ++changes; });
  const auto other_watch = queue_->Subscribe(other.name(), [&] { ++other_changes; });
  const LeasedJob lease = Lease();
  EXPECT_EQ(changes, 1);
  ASSERT_THAT(queue_->ReportProgress(lease, v1::JobProgress()), IsOk());
  ASSERT_THAT(queue_->ReportProgress(lease, v1::JobProgress()), IsOk());
  EXPECT_EQ(changes, 3);
  EXPECT_EQ(other_changes, 0);
  queue_->Drain();
  EXPECT_EQ(changes, 4);
  EXPECT_EQ(other_changes, 1);
  watch.reset();
  ASSERT_THAT(queue_->Succeed(lease, Result()), IsOk());
  EXPECT_EQ(changes, 4);
}

TEST_F(JobQueueTest, MissesNoChangeThatAWatcherIsToldOf) {
  const v1::Job job = Submit();
  absl::Mutex mutex;
  bool changed = true;
  const auto watch = queue_->Subscribe(job.name(), [&] {
    const absl::MutexLock lock(&mutex);
    changed = true;
  });
  std::thread worker([&] {
    const LeasedJob lease = Lease();
    v1::JobProgress progress;
    for (int i = 0; i < 100; ++i) {
      progress.set_variant(absl::StrCat(i));
      EXPECT_THAT(queue_->ReportProgress(lease, progress), IsOk());
    }
    EXPECT_THAT(queue_->Succeed(lease, Result()), IsOk());
  });
  int64_t last = 0;
  bool ended = false;
  while (!ended) {
    {
      const absl::MutexLock lock(&mutex, absl::Condition(&changed));
      changed = false;
    }
    const auto updates = queue_->UpdatesAfter(job.name(), last);
    EXPECT_THAT(updates, IsOk());
    for (const v1::JobEvent& event : updates->events) EXPECT_EQ(event.number(), ++last);
    ended = updates->ended;
    if (updates->events.empty()) continue;
    // There may be more of them than one call gives.
    const absl::MutexLock lock(&mutex);
    changed = true;
  }
  worker.join();
  EXPECT_EQ(last, 103);
}

TEST_F(JobQueueTest, MayBeWatchedWhileSubscriptionsComeAndGo) {
  const v1::Job job = Submit();
  const LeasedJob lease = Lease();
  std::atomic<bool> done = false;
  std::thread watcher([&] {
    while (!done) {
      auto counter = std::make_unique<int>(0);
      const auto watch = queue_->Subscribe(job.name(), [&counter] { ++*counter; });
    }
  });
  for (int i = 0; i < 2000; ++i) {
    EXPECT_THAT(queue_->ReportProgress(lease, v1::JobProgress()), IsOk());
  }
  done = true;
  watcher.join();
}

// --- Lists ---

TEST_F(JobQueueTest, ListsPagesAndRefusesWhatItCannotList) {
  for (int i = 0; i < 5; ++i) Submit();
  ASSERT_THAT(queue_->Succeed(Lease(), Result()), IsOk());
  v1::ListJobsRequest request;
  request.set_page_size(2);
  std::vector<int> sizes;
  do {
    const auto response = queue_->List(request);
    ASSERT_THAT(response, IsOk());
    sizes.push_back(response->jobs_size());
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));

  request.Clear();
  request.add_states(v1::Job::STATE_SUCCEEDED);
  EXPECT_EQ(queue_->List(request)->jobs_size(), 1);
  request.set_model("models/none");
  EXPECT_EQ(queue_->List(request)->jobs_size(), 0);
  request.add_states(static_cast<v1::Job::State>(77));
  EXPECT_THAT(queue_->List(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request.Clear();
  request.set_page_token("nonsense");
  EXPECT_THAT(queue_->List(request), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JobQueueTest, CountsJobs) {
  Submit();
  Submit();
  Lease();
  const auto counts = queue_->Counts();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->jobs.at(v1::Job::STATE_PENDING), 1);
  EXPECT_EQ(counts->jobs.at(v1::Job::STATE_RUNNING), 1);
}

// Random clients, workers, crashes and time: every job's stored history is a legal one, numbered
// without gaps.
TEST_F(JobQueueTest, KeepsLegalHistoriesWhateverHappens) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  std::vector<std::string> names;
  std::vector<LeasedJob> leases;
  const auto any_lease = [&]() -> const LeasedJob& { return leases[random() % leases.size()]; };
  const FailureKind kinds[] = {FailureKind::kKilled, FailureKind::kHandedBack, FailureKind::kStore,
                               FailureKind::kLimit};
  for (int step = 0; step < 400; ++step) {
    clock_.Advance(absl::Milliseconds(random() % 5000));
    switch (random() % 9) {
      case 0:
        names.push_back(Submit().name());
        break;
      case 1:
      case 2: {
        auto lease = queue_->LeaseNextJob("w");
        ASSERT_THAT(lease, IsOk());
        if (lease->has_value()) leases.push_back(**std::move(lease));
        break;
      }
      case 3:
        if (!leases.empty()) (void)queue_->Succeed(any_lease(), Result());
        break;
      case 4:
        if (!leases.empty()) (void)queue_->Fail(any_lease(), Failure(kinds[random() % 4]));
        break;
      case 5:
        if (!leases.empty()) (void)queue_->ReportVariant(any_lease(), Variant("int8"));
        break;
      case 6:
        if (names.empty()) break;
        ASSERT_THAT(queue_->Cancel(names[random() % names.size()]), IsOk());
        break;
      case 7:
        ASSERT_THAT(queue_->ReapExpiredLeases(), IsOk());
        break;
      case 8:
        if (random() % 10 == 0) Start();
        break;
    }
  }
  for (const std::string& name : names) {
    v1::Job::State state = v1::Job::STATE_UNSPECIFIED;
    int64_t number = 0;
    int runs = 0;
    const std::vector<v1::JobEvent> events = Events(name);
    for (const v1::JobEvent& event : events) {
      EXPECT_EQ(event.number(), ++number);
      if (event.event_case() != v1::JobEvent::kState) continue;
      EXPECT_TRUE(state == v1::Job::STATE_UNSPECIFIED || IsLegalChange(state, event.state()))
          << StateName(state) << " -> " << StateName(event.state());
      state = event.state();
      runs += state == v1::Job::STATE_RUNNING;
    }
    EXPECT_EQ(Get(name).state(), state);
    EXPECT_EQ(Get(name).attempts_size(), std::min(runs, 30));
  }
}

}  // namespace
}  // namespace octavo
