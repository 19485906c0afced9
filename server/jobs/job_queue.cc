// What clients and watchers ask of the queue; job_leases.cc has the workers' part.

#include "server/jobs/job_queue.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/jobs/job_change.h"
#include "server/jobs/job_state.h"
#include "server/jobs/job_watchers.h"
#include "server/jobs/live_jobs.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

constexpr char kCollection[] = "jobs";
constexpr int kEventsAtOnce = 50;
constexpr absl::Duration kQueueFullDelay = absl::Seconds(10);
constexpr absl::Duration kDrainingDelay = absl::Seconds(5);

absl::Status CheckJobName(absl::string_view name) {
  return IsResourceName(name, kCollection) ? absl::OkStatus()
                                           : FieldError("name", "not a job's name");
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

}  // namespace

absl::Status DrainingError() {
  return WithRetryDelay(WithReason(absl::UnavailableError("the server is ending"), "DRAINING"),
                        kDrainingDelay);
}

absl::Status QuarantinedError(absl::string_view message) {
  return WithReason(absl::FailedPreconditionError(message), "QUARANTINED");
}

JobQueue::JobQueue(MetadataStore& store, Clock& clock, JobQueueOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      watchers_(std::make_shared<JobWatchers>()),
      live_(std::make_unique<LiveJobs>()) {}

JobQueue::~JobQueue() = default;

absl::StatusOr<std::unique_ptr<JobQueue>> JobQueue::Create(MetadataStore& store, Clock& clock,
                                                           JobQueueOptions options) {
  auto queue = std::unique_ptr<JobQueue>(new JobQueue(store, clock, std::move(options)));
  int put_back = 0;
  do {
    ASSIGN_OR_RETURN(put_back, queue->PutBackExpired(absl::InfiniteFuture()),
                     "putting running jobs back");
  } while (put_back > 0);
  return queue;
}

absl::StatusOr<std::optional<v1::Job>> JobQueue::FindSubmitted(
    const v1::CreateJobRequest& request) {
  std::optional<v1::Job> found;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(found, FindFirst(reader, request));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::optional<v1::Job>> JobQueue::FindFirst(StoreReader& reader,
                                                           const v1::CreateJobRequest& request) {
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

absl::Status JobQueue::CheckSubmit(StoreReader& reader, const v1::CreateJobRequest& request,
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
    return QuarantinedError(absl::StrCat(spec.model(), ": it is quarantined: ", *quarantine));
  }
  ASSIGN_OR_RETURN(const int64_t queued, reader.CountJobsIn(v1::Job::STATE_PENDING));
  if (queued >= options_.max_queued_jobs) {
    const absl::Status full = WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                             options_.max_queued_jobs, " jobs are queued already")),
                                         "QUEUE_FULL");
    return WithRetryDelay(WithQuotaFailure(full, "server"), kQueueFullDelay);
  }
  return absl::OkStatus();
}

absl::Status JobQueue::CheckSubmit(const v1::CreateJobRequest& request) {
  if (draining()) return DrainingError();
  return store_.Read([&](StoreReader& reader) {
    std::string model_digest;
    return CheckSubmit(reader, request, &model_digest);
  });
}

JobChange JobQueue::NewJob(const v1::CreateJobRequest& request, const std::string& model_digest) {
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

absl::StatusOr<v1::Job> JobQueue::Submit(const v1::CreateJobRequest& request) {
  if (draining()) return DrainingError();
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

absl::StatusOr<v1::Job> JobQueue::Get(absl::string_view name) {
  RETURN_IF_ERROR(CheckJobName(name));
  v1::Job job;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, reader.GetJob(name));
    job = std::move(record.job);
    return absl::OkStatus();
  }));
  if (job.state() != v1::Job::STATE_RUNNING) return job;
  if (auto progress = live_->Progress(name)) *job.mutable_progress() = *std::move(progress);
  return job;
}

absl::StatusOr<v1::ListJobsResponse> JobQueue::List(const v1::ListJobsRequest& request) {
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

absl::StatusOr<v1::Job> JobQueue::Cancel(absl::string_view name) {
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
  if (job.state() == v1::Job::STATE_RUNNING) live_->Stop(name);
  watchers_->Notify(name);
  if (ended_now && options_.observer.on_ended) options_.observer.on_ended(job, false);
  return job;
}

absl::Status JobQueue::Delete(absl::string_view name) {
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

absl::StatusOr<v1::Report> JobQueue::GetReport(absl::string_view name) {
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

absl::StatusOr<QueueCounts> JobQueue::Counts() {
  QueueCounts counts;
  RETURN_IF_ERROR(store_.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(counts, reader.CountJobs());
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<JobUpdates> JobQueue::UpdatesAfter(absl::string_view name, int64_t after_number) {
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
  if (auto progress = live_->Progress(name)) {
    v1::JobEvent& event = updates.progress.emplace();
    event.set_number(record.last_event);
    *event.mutable_time() = ToTimestamp(clock_.Now());
    *event.mutable_progress() = *std::move(progress);
  }
  return updates;
}

std::unique_ptr<JobSubscription> JobQueue::Subscribe(absl::string_view name,
                                                     std::function<void()> on_change) {
  return watchers_->Subscribe(name, std::move(on_change));
}

void JobQueue::Drain() {
  {
    const absl::MutexLock lock(&mutex_);
    draining_ = true;
  }
  watchers_->NotifyAll();
}

bool JobQueue::draining() const {
  const absl::MutexLock lock(&mutex_);
  return draining_;
}

}  // namespace octavo
