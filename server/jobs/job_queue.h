// The queue: the only place where a job's state changes.

#ifndef OCTAVO_SERVER_JOBS_JOB_QUEUE_H_
#define OCTAVO_SERVER_JOBS_JOB_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/report.pb.h"
#include "server/jobs/retry_policy.h"
#include "server/store/metadata_store.h"

namespace octavo {

class JobChange;
class JobWatchers;
class LiveJobs;

// UNAVAILABLE (DRAINING), with a RetryInfo: there may be another server by then.
absl::Status DrainingError();
// FAILED_PRECONDITION (QUARANTINED).
absl::Status QuarantinedError(absl::string_view message);

// What happens in the queue, for metrics. Called from any thread; quick, and never back into the
// queue.
struct JobQueueObserver {
  std::function<void()> on_submitted;
  // By LeaseExpired: the job went back.
  std::function<void()> on_lease_expired;
  // An attempt failed and another follows.
  std::function<void(FailureKind)> on_retry;
  // The wait of a job's first attempt, from CreateJob.
  std::function<void(absl::Duration)> on_started;
  // As it ended: its state, verdict, times and report's variants are set. `quarantined`: with its
  // model's digest.
  std::function<void(const v1::Job&, bool quarantined)> on_ended;
  // A report that was committed.
  std::function<void(const v1::Report&)> on_report;
};

struct JobQueueOptions {
  // PENDING jobs; more are refused with QUEUE_FULL.
  int32_t max_queued_jobs = 1000;
  absl::Duration lease_duration = absl::Seconds(30);
  // Quarantines hold for this build of the engine only: a new one may have mended it.
  std::string engine_build;
  RetryPolicy retry;
  JobQueueObserver observer;
};

// The right to run a job: what a worker needs to know, and the token that each of its writes
// carries.
struct LeasedJob {
  v1::Job job;
  std::string token;
  // Number of this attempt, from 1.
  int32_t attempt = 0;
  v1::Model model;
  // Default where the job has none.
  v1::Dataset calibration;
  v1::Dataset evaluation;
  // What earlier attempts finished.
  std::vector<v1::VariantReport> finished;
  // Set when the job is cancelled or the lease is lost: stop at once.
  std::shared_ptr<std::atomic<bool>> stop;
};

// What the engine process used.
struct AttemptUsage {
  int64_t peak_memory_bytes = 0;
  double cpu_seconds = 0;
};

struct JobResult {
  v1::Report report;
  std::vector<v1::Artifact> artifacts;
  AttemptUsage usage;
};

struct AttemptFailure {
  FailureKind kind = FailureKind::kEngine;
  absl::Status error;
  // Of the engine's standard error.
  std::vector<std::string> last_lines;
  AttemptUsage usage;
};

// What a watcher has not seen yet.
struct JobUpdates {
  // Numbered, in order.
  std::vector<v1::JobEvent> events;
  // Where the engine is now, with the number of the last event; unset when it does not run.
  std::optional<v1::JobEvent> progress;
  // There are no events after these.
  bool ended = false;
};

// Ends a subscription when destroyed; its callback neither runs nor begins after that.
class JobSubscription {
 public:
  virtual ~JobSubscription() = default;
};

// Thread-safe. Calls block on the store.
class JobQueue {
 public:
  // Also puts jobs back that a server before this one left RUNNING: nobody else runs jobs of an
  // embedded store.
  static absl::StatusOr<std::unique_ptr<JobQueue>> Create(MetadataStore& store, Clock& clock,
                                                          JobQueueOptions options = {});
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // --- For clients. Names are checked: INVALID_ARGUMENT where one is no job's name. ---

  // The job that this request id already made, if there is one: ask before the costly checks of a
  // new one. ALREADY_EXISTS (REQUEST_ID_REUSED): with another spec.
  absl::StatusOr<std::optional<v1::Job>> FindSubmitted(const v1::CreateJobRequest& request);
  // Why Submit would refuse this request now, but for its request id: ask before the costly checks.
  absl::Status CheckSubmit(const v1::CreateJobRequest& request);
  // Queues a job. The spec was validated; that its model and data sets exist and are READY is
  // checked here, in the same transaction. NOT_FOUND, FAILED_PRECONDITION (NOT_READY, QUARANTINED),
  // ALREADY_EXISTS (REQUEST_ID_REUSED), RESOURCE_EXHAUSTED (QUEUE_FULL, with RetryInfo),
  // UNAVAILABLE (DRAINING). With validate_only nothing is queued.
  absl::StatusOr<v1::Job> Submit(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> Get(absl::string_view name);
  absl::StatusOr<v1::ListJobsResponse> List(const v1::ListJobsRequest& request);
  // PENDING: ends at once. RUNNING: is asked to, `cancelling`. Ended: nothing.
  absl::StatusOr<v1::Job> Cancel(absl::string_view name);
  // FAILED_PRECONDITION (NOT_ENDED). Blobs are left to the sweeper.
  absl::Status Delete(absl::string_view name);
  // FAILED_PRECONDITION (NOT_ENDED, NO_REPORT).
  absl::StatusOr<v1::Report> GetReport(absl::string_view name);
  absl::StatusOr<QueueCounts> Counts();

  // --- For watchers: subscribe first, then read updates after each call of `on_change`. ---

  // `on_change` is called on other threads after every change of this job, also of its percentage,
  // and when draining begins. It must be quick, and must not destroy its subscription.
  std::unique_ptr<JobSubscription> Subscribe(absl::string_view name,
                                             std::function<void()> on_change);
  // NOT_FOUND. At most 50 events a call; `ended` only with the last ones.
  absl::StatusOr<JobUpdates> UpdatesAfter(absl::string_view name, int64_t after_number);

  // --- For workers. ABORTED (LEASE_LOST): the token is not the current one; nothing was written.
  // ---

  // The job that waits longest; none: nothing to do, or draining.
  absl::StatusOr<std::optional<LeasedJob>> LeaseNextJob(absl::string_view worker);
  // Blocks until there may be something to lease, draining begins or `timeout` has passed.
  void WaitForWork(absl::Duration timeout);
  // Keeps the lease for another lease_duration; a cancelled job's `stop` is set.
  absl::Status Renew(const LeasedJob& lease);
  // A change of stage or variant becomes an event; percentages between are only shown to those who
  // look.
  absl::Status ReportProgress(const LeasedJob& lease, const v1::JobProgress& progress);
  // A variant was finished, failed or skipped. A finished one's artifact must be stored: a retry is
  // given it again.
  absl::Status ReportVariant(const LeasedJob& lease, const v1::VariantReport& variant);
  // Report, artifacts and state in one transaction. A job that was being cancelled ends CANCELLED.
  absl::Status Succeed(const LeasedJob& lease, const JobResult& result);
  // Back to the queue, FAILED, or CANCELLED where that was asked for.
  absl::Status Fail(const LeasedJob& lease, const AttemptFailure& failure);
  absl::Duration lease_duration() const { return options_.lease_duration; }
  // Puts jobs back whose lease has run out. To be called every few seconds. Returns how many.
  absl::StatusOr<int> ReapExpiredLeases();

  // No job is leased or accepted any more.
  void Drain();
  bool draining() const;

 private:
  // How an attempt ended, as the observer wants to know it.
  struct AttemptEnd {
    v1::Job job;
    bool retried = false;
    bool quarantined = false;
  };

  JobQueue(MetadataStore& store, Clock& clock, JobQueueOptions options);

  absl::StatusOr<std::optional<v1::Job>> FindFirst(StoreReader& reader,
                                                   const v1::CreateJobRequest& request);
  absl::Status CheckSubmit(StoreReader& reader, const v1::CreateJobRequest& request,
                           std::string* model_digest);
  JobChange NewJob(const v1::CreateJobRequest& request, const std::string& model_digest);

  bool MayLease() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return may_have_work_ || draining_; }
  void SetMayHaveWork(bool may_have_work);
  absl::StatusOr<std::optional<LeasedJob>> TryLease(StoreWriter& writer, absl::string_view worker,
                                                    std::vector<v1::Job>* refused);
  absl::Status Refuse(StoreWriter& writer, JobRecord record, const absl::Status& why,
                      std::vector<v1::Job>* refused);
  absl::StatusOr<LeasedJob> Start(StoreWriter& writer, JobRecord record, absl::string_view worker);
  absl::StatusOr<JobRecord> GetLeased(StoreReader& reader, const LeasedJob& lease);
  absl::StatusOr<AttemptEnd> EndAttempt(StoreWriter& writer, JobRecord record,
                                        const AttemptFailure& failure);
  void TellEnd(const AttemptEnd& end, FailureKind kind);
  absl::StatusOr<int> PutBackExpired(absl::Time expired_before);

  MetadataStore& store_;
  Clock& clock_;
  const JobQueueOptions options_;
  const std::shared_ptr<JobWatchers> watchers_;
  const std::unique_ptr<LiveJobs> live_;

  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  // Cleared by who looks for work and set by who makes or finds some, so that no worker waits
  // beside a full queue.
  bool may_have_work_ ABSL_GUARDED_BY(mutex_) = true;
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_JOB_QUEUE_H_
