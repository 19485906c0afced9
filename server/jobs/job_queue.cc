#include "server/jobs/job_queue.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/log/log.h"
#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/rpc/error_details.pb.h"
#include "server/jobs/job_state.h"
#include "server/jobs/job_watchers.h"
#include "server/store/random_id.h"

namespace octavo {
namespace {

constexpr char kCollection[] = "jobs";
constexpr int kEventsAtOnce = 500;
// An engine that changes its stage more often than this is not listened to any more.
constexpr int kMaxStageEvents = 1000;
constexpr int kMaxVariantEvents = 100;
constexpr int kReapBatch = 100;
constexpr size_t kMaxLines = 50;
constexpr size_t kMaxLineBytes = 500;
constexpr absl::Duration kQueueFullDelay = absl::Seconds(10);
constexpr absl::Duration kDrainingDelay = absl::Seconds(2);

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const timespec parts = absl::ToTimespec(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(parts.tv_sec);
  timestamp.set_nanos(static_cast<int32_t>(parts.tv_nsec));
  return timestamp;
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

absl::Status CheckJobName(absl::string_view name) {
  return IsResourceName(name, kCollection) ? absl::OkStatus()
                                           : FieldError("name", "not a job's name");
}

absl::Status LeaseLost() {
  return WithReason(absl::AbortedError("the lease was lost"), "LEASE_LOST");
}

// The same for equal specs, whatever a map's order is.
std::string FingerprintOf(const v1::OptimizeSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    spec.SerializeToCodedStream(&coded);
  }
  return Sha256Hex(bytes);
}

// A line of an engine's that is safe in a message and on a terminal.
std::string Printable(absl::string_view line) {
  std::string text(line.substr(0, kMaxLineBytes));
  for (char& c : text) {
    if (!absl::ascii_isprint(c) && c != '\t') c = '?';
  }
  return text;
}

google::rpc::Status WithLastLines(const absl::Status& error,
                                  const std::vector<std::string>& last_lines) {
  google::rpc::Status message = ToRpcStatus(error);
  if (last_lines.empty()) return message;
  google::rpc::DebugInfo info;
  const size_t first = last_lines.size() > kMaxLines ? last_lines.size() - kMaxLines : 0;
  for (size_t i = first; i < last_lines.size(); ++i) {
    info.add_stack_entries(Printable(last_lines[i]));
  }
  message.add_details()->PackFrom(info);
  return message;
}

// As an event tells it: the report has the rest.
v1::VariantReport Brief(v1::VariantReport variant) {
  variant.clear_operators();
  variant.mutable_latency()->clear_samples_ms();
  if (variant.latency().ByteSizeLong() == 0) variant.clear_latency();
  return variant;
}

bool IsSameStep(const v1::JobProgress& a, const v1::JobProgress& b) {
  return a.stage() == b.stage() && a.variant() == b.variant();
}

// A job that is being changed: the record, and the events that tell of it.
class JobChange {
 public:
  JobChange(JobRecord record, absl::Time now) : record_(std::move(record)), now_(now) {}

  JobRecord& record() { return record_; }
  v1::Job& job() { return record_.job; }

  v1::JobEvent& AddEvent() {
    v1::JobEvent& event = events_.emplace_back();
    event.set_number(++record_.last_event);
    *event.mutable_time() = ToTimestamp(now_);
    return event;
  }

  // INTERNAL: no such change is legal.
  absl::Status EnterState(v1::Job::State state) {
    if (!IsLegalChange(job().state(), state)) {
      return absl::InternalError(absl::StrCat(job().name(), ": ", StateName(job().state()),
                                              " cannot become ", StateName(state)));
    }
    job().set_state(state);
    if (state != v1::Job::STATE_RUNNING) record_.lease_token.clear();
    if (IsEnded(state)) {
      *job().mutable_end_time() = ToTimestamp(now_);
      job().clear_cancelling();
      job().clear_retry_time();
    }
    AddEvent().set_state(state);
    return absl::OkStatus();
  }

  absl::Status Save(StoreWriter& writer) const {
    RETURN_IF_ERROR(writer.PutJob(record_));
    for (const v1::JobEvent& event : events_) {
      RETURN_IF_ERROR(writer.InsertEvent(record_.job.name(), event));
    }
    return absl::OkStatus();
  }

 private:
  JobRecord record_;
  const absl::Time now_;
  std::vector<v1::JobEvent> events_;
};

// How an attempt ended, as the observer wants to know it.
struct AttemptEnd {
  v1::Job job;
  bool retried = false;
  bool quarantined = false;
};

void EndLastAttempt(v1::Job& job, absl::Time now, const AttemptUsage& usage) {
  if (job.attempts().empty()) return;
  v1::Attempt& attempt = *job.mutable_attempts(job.attempts_size() - 1);
  *attempt.mutable_end_time() = ToTimestamp(now);
  attempt.set_peak_memory_bytes(usage.peak_memory_bytes);
  attempt.set_cpu_seconds(usage.cpu_seconds);
}

absl::Status CheckReady(bool is_ready, absl::string_view name) {
  if (is_ready) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(name, ": it was rejected")),
                    "NOT_READY", {{"name", std::string(name)}});
}

absl::Status CheckDataset(StoreReader& reader, const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Dataset dataset, reader.GetDataset(name));
  return CheckReady(dataset.state() == v1::Dataset::STATE_READY, name);
}

absl::StatusOr<v1::Dataset> DatasetOrNone(StoreReader& reader, const std::string& name) {
  if (name.empty()) return v1::Dataset();
  return reader.GetDataset(name);
}

}  // namespace

class JobQueue::Impl {
 public:
  Impl(MetadataStore& store, Clock& clock, JobQueueOptions options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  absl::StatusOr<std::optional<v1::Job>> FindSubmitted(const v1::CreateJobRequest& request) {
    std::optional<v1::Job> found;
    RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(found, FindFirst(reader, request));
      return absl::OkStatus();
    }));
    return found;
  }

  absl::StatusOr<v1::Job> Submit(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> Get(absl::string_view name);
  absl::StatusOr<v1::ListJobsResponse> List(const v1::ListJobsRequest& request);
  absl::StatusOr<v1::Job> Cancel(absl::string_view name);
  absl::Status Delete(absl::string_view name);
  absl::StatusOr<v1::Report> GetReport(absl::string_view name);
  absl::StatusOr<QueueCounts> Counts();
  absl::StatusOr<JobUpdates> UpdatesAfter(absl::string_view name, int64_t after_number);

  std::unique_ptr<JobSubscription> Subscribe(absl::string_view name,
                                             std::function<void()> on_change) {
    return watchers_->Subscribe(name, std::move(on_change));
  }

  absl::StatusOr<std::optional<LeasedJob>> LeaseNextJob(absl::string_view worker);
  absl::Status Renew(const LeasedJob& lease);
  absl::Status ReportProgress(const LeasedJob& lease, const v1::JobProgress& progress);
  absl::Status ReportVariant(const LeasedJob& lease, const v1::VariantReport& variant);
  absl::Status Succeed(const LeasedJob& lease, const JobResult& result);
  absl::Status Fail(const LeasedJob& lease, const AttemptFailure& failure);
  absl::StatusOr<int> PutBackExpired(absl::Time expired_before);
  absl::StatusOr<int> ReapExpiredLeases() { return PutBackExpired(clock_.Now()); }

  void WaitForWork(absl::Duration timeout) {
    const absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Impl::MayLease), timeout);
  }

  void Drain() {
    {
      const absl::MutexLock lock(&mutex_);
      draining_ = true;
    }
    watchers_->NotifyAll();
  }

  absl::Duration lease_duration() const { return options_.lease_duration; }

  bool draining() const {
    const absl::MutexLock lock(&mutex_);
    return draining_;
  }

 private:
  // What is known of a job that runs in this process and is not stored.
  struct LiveJob {
    std::string token;
    std::shared_ptr<std::atomic<bool>> stop;
    v1::JobProgress progress;
    bool has_progress = false;
    int stage_events = 0;
    int variant_events = 0;
  };

  bool MayLease() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return may_have_work_ || draining_; }

  void SetMayHaveWork(bool may_have_work) {
    const absl::MutexLock lock(&mutex_);
    may_have_work_ = may_have_work;
  }

  absl::StatusOr<std::optional<v1::Job>> FindFirst(StoreReader& reader,
                                                   const v1::CreateJobRequest& request);
  absl::Status CheckSubmit(StoreReader& reader, const v1::CreateJobRequest& request,
                           std::string* model_digest);
  JobChange NewJob(const v1::CreateJobRequest& request, const std::string& model_digest);
  absl::StatusOr<std::optional<LeasedJob>> TryLease(StoreWriter& writer, absl::string_view worker,
                                                    std::vector<v1::Job>* refused);
  absl::Status RefuseQuarantined(StoreWriter& writer, JobRecord record, const std::string& reason,
                                 std::vector<v1::Job>* refused);
  absl::StatusOr<LeasedJob> Start(StoreWriter& writer, JobRecord record, absl::string_view worker);
  void AddLive(const LeasedJob& lease);
  void RemoveLive(absl::string_view name, absl::string_view token);
  void StopLive(absl::string_view name);
  absl::StatusOr<bool> NoteProgress(const LeasedJob& lease, const v1::JobProgress& progress);
  std::optional<v1::JobProgress> LiveProgress(absl::string_view name) const;
  absl::StatusOr<JobRecord> GetLeased(StoreReader& reader, const LeasedJob& lease);
  absl::StatusOr<AttemptEnd> EndAttempt(StoreWriter& writer, JobRecord record,
                                        const AttemptFailure& failure);
  void TellEnd(const AttemptEnd& end, FailureKind kind);

  MetadataStore& store_;
  Clock& clock_;
  const JobQueueOptions options_;
  const std::shared_ptr<JobWatchers> watchers_ = std::make_shared<JobWatchers>();

  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  // Cleared by who looks for work and set by who makes or finds some, so that no worker waits
  // beside a full queue.
  bool may_have_work_ ABSL_GUARDED_BY(mutex_) = true;
  std::map<std::string, LiveJob, std::less<>> live_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

// --- Clients ---

absl::StatusOr<std::optional<v1::Job>> JobQueue::Impl::FindFirst(
    StoreReader& reader, const v1::CreateJobRequest& request) {
  if (request.request_id().empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const auto first, reader.FindRequest(kCollection, request.request_id()));
  if (!first) return std::nullopt;
  if (first->fingerprint != FingerprintOf(request.spec())) {
    return WithReason(absl::AlreadyExistsError("the request id was used for another spec"),
                      "REQUEST_ID_REUSED", {{"job", first->name}});
  }
  ASSIGN_OR_RETURN(const JobRecord record, reader.GetJob(first->name));
  return record.job;
}

absl::Status JobQueue::Impl::CheckSubmit(StoreReader& reader, const v1::CreateJobRequest& request,
                                         std::string* model_digest) {
  const v1::OptimizeSpec& spec = request.spec();
  ASSIGN_OR_RETURN(const v1::Model model, reader.GetModel(spec.model()));
  RETURN_IF_ERROR(CheckReady(model.state() == v1::Model::STATE_READY, spec.model()));
  RETURN_IF_ERROR(CheckDataset(reader, spec.calibration().dataset()));
  RETURN_IF_ERROR(CheckDataset(reader, spec.evaluation().dataset()));
  *model_digest = model.digest();

  ASSIGN_OR_RETURN(const auto quarantine,
                   reader.FindQuarantine(model.digest(), options_.engine_build));
  if (quarantine) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrCat(spec.model(), ": it is quarantined: ", *quarantine)),
                      "QUARANTINED");
  }
  ASSIGN_OR_RETURN(QueueCounts counts, reader.CountJobs());
  if (counts.jobs[v1::Job::STATE_PENDING] >= options_.max_queued_jobs) {
    return WithRetryDelay(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                         options_.max_queued_jobs, " jobs are queued already")),
                                     "QUEUE_FULL"),
                          kQueueFullDelay);
  }
  return absl::OkStatus();
}

JobChange JobQueue::Impl::NewJob(const v1::CreateJobRequest& request,
                                 const std::string& model_digest) {
  const absl::Time now = clock_.Now();
  JobRecord record;
  record.model_digest = model_digest;
  record.job.set_name(absl::StrCat(kCollection, "/", NewId()));
  record.job.set_display_name(request.display_name());
  record.job.set_state(v1::Job::STATE_PENDING);
  *record.job.mutable_spec() = request.spec();
  *record.job.mutable_create_time() = ToTimestamp(now);
  *record.job.mutable_labels() = request.labels();
  JobChange change(std::move(record), now);
  change.AddEvent().set_state(v1::Job::STATE_PENDING);
  return change;
}

absl::StatusOr<v1::Job> JobQueue::Impl::Submit(const v1::CreateJobRequest& request) {
  if (draining()) {
    return WithRetryDelay(WithReason(absl::UnavailableError("the server is ending"), "DRAINING"),
                          kDrainingDelay);
  }
  v1::Job job;
  bool is_new = false;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    is_new = false;
    ASSIGN_OR_RETURN(std::optional<v1::Job> first, FindFirst(writer, request));
    if (first) {
      job = *std::move(first);
      return absl::OkStatus();
    }
    std::string model_digest;
    RETURN_IF_ERROR(CheckSubmit(writer, request, &model_digest));
    JobChange change = NewJob(request, model_digest);
    job = change.job();
    if (request.validate_only()) {
      job.clear_name();
      return absl::OkStatus();
    }
    is_new = true;
    RETURN_IF_ERROR(change.Save(writer));
    if (request.request_id().empty()) return absl::OkStatus();
    return writer.InsertRequest(kCollection, request.request_id(),
                                {.fingerprint = FingerprintOf(request.spec()), .name = job.name()});
  }));
  if (!is_new) return job;
  SetMayHaveWork(true);
  if (options_.observer.on_submitted) options_.observer.on_submitted();
  return job;
}

absl::StatusOr<v1::Job> JobQueue::Impl::Get(absl::string_view name) {
  RETURN_IF_ERROR(CheckJobName(name));
  v1::Job job;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, reader.GetJob(name));
    job = std::move(record.job);
    return absl::OkStatus();
  }));
  if (job.state() != v1::Job::STATE_RUNNING) return job;
  if (auto progress = LiveProgress(name)) *job.mutable_progress() = *std::move(progress);
  return job;
}

absl::StatusOr<v1::ListJobsResponse> JobQueue::Impl::List(const v1::ListJobsRequest& request) {
  ASSIGN_OR_RETURN(const PageRequest page_request,
                   ParsePageRequest(request.page_size(), request.page_token()));
  JobFilter filter{.states = {}, .model = request.model()};
  for (const int state : request.states()) {
    if (!v1::Job::State_IsValid(state) || state == v1::Job::STATE_UNSPECIFIED) {
      return FieldError("states", "not a state");
    }
    filter.states.push_back(static_cast<v1::Job::State>(state));
  }
  v1::ListJobsResponse response;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(Page<v1::Job> page, reader.ListJobs(filter, page_request));
    for (v1::Job& job : page.items) *response.add_jobs() = std::move(job);
    response.set_next_page_token(page.next_page_token);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::Job> JobQueue::Impl::Cancel(absl::string_view name) {
  RETURN_IF_ERROR(CheckJobName(name));
  v1::Job job;
  bool ended_now = false;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ended_now = false;
    ASSIGN_OR_RETURN(JobRecord record, writer.GetJob(name));
    JobChange change(std::move(record), clock_.Now());
    if (change.job().state() == v1::Job::STATE_PENDING) {
      RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_CANCELLED));
      ended_now = true;
      RETURN_IF_ERROR(writer.DeleteFinishedVariants(name));
    } else if (change.job().state() == v1::Job::STATE_RUNNING) {
      change.job().set_cancelling(true);
    }
    job = change.job();
    return IsEnded(job.state()) && !ended_now ? absl::OkStatus() : change.Save(writer);
  }));
  // After the commit: whoever leases the job between the two sees `cancelling` in the store.
  if (job.state() == v1::Job::STATE_RUNNING) StopLive(name);
  watchers_->Notify(name);
  if (ended_now && options_.observer.on_ended) options_.observer.on_ended(job, false);
  return job;
}

absl::Status JobQueue::Impl::Delete(absl::string_view name) {
  RETURN_IF_ERROR(CheckJobName(name));
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(const JobRecord record, writer.GetJob(name));
    if (!IsEnded(record.job.state())) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(name, ": it has not ended")),
                        "NOT_ENDED");
    }
    return writer.DeleteJob(name);
  }));
  watchers_->Notify(name);
  return absl::OkStatus();
}

absl::StatusOr<v1::Report> JobQueue::Impl::GetReport(absl::string_view name) {
  RETURN_IF_ERROR(CheckJobName(name));
  v1::Report report;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const JobRecord record, reader.GetJob(name));
    if (!IsEnded(record.job.state())) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(name, ": it has not ended")),
                        "NOT_ENDED");
    }
    auto found = reader.GetReport(name);
    if (absl::IsNotFound(found.status())) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(name, ": it ended without a report")),
          "NO_REPORT");
    }
    ASSIGN_OR_RETURN(report, std::move(found));
    return absl::OkStatus();
  }));
  return report;
}

absl::StatusOr<QueueCounts> JobQueue::Impl::Counts() {
  QueueCounts counts;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(counts, reader.CountJobs());
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<JobUpdates> JobQueue::Impl::UpdatesAfter(absl::string_view name,
                                                        int64_t after_number) {
  RETURN_IF_ERROR(CheckJobName(name));
  JobUpdates updates;
  JobRecord record;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(record, reader.GetJob(name));
    ASSIGN_OR_RETURN(updates.events, reader.ListEvents(name, after_number, kEventsAtOnce));
    return absl::OkStatus();
  }));
  if (!updates.events.empty() && updates.events.back().number() < record.last_event) {
    return updates;
  }
  updates.ended = IsEnded(record.job.state());
  if (record.job.state() != v1::Job::STATE_RUNNING) return updates;
  if (auto progress = LiveProgress(name)) {
    v1::JobEvent& event = updates.progress.emplace();
    event.set_number(record.last_event);
    *event.mutable_time() = ToTimestamp(clock_.Now());
    *event.mutable_progress() = *std::move(progress);
  }
  return updates;
}

// --- Workers ---

void JobQueue::Impl::AddLive(const LeasedJob& lease) {
  const absl::MutexLock lock(&mutex_);
  LiveJob& live = live_[lease.job.name()];
  live = LiveJob();
  live.token = lease.token;
  live.stop = lease.stop;
}

void JobQueue::Impl::RemoveLive(absl::string_view name, absl::string_view token) {
  const absl::MutexLock lock(&mutex_);
  const auto live = live_.find(name);
  if (live != live_.end() && live->second.token == token) live_.erase(live);
}

void JobQueue::Impl::StopLive(absl::string_view name) {
  const absl::MutexLock lock(&mutex_);
  const auto live = live_.find(name);
  if (live != live_.end()) *live->second.stop = true;
}

std::optional<v1::JobProgress> JobQueue::Impl::LiveProgress(absl::string_view name) const {
  const absl::MutexLock lock(&mutex_);
  const auto live = live_.find(name);
  if (live == live_.end() || !live->second.has_progress) return std::nullopt;
  return live->second.progress;
}

absl::StatusOr<JobRecord> JobQueue::Impl::GetLeased(StoreReader& reader, const LeasedJob& lease) {
  auto record = reader.GetJob(lease.job.name());
  if (absl::IsNotFound(record.status())) return LeaseLost();
  RETURN_IF_ERROR(record.status());
  if (record->job.state() != v1::Job::STATE_RUNNING || record->lease_token != lease.token) {
    return LeaseLost();
  }
  return record;
}

absl::Status JobQueue::Impl::RefuseQuarantined(StoreWriter& writer, JobRecord record,
                                               const std::string& reason,
                                               std::vector<v1::Job>* refused) {
  JobChange change(std::move(record), clock_.Now());
  *change.job().mutable_error() = ToRpcStatus(
      WithReason(absl::FailedPreconditionError(absl::StrCat("the model is quarantined: ", reason)),
                 "QUARANTINED"));
  RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_FAILED));
  RETURN_IF_ERROR(writer.DeleteFinishedVariants(change.job().name()));
  refused->push_back(change.job());
  return change.Save(writer);
}

absl::StatusOr<LeasedJob> JobQueue::Impl::Start(StoreWriter& writer, JobRecord record,
                                                absl::string_view worker) {
  const absl::Time now = clock_.Now();
  LeasedJob lease;
  const v1::OptimizeSpec& spec = record.job.spec();
  ASSIGN_OR_RETURN(lease.model, writer.GetModel(spec.model()));
  ASSIGN_OR_RETURN(lease.calibration, DatasetOrNone(writer, spec.calibration().dataset()));
  ASSIGN_OR_RETURN(lease.evaluation, DatasetOrNone(writer, spec.evaluation().dataset()));
  ASSIGN_OR_RETURN(lease.finished, writer.ListFinishedVariants(record.job.name()));
  lease.token = NewId();
  lease.attempt = record.job.attempts_size() + 1;
  lease.stop = std::make_shared<std::atomic<bool>>(false);

  JobChange change(std::move(record), now);
  RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_RUNNING));
  change.record().lease_token = lease.token;
  change.record().lease_expiry = now + options_.lease_duration;
  v1::Job& job = change.job();
  job.clear_retry_time();
  job.clear_progress();
  if (!job.has_start_time()) *job.mutable_start_time() = ToTimestamp(now);
  v1::Attempt& attempt = *job.add_attempts();
  attempt.set_number(lease.attempt);
  attempt.set_worker(std::string(worker));
  *attempt.mutable_start_time() = ToTimestamp(now);
  lease.job = job;
  RETURN_IF_ERROR(change.Save(writer));
  return lease;
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::Impl::TryLease(StoreWriter& writer,
                                                                  absl::string_view worker,
                                                                  std::vector<v1::Job>* refused) {
  refused->clear();
  while (true) {
    ASSIGN_OR_RETURN(std::optional<JobRecord> record, writer.NextPendingJob(clock_.Now()));
    if (!record) return std::nullopt;
    ASSIGN_OR_RETURN(const auto quarantine,
                     writer.FindQuarantine(record->model_digest, options_.engine_build));
    if (!quarantine) return Start(writer, *std::move(record), worker);
    RETURN_IF_ERROR(RefuseQuarantined(writer, *std::move(record), *quarantine, refused));
  }
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::Impl::LeaseNextJob(absl::string_view worker) {
  if (draining()) return std::nullopt;
  SetMayHaveWork(false);
  bool has_work = false;
  // A look costs no writer's turn; workers look often and mostly find nothing.
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const auto next, reader.NextPendingJob(clock_.Now()));
    has_work = next.has_value();
    return absl::OkStatus();
  }));
  if (!has_work) return std::nullopt;

  std::optional<LeasedJob> lease;
  std::vector<v1::Job> refused;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(lease, TryLease(writer, worker, &refused));
    return absl::OkStatus();
  }));
  for (const v1::Job& job : refused) {
    watchers_->Notify(job.name());
    if (options_.observer.on_ended) options_.observer.on_ended(job, true);
  }
  if (!lease) return std::nullopt;

  SetMayHaveWork(true);
  AddLive(*lease);
  // Cancelled after the commit and before AddLive: Cancel found nobody to stop.
  const auto now = Get(lease->job.name());
  if (now.ok() && now->cancelling()) *lease->stop = true;
  watchers_->Notify(lease->job.name());
  if (lease->attempt == 1 && options_.observer.on_started) {
    options_.observer.on_started(FromTimestamp(lease->job.start_time()) -
                                 FromTimestamp(lease->job.create_time()));
  }
  return lease;
}

absl::Status JobQueue::Impl::Renew(const LeasedJob& lease) {
  bool cancelling = false;
  const absl::Status status = store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
    record.lease_expiry = clock_.Now() + options_.lease_duration;
    cancelling = record.job.cancelling();
    return writer.PutJob(record);
  });
  if (cancelling || absl::IsAborted(status)) *lease.stop = true;
  return status;
}

// True where the step is a new one, so that an event must tell of it.
absl::StatusOr<bool> JobQueue::Impl::NoteProgress(const LeasedJob& lease,
                                                  const v1::JobProgress& progress) {
  const absl::MutexLock lock(&mutex_);
  const auto found = live_.find(lease.job.name());
  if (found == live_.end() || found->second.token != lease.token) return LeaseLost();
  LiveJob& live = found->second;
  const bool is_new_step = !live.has_progress || !IsSameStep(live.progress, progress);
  live.has_progress = true;
  live.progress = progress;
  return is_new_step && live.stage_events++ < kMaxStageEvents;
}

absl::Status JobQueue::Impl::ReportProgress(const LeasedJob& lease,
                                            const v1::JobProgress& progress) {
  ASSIGN_OR_RETURN(const bool is_event, NoteProgress(lease, progress));
  if (is_event) {
    RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
      ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
      JobChange change(std::move(record), clock_.Now());
      *change.job().mutable_progress() = progress;
      *change.AddEvent().mutable_progress() = progress;
      return change.Save(writer);
    }));
  }
  watchers_->Notify(lease.job.name());
  return absl::OkStatus();
}

absl::Status JobQueue::Impl::ReportVariant(const LeasedJob& lease,
                                           const v1::VariantReport& variant) {
  {
    const absl::MutexLock lock(&mutex_);
    const auto live = live_.find(lease.job.name());
    if (live == live_.end() || live->second.token != lease.token) return LeaseLost();
    if (live->second.variant_events++ >= kMaxVariantEvents) return absl::OkStatus();
  }
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
    // An engine that was given finished variants may tell of them again.
    ASSIGN_OR_RETURN(const auto finished, writer.ListFinishedVariants(lease.job.name()));
    for (const v1::VariantReport& known : finished) {
      if (known.spec().name() == variant.spec().name()) return absl::OkStatus();
    }
    JobChange change(std::move(record), clock_.Now());
    *change.AddEvent().mutable_variant() = Brief(variant);
    RETURN_IF_ERROR(change.Save(writer));
    if (variant.state() != v1::VariantReport::STATE_SUCCEEDED) return absl::OkStatus();
    return writer.PutFinishedVariant(lease.job.name(), variant);
  }));
  watchers_->Notify(lease.job.name());
  return absl::OkStatus();
}

absl::Status JobQueue::Impl::Succeed(const LeasedJob& lease, const JobResult& result) {
  v1::Job ended;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
    const absl::Time now = clock_.Now();
    JobChange change(std::move(record), now);
    v1::Job& job = change.job();
    EndLastAttempt(job, now, result.usage);
    RETURN_IF_ERROR(writer.DeleteFinishedVariants(job.name()));
    if (job.cancelling()) {
      RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_CANCELLED));
    } else {
      job.set_verdict(result.report.verdict());
      job.set_recommended_variant(result.report.recommended_variant());
      job.mutable_artifacts()->Assign(result.artifacts.begin(), result.artifacts.end());
      RETURN_IF_ERROR(writer.PutReport(job.name(), result.report));
      RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_SUCCEEDED));
    }
    ended = job;
    return change.Save(writer);
  }));
  RemoveLive(lease.job.name(), lease.token);
  watchers_->Notify(lease.job.name());
  if (options_.observer.on_variant && ended.state() == v1::Job::STATE_SUCCEEDED) {
    for (const v1::VariantReport& variant : result.report.variants()) {
      options_.observer.on_variant(variant);
    }
  }
  if (options_.observer.on_ended) options_.observer.on_ended(ended, false);
  return absl::OkStatus();
}

absl::StatusOr<AttemptEnd> JobQueue::Impl::EndAttempt(StoreWriter& writer, JobRecord record,
                                                      const AttemptFailure& failure) {
  const absl::Time now = clock_.Now();
  JobChange change(std::move(record), now);
  v1::Job& job = change.job();
  EndLastAttempt(job, now, failure.usage);
  v1::Attempt attempt;
  if (!job.attempts().empty()) {
    *job.mutable_attempts(job.attempts_size() - 1)->mutable_error() = ToRpcStatus(failure.error);
    attempt = *job.attempts().rbegin();
  }
  const auto end_with = [&](v1::Job::State state, bool quarantined) -> absl::StatusOr<AttemptEnd> {
    RETURN_IF_ERROR(change.EnterState(state));
    RETURN_IF_ERROR(writer.DeleteFinishedVariants(job.name()));
    RETURN_IF_ERROR(change.Save(writer));
    return AttemptEnd{.job = job, .retried = false, .quarantined = quarantined};
  };
  if (job.cancelling()) return end_with(v1::Job::STATE_CANCELLED, false);

  change.record().own_failures += CountsAsOwn(failure.kind);
  change.record().other_failures += CountsAsOther(failure.kind);
  double jitter = 0;
  {
    const absl::MutexLock lock(&mutex_);
    jitter = absl::Uniform(random_, 0.0, 1.0);
  }
  const RetryDecision decision =
      DecideRetry(options_.retry, failure.kind, change.record().own_failures,
                  change.record().other_failures, jitter);
  if (decision.quarantine) {
    RETURN_IF_ERROR(writer.PutQuarantine(change.record().model_digest, options_.engine_build,
                                         failure.error.message()));
  }
  if (!decision.retry) {
    *job.mutable_error() = WithLastLines(failure.error, failure.last_lines);
    return end_with(v1::Job::STATE_FAILED, decision.quarantine);
  }
  *change.AddEvent().mutable_attempt_failed() = attempt;
  RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_PENDING));
  if (decision.delay > absl::ZeroDuration()) {
    *job.mutable_retry_time() = ToTimestamp(now + decision.delay);
  }
  RETURN_IF_ERROR(change.Save(writer));
  return AttemptEnd{.job = job, .retried = true, .quarantined = false};
}

void JobQueue::Impl::TellEnd(const AttemptEnd& end, FailureKind kind) {
  if (end.retried) SetMayHaveWork(true);
  watchers_->Notify(end.job.name());
  if (end.retried && options_.observer.on_retry) options_.observer.on_retry(kind);
  if (!end.retried && options_.observer.on_ended) {
    options_.observer.on_ended(end.job, end.quarantined);
  }
}

absl::Status JobQueue::Impl::Fail(const LeasedJob& lease, const AttemptFailure& failure) {
  AttemptEnd end;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
    ASSIGN_OR_RETURN(end, EndAttempt(writer, std::move(record), failure));
    return absl::OkStatus();
  }));
  RemoveLive(lease.job.name(), lease.token);
  TellEnd(end, failure.kind);
  return absl::OkStatus();
}

absl::StatusOr<int> JobQueue::Impl::PutBackExpired(absl::Time expired_before) {
  AttemptFailure failure;
  failure.kind = FailureKind::kLostWorker;
  failure.error = WithReason(absl::UnavailableError("the worker was lost"), "LOST_WORKER");
  std::vector<AttemptEnd> ends;
  std::vector<std::string> tokens;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ends.clear();
    tokens.clear();
    ASSIGN_OR_RETURN(std::vector<JobRecord> expired,
                     writer.ListExpiredLeases(expired_before, kReapBatch));
    for (JobRecord& record : expired) {
      tokens.push_back(record.lease_token);
      ASSIGN_OR_RETURN(ends.emplace_back(), EndAttempt(writer, std::move(record), failure));
    }
    return absl::OkStatus();
  }));
  for (size_t i = 0; i < ends.size(); ++i) {
    StopLive(ends[i].job.name());
    RemoveLive(ends[i].job.name(), tokens[i]);
    TellEnd(ends[i], failure.kind);
    if (options_.observer.on_lease_expired) options_.observer.on_lease_expired();
  }
  return static_cast<int>(ends.size());
}

// --- The class itself ---

absl::StatusOr<std::unique_ptr<JobQueue>> JobQueue::Create(MetadataStore& store, Clock& clock,
                                                           JobQueueOptions options) {
  auto impl = std::make_unique<Impl>(store, clock, std::move(options));
  int put_back = 0;
  do {
    ASSIGN_OR_RETURN(put_back, impl->PutBackExpired(absl::InfiniteFuture()),
                     "putting running jobs back");
  } while (put_back > 0);
  return std::unique_ptr<JobQueue>(new JobQueue(std::move(impl)));
}

JobQueue::JobQueue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JobQueue::~JobQueue() = default;

absl::StatusOr<std::optional<v1::Job>> JobQueue::FindSubmitted(
    const v1::CreateJobRequest& request) {
  return impl_->FindSubmitted(request);
}
absl::StatusOr<v1::Job> JobQueue::Submit(const v1::CreateJobRequest& request) {
  return impl_->Submit(request);
}
absl::StatusOr<v1::Job> JobQueue::Get(absl::string_view name) { return impl_->Get(name); }
absl::StatusOr<v1::ListJobsResponse> JobQueue::List(const v1::ListJobsRequest& request) {
  return impl_->List(request);
}
absl::StatusOr<v1::Job> JobQueue::Cancel(absl::string_view name) { return impl_->Cancel(name); }
absl::Status JobQueue::Delete(absl::string_view name) { return impl_->Delete(name); }
absl::StatusOr<v1::Report> JobQueue::GetReport(absl::string_view name) {
  return impl_->GetReport(name);
}
absl::StatusOr<QueueCounts> JobQueue::Counts() { return impl_->Counts(); }
std::unique_ptr<JobSubscription> JobQueue::Subscribe(absl::string_view name,
                                                     std::function<void()> on_change) {
  return impl_->Subscribe(name, std::move(on_change));
}
absl::StatusOr<JobUpdates> JobQueue::UpdatesAfter(absl::string_view name, int64_t after_number) {
  return impl_->UpdatesAfter(name, after_number);
}
absl::StatusOr<std::optional<LeasedJob>> JobQueue::LeaseNextJob(absl::string_view worker) {
  return impl_->LeaseNextJob(worker);
}
void JobQueue::WaitForWork(absl::Duration timeout) { impl_->WaitForWork(timeout); }
absl::Status JobQueue::Renew(const LeasedJob& lease) { return impl_->Renew(lease); }
absl::Status JobQueue::ReportProgress(const LeasedJob& lease, const v1::JobProgress& progress) {
  return impl_->ReportProgress(lease, progress);
}
absl::Status JobQueue::ReportVariant(const LeasedJob& lease, const v1::VariantReport& variant) {
  return impl_->ReportVariant(lease, variant);
}
absl::Status JobQueue::Succeed(const LeasedJob& lease, const JobResult& result) {
  return impl_->Succeed(lease, result);
}
absl::Status JobQueue::Fail(const LeasedJob& lease, const AttemptFailure& failure) {
  return impl_->Fail(lease, failure);
}
absl::StatusOr<int> JobQueue::ReapExpiredLeases() { return impl_->ReapExpiredLeases(); }
absl::Duration JobQueue::lease_duration() const { return impl_->lease_duration(); }
void JobQueue::Drain() { impl_->Drain(); }
bool JobQueue::draining() const { return impl_->draining(); }

}  // namespace octavo
