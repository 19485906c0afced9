#include "server/worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/blobs/local_blob_store.h"
#include "server/jobs/job_state.h"
#include "server/store/random_id.h"
#include "server/store/sqlite_store.h"
#include "tests/server/testing/rows.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Longer than anything here takes on a busy machine.
constexpr absl::Duration kPatience = absl::Seconds(60);

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = OpenSqliteStore(folder_ / "data");
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
    auto blobs = OpenLocalBlobStore(folder_ / "blobs", Clock::System());
    ASSERT_THAT(blobs, IsOk());
    blobs_ = *std::move(blobs);
    queue_options_.retry.first_delay = absl::Milliseconds(1);
    options_.work_folder = folder_ / "work";
    options_.engine_program = OCTAVO_SCRIPTED_ENGINE;
    options_.use_benchmark_lock = false;
    options_.look_interval = absl::Milliseconds(10);
    options_.max_artifacts = 10;
    options_.max_artifact_bytes = 1'000'000;
    options_.observer.on_exit = [this](absl::string_view cause, int64_t) {
      const absl::MutexLock lock(&mutex_);
      causes_.push_back(std::string(cause));
    };
    options_.observer.on_stage = [this](v1::Stage stage, absl::string_view, absl::Duration) {
      const absl::MutexLock lock(&mutex_);
      stages_.insert(stage);
    };
  }

  void TearDown() override {
    worker_.reset();
    if (std::filesystem::exists(options_.work_folder)) {
      EXPECT_TRUE(std::filesystem::is_empty(options_.work_folder));
    }
  }

  void StartQueue() {
    auto queue = JobQueue::Create(*store_, Clock::System(), queue_options_);
    ASSERT_THAT(queue, IsOk());
    queue_ = *std::move(queue);
  }

  void StartWorker() {
    if (queue_ == nullptr) StartQueue();
    auto worker = Worker::Start(*queue_, *blobs_, options_);
    ASSERT_THAT(worker, IsOk());
    worker_ = *std::move(worker);
  }

  std::string PutBlob(const std::string& bytes) {
    const std::string path = folder_ / NewId();
    std::ofstream(path) << bytes;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY));
    const auto blob = blobs_->PutFile(fd.get(), 1 << 20);
    EXPECT_THAT(blob, IsOk());
    return blob->digest;
  }

  // A job whose engine does what `word` says.
  std::string Submit(const std::string& word) {
    const v1::Model model = ReadyModel(PutBlob(word));
    const v1::Dataset dataset = ReadyDataset(PutBlob("calibration data"));
    EXPECT_THAT(store_->Write([&](StoreWriter& writer) -> absl::Status {
      RETURN_IF_ERROR(writer.PutModel(model));
      return writer.PutDataset(dataset);
    }),
                IsOk());
    v1::CreateJobRequest request;
    request.mutable_spec()->set_model(model.name());
    request.mutable_spec()->mutable_calibration()->set_dataset(dataset.name());
    request.mutable_spec()->set_all_variants(true);
    const auto job = queue_->Submit(request);
    EXPECT_THAT(job, IsOk());
    return job.ok() ? job->name() : "";
  }

  // The job, once `is_so` holds of it.
  template <typename Predicate>
  v1::Job WaitUntil(const std::string& name, const Predicate& is_so) {
    absl::Mutex mutex;
    bool changed = false;
    const auto watch = queue_->Subscribe(name, [&] {
      const absl::MutexLock lock(&mutex);
      changed = true;
    });
    const absl::Time deadline = absl::Now() + kPatience;
    while (true) {
      auto job = queue_->Get(name);
      EXPECT_THAT(job, IsOk());
      if (!job.ok() || is_so(*job)) return job.ok() ? *job : v1::Job();
      const absl::MutexLock lock(&mutex);
      if (!mutex.AwaitWithDeadline(absl::Condition(&changed), deadline)) {
        ADD_FAILURE() << name << " waits in vain: " << job->ShortDebugString();
        return *job;
      }
      changed = false;
    }
  }

  v1::Job WaitForEnd(const std::string& name) {
    return WaitUntil(name, [](const v1::Job& job) { return IsEnded(job.state()); });
  }

  v1::Job RunOne(const std::string& word) {
    StartQueue();
    const std::string name = Submit(word);
    StartWorker();
    return WaitForEnd(name);
  }

  std::vector<std::string> causes() {
    const absl::MutexLock lock(&mutex_);
    return causes_;
  }

  static std::vector<pid_t> Children() {
    std::vector<pid_t> children;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream file(task.path() / "children");
      for (pid_t child; file >> child;) children.push_back(child);
    }
    return children;
  }

  std::string BlobContents(const std::string& digest) {
    const auto blob = blobs_->Open(digest);
    if (!blob.ok()) return blob.status().ToString();
    const auto bytes = ReadFile(blob->fd.get(), 1 << 20);
    return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
  }

  TemporaryFolder folder_;
  std::unique_ptr<MetadataStore> store_;
  std::unique_ptr<BlobStore> blobs_;
  JobQueueOptions queue_options_;
  std::unique_ptr<JobQueue> queue_;
  WorkerOptions options_;
  absl::Mutex mutex_;
  std::vector<std::string> causes_ ABSL_GUARDED_BY(mutex_);
  std::set<v1::Stage> stages_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, StoresWhatTheEngineMade) {
  const v1::Job job = RunOne("succeed");
  ASSERT_EQ(job.state(), v1::Job::STATE_SUCCEEDED) << job.ShortDebugString();
  EXPECT_EQ(job.verdict(), v1::VERDICT_PASS);
  std::map<std::string, std::string> contents;
  for (const v1::Artifact& artifact : job.artifacts()) {
    EXPECT_EQ(artifact.name(), "artifacts/" + artifact.digest());
    contents[artifact.file_name()] = BlobContents(artifact.digest());
  }
  EXPECT_EQ(contents, (std::map<std::string, std::string>{{"int8.tflite", "calibration data"},
                                                          {"report.html", "<html>"}}));
  const auto report = queue_->GetReport(job.name());
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->variants(0).artifact().name(), "artifacts/" + Sha256Hex("calibration data"));
  EXPECT_GT(job.attempts(0).cpu_seconds(), 0);
  worker_->Drain(absl::ZeroDuration());
  EXPECT_THAT(causes(), ElementsAre("ok"));
  const absl::MutexLock lock(&mutex_);
  EXPECT_THAT(stages_, UnorderedElementsAre(v1::STAGE_IMPORT, v1::STAGE_REPORT, v1::STAGE_STORE));
}

TEST_F(WorkerTest, GivesStatisticsToTheNextJobOfTheSameData) {
  auto cache = StatisticsCache::Open(folder_ / "statistics", 1 << 20);
  ASSERT_THAT(cache, IsOk());
  options_.statistics_cache = *cache;
  ASSERT_EQ(RunOne("succeed").state(), v1::Job::STATE_SUCCEEDED);
  const std::filesystem::directory_iterator files(folder_ / "statistics");
  ASSERT_NE(files, std::filesystem::directory_iterator());
  const std::string key = files->path().filename();
  EXPECT_EQ(cache->Find(key), "gathered");
  // An engine that is given any sends none.
  ASSERT_THAT(cache->Keep(key, "given"), IsOk());
  ASSERT_EQ(WaitForEnd(Submit("succeed")).state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_EQ(cache->Find(key), "given");
}

TEST_F(WorkerTest, RunsManyJobsInItsSlots) {
  options_.slots = 3;
  std::atomic<int> most_busy = 0;
  options_.observer.on_busy = [&](int busy) {
    int most = most_busy;
    while (busy > most && !most_busy.compare_exchange_weak(most, busy)) {
    }
  };
  StartQueue();
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) names.push_back(Submit("succeed"));
  StartWorker();
  for (const std::string& name : names) {
    EXPECT_EQ(WaitForEnd(name).state(), v1::Job::STATE_SUCCEEDED);
  }
  EXPECT_LE(most_busy, 3);
  worker_.reset();
}

TEST_F(WorkerTest, RunsAJobInEachSlotAtOnce) {
  options_.slots = 3;
  StartQueue();
  std::vector<std::string> names;
  for (int i = 0; i < 4; ++i) names.push_back(Submit("hang"));
  StartWorker();
  // None of them ends by itself: all three run at the same time.
  for (int i = 0; i < 3; ++i) {
    WaitUntil(names[i], [](const v1::Job& job) { return job.progress().done() == 7; });
  }
  EXPECT_EQ(worker_->busy_slots(), 3);
  EXPECT_EQ(queue_->Get(names[3])->state(), v1::Job::STATE_PENDING);
  for (const std::string& name : names) ASSERT_THAT(queue_->Cancel(name), IsOk());
  for (const std::string& name : names) {
    EXPECT_EQ(WaitForEnd(name).state(), v1::Job::STATE_CANCELLED);
  }
}

TEST_F(WorkerTest, RetriesAnEngineThatWasKilledAndKeepsWhatItHadFinished) {
  StartQueue();
  const std::string name = Submit("finish-one");
  StartWorker();
  // State, state, variant.
  int64_t last = 0;
  WaitUntil(name, [&](const v1::Job&) {
    const auto updates = queue_->UpdatesAfter(name, last);
    for (const v1::JobEvent& event : updates->events) {
      last = event.number();
      if (event.has_variant()) return true;
    }
    return false;
  });
  const std::vector<pid_t> children = Children();
  ASSERT_THAT(children, SizeIs(1));
  ASSERT_EQ(::kill(children[0], SIGKILL), 0);
  const v1::Job job = WaitForEnd(name);
  ASSERT_EQ(job.state(), v1::Job::STATE_SUCCEEDED) << job.ShortDebugString();
  ASSERT_THAT(job.attempts(), SizeIs(2));
  EXPECT_THAT(job.attempts(0).error().message(), HasSubstr("signal 9"));
  EXPECT_EQ(queue_->GetReport(name)->variants(0).artifact().digest(), Sha256Hex("first attempt"));
  EXPECT_THAT(causes(), Contains("killed"));
}

TEST_F(WorkerTest, FailsAModelThatCrashesTwiceAndRunsTheNextJob) {
  struct Row {
    const char* word;
    const char* message;
    const char* cause;
  };
  const Row rows[] = {{"abort", "signal 6", "crash"},
                      {"segfault", "signal 11", "crash"},
                      {"out-of-memory", "too much memory", "oom"},
                      {"nonsense", "the engine", "protocol"},
                      {"cancelled", "says that it was cancelled", "protocol"}};
  StartQueue();
  StartWorker();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.word);
    const std::string bad = Submit(row.word), good = Submit("succeed");
    const v1::Job failed = WaitForEnd(bad);
    EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
    EXPECT_THAT(failed.error().message(), HasSubstr(row.message));
    EXPECT_THAT(failed.attempts(), SizeIs(2));
    EXPECT_EQ(WaitForEnd(good).state(), v1::Job::STATE_SUCCEEDED);
    EXPECT_THAT(causes(), Contains(row.cause));
    v1::CreateJobRequest again;
    again.mutable_spec()->set_model(failed.spec().model());
    EXPECT_EQ(ReasonOf(queue_->Submit(again).status()), "QUARANTINED");
  }
}

TEST_F(WorkerTest, GivesTheEnginesLastLinesToAFailedJob) {
  const v1::Job job = RunOne("abort");
  google::rpc::DebugInfo info;
  for (const auto& detail : job.error().details()) detail.UnpackTo(&info);
  EXPECT_THAT(info.stack_entries(), ElementsAre("about to abort"));
}

TEST_F(WorkerTest, FailsAtOnceWhereTheEngineSaysWhy) {
  const v1::Job job = RunOne("error");
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job.error().code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(job.error().message(), "tensor 'x' is not finite");
  EXPECT_THAT(job.attempts(), SizeIs(1));
}

TEST_F(WorkerTest, KeepsJobsReadableWhateverTheEngineSaysAtLength) {
  StartQueue();
  StartWorker();
  const v1::Job failed = WaitForEnd(Submit("long-error"));
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(failed.error().message(), EndsWith("\u00e4..."));
  const std::string running = Submit("long-variant");
  WaitUntil(running, [](const v1::Job& job) { return job.progress().done() == 7; });
  // From the store, where a server that starts again finds it.
  EXPECT_THAT(store_->Read([&](StoreReader& reader) { return reader.GetJob(running).status(); }),
              IsOk());
  ASSERT_THAT(queue_->Cancel(running), IsOk());
  EXPECT_EQ(WaitForEnd(running).state(), v1::Job::STATE_CANCELLED);
}

TEST_F(WorkerTest, FailsAtOnceAtALimit) {
  options_.cpu_limit = absl::Seconds(1);
  StartQueue();
  StartWorker();
  const v1::Job burnt = WaitForEnd(Submit("burn"));
  EXPECT_EQ(burnt.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(burnt.error().message(), HasSubstr("ran out of CPU time"));
  EXPECT_THAT(burnt.attempts(), SizeIs(1));
  worker_.reset();
  options_.time_limit = absl::Milliseconds(300);
  StartWorker();
  const v1::Job slow = WaitForEnd(Submit("hang"));
  EXPECT_EQ(slow.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(slow.error().message(), HasSubstr("ran out of time"));
  EXPECT_THAT(slow.attempts(), SizeIs(1));
  for (const char* word : {"file-limit", "too-large"}) {
    const v1::Job job = WaitForEnd(Submit(word));
    EXPECT_EQ(job.state(), v1::Job::STATE_FAILED) << word;
    EXPECT_THAT(job.attempts(), SizeIs(1)) << word;
  }
}

TEST_F(WorkerTest, StopsAnEngineThatFillsTheDisk) {
  queue_options_.lease_duration = absl::Milliseconds(300);
  const v1::Job job = RunOne("fill-disk");
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job.error().message(), "the job wrote more than 1000000 bytes");
  EXPECT_THAT(job.attempts(), SizeIs(1));
}

TEST_F(WorkerTest, BelievesNothingThatTheEngineSaysOfItsFiles) {
  StartQueue();
  options_.slots = 2;
  StartWorker();
  std::map<std::string, std::string> names;
  for (const char* word : {"wrong-digest", "wrong-size", "path", "absolute", "hidden", "missing",
                           "link", "pipe", "folder", "too-many", "wrong-variant"}) {
    names[word] = Submit(word);
  }
  for (const auto& [word, name] : names) {
    const v1::Job job = WaitForEnd(name);
    EXPECT_EQ(job.state(), v1::Job::STATE_FAILED) << word;
    EXPECT_THAT(job.error().message(), HasSubstr("the engine's result: ")) << word;
    EXPECT_THAT(job.artifacts(), IsEmpty());
  }
}

TEST_F(WorkerTest, KillsTheEngineOfACancelledJobWithinASecond) {
  StartQueue();
  const std::string name = Submit("hang");
  StartWorker();
  const v1::Job running =
      WaitUntil(name, [](const v1::Job& job) { return job.progress().done() == 7; });
  EXPECT_EQ(running.progress().stage(), v1::STAGE_CALIBRATE);
  const absl::Time start = absl::Now();
  ASSERT_THAT(queue_->Cancel(name), IsOk());
  EXPECT_EQ(WaitForEnd(name).state(), v1::Job::STATE_CANCELLED);
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  EXPECT_THAT(Children(), IsEmpty());
}

TEST_F(WorkerTest, HandsRunningJobsBackWhenItDrains) {
  StartQueue();
  const std::string name = Submit("hang");
  StartWorker();
  WaitUntil(name, [](const v1::Job& job) { return job.progress().done() == 7; });
  queue_->Drain();
  worker_->Drain(absl::Milliseconds(10));
  EXPECT_THAT(Children(), IsEmpty());
  const auto job = queue_->Get(name);
  ASSERT_THAT(job, IsOk());
  EXPECT_EQ(job->state(), v1::Job::STATE_PENDING);
  EXPECT_FALSE(job->has_retry_time());
}

TEST_F(WorkerTest, LetsRunningJobsEndInTheGracePeriod) {
  StartQueue();
  const std::string name = Submit("succeed");
  StartWorker();
  WaitUntil(name, [](const v1::Job& job) { return job.state() != v1::Job::STATE_PENDING; });
  queue_->Drain();
  worker_->Drain(kPatience);
  EXPECT_EQ(queue_->Get(name)->state(), v1::Job::STATE_SUCCEEDED);
}

TEST_F(WorkerTest, RenewsTheLeaseOfALongJob) {
  queue_options_.lease_duration = absl::Milliseconds(300);
  StartQueue();
  const std::string name = Submit("hang");
  StartWorker();
  WaitUntil(name, [](const v1::Job& job) { return job.progress().done() == 7; });
  // Several leases long, in which the job may not be taken for lost. Each look through the leases
  // is one event here.
  absl::Time expiry = absl::InfinitePast();
  int renewals = 0;
  const absl::Time deadline = absl::Now() + kPatience;
  while (renewals < 6 && absl::Now() < deadline) {
    ASSERT_THAT(store_->Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(const JobRecord record, reader.GetJob(name));
      if (record.lease_expiry > expiry) ++renewals;
      expiry = record.lease_expiry;
      return absl::OkStatus();
    }),
                IsOk());
  }
  EXPECT_EQ(renewals, 6);
  EXPECT_EQ(queue_->Get(name)->attempts_size(), 1);
  ASSERT_THAT(queue_->Cancel(name), IsOk());
  WaitForEnd(name);
}

TEST_F(WorkerTest, FailsAJobWhoseBytesAreGone) {
  StartQueue();
  const std::string name = Submit("succeed");
  ASSERT_THAT(blobs_->DeleteUnused(Sha256Hex("succeed"), absl::InfiniteFuture()), IsOk());
  StartWorker();
  const v1::Job job = WaitForEnd(name);
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(job.error())), "BLOB_MISSING");
}

TEST_F(WorkerTest, HoldsAMissingEngineAgainstNoModel) {
  queue_options_.retry.max_other_failures = 3;
  options_.engine_program = folder_ / "no-such-program";
  const v1::Job job = RunOne("succeed");
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(job.attempts(), SizeIs(3));
  v1::CreateJobRequest again;
  again.mutable_spec()->set_model(job.spec().model());
  EXPECT_THAT(queue_->Submit(again), IsOk());
}

TEST_F(WorkerTest, KeepsReportsThatFitIntoAnAnswer) {
  StartQueue();
  StartWorker();
  const v1::Job large = WaitForEnd(Submit("large-report"));
  ASSERT_EQ(large.state(), v1::Job::STATE_SUCCEEDED) << large.ShortDebugString();
  const auto report = queue_->GetReport(large.name());
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->variants(0).operators(), IsEmpty());
  EXPECT_THAT(report->variants(0).goals(), SizeIs(2));
  ASSERT_THAT(report->warnings(), SizeIs(1));
  EXPECT_EQ(report->warnings(0).reason(), "OPERATORS_LEFT_OUT");
  const v1::Job larger = WaitForEnd(Submit("larger-report"));
  EXPECT_EQ(larger.state(), v1::Job::STATE_FAILED);
  EXPECT_THAT(larger.error().message(), HasSubstr("the engine's result: the report has 4"));
}

TEST_F(WorkerTest, TellsOnlyOfVariantsThatWereAskedForAndAreSmall) {
  const v1::Job job = RunOne("other-variant");
  ASSERT_EQ(job.state(), v1::Job::STATE_SUCCEEDED) << job.ShortDebugString();
  const auto updates = queue_->UpdatesAfter(job.name(), 0);
  ASSERT_THAT(updates, IsOk());
  std::vector<std::string> names;
  for (const v1::JobEvent& event : updates->events) {
    if (event.has_variant()) names.push_back(event.variant().spec().name());
  }
  EXPECT_THAT(names, ElementsAre("float16"));
}

TEST_F(WorkerTest, TriesAgainWhereTheDiskIsFull) {
  queue_options_.retry.max_other_failures = 3;
  const v1::Job job = RunOne("disk-full");
  EXPECT_EQ(job.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(job.error())), "DISK_FULL");
  EXPECT_THAT(job.attempts(), SizeIs(3));
}

TEST_F(WorkerTest, RunsTheJobsThatADeadServerLeft) {
  StartQueue();
  const std::string name = Submit("succeed");
  const auto lost = queue_->LeaseNextJob("dead/0");
  ASSERT_THAT(lost, IsOk());
  std::filesystem::create_directories(options_.work_folder + "/left/behind");
  queue_.reset();
  StartWorker();
  const v1::Job job = WaitForEnd(name);
  EXPECT_EQ(job.state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_THAT(job.attempts(), SizeIs(2));
}

}  // namespace
}  // namespace octavo
