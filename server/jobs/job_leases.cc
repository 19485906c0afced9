// What workers ask of the queue: leases, progress and how attempts end.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "server/jobs/failure_message.h"
#include "server/jobs/job_change.h"
#include "server/jobs/job_queue.h"
#include "server/jobs/job_state.h"
#include "server/jobs/job_watchers.h"
#include "server/jobs/live_jobs.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

constexpr int kReapBatch = 100;

// Of an event. Fifty of them are read at once.
constexpr size_t kMaxBriefBytes = 64 << 10;
// Of a job's row: it is handed back as often as its server ends, without end.
constexpr int kMaxAttempts = 30;

// As an event tells it: the report has the rest.
v1::VariantReport Brief(v1::VariantReport variant) {
  variant.clear_operators();
  variant.clear_inputs();
  variant.clear_outputs();
  variant.mutable_spec()->clear_keep_float_tensors();
  variant.mutable_spec()->clear_overrides();
  if (variant.has_accuracy()) variant.mutable_accuracy()->clear_confusion();
  if (variant.has_latency()) {
    variant.mutable_latency()->clear_samples_ms();
    variant.mutable_latency()->clear_float_samples_ms();
  }
  if (variant.ByteSizeLong() <= kMaxBriefBytes) return variant;
  v1::VariantReport name_and_state;
  name_and_state.mutable_spec()->set_name(variant.spec().name());
  name_and_state.mutable_spec()->set_scheme(variant.spec().scheme());
  name_and_state.mutable_spec()->set_io_type(variant.spec().io_type());
  name_and_state.set_state(variant.state());
  return name_and_state;
}

void EndLastAttempt(v1::Job& job, absl::Time now, const AttemptUsage& usage) {
  if (job.attempts().empty()) return;
  v1::Attempt& attempt = *job.mutable_attempts(job.attempts_size() - 1);
  *attempt.mutable_end_time() = ToTimestamp(now);
  attempt.set_peak_memory_bytes(usage.peak_memory_bytes);
  attempt.set_cpu_seconds(usage.cpu_seconds);
}

absl::StatusOr<v1::Dataset> DatasetOrNone(StoreReader& reader, const std::string& name) {
  if (name.empty()) return v1::Dataset();
  return reader.GetDataset(name);
}

}  // namespace

void JobQueue::SetMayHaveWork(bool may_have_work) {
  const absl::MutexLock lock(&mutex_);
  may_have_work_ = may_have_work;
}

void JobQueue::WaitForWork(absl::Duration timeout) {
  const absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(this, &JobQueue::MayLease), timeout);
}

absl::StatusOr<int> JobQueue::ReapExpiredLeases() { return PutBackExpired(clock_.Now()); }

absl::StatusOr<JobRecord> JobQueue::GetLeased(StoreReader& reader, const LeasedJob& lease) {
  auto record = reader.GetJob(lease.job.name());
  if (absl::IsNotFound(record.status())) return LeaseLostError();
  RETURN_IF_ERROR(record.status());
  if (record->job.state() != v1::Job::STATE_RUNNING || record->lease_token != lease.token) {
    return LeaseLostError();
  }
  return record;
}

// A job that can no longer be run ends without a worker, and does not stand in the others' way.
absl::Status JobQueue::Refuse(StoreWriter& writer, JobRecord record, const absl::Status& why,
                              std::vector<v1::Job>* refused) {
  JobChange change(std::move(record), clock_.Now());
  *change.job().mutable_error() = ToRpcStatus(why);
  RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_FAILED));
  RETURN_IF_ERROR(writer.DeleteFinishedVariants(change.job().name()));
  refused->push_back(change.job());
  return change.Save(writer);
}

absl::StatusOr<LeasedJob> JobQueue::Start(StoreWriter& writer, JobRecord record,
                                          absl::string_view worker) {
  const absl::Time now = clock_.Now();
  LeasedJob lease;
  const v1::OptimizeSpec& spec = record.job.spec();
  ASSIGN_OR_RETURN(lease.model, writer.GetModel(spec.model()));
  ASSIGN_OR_RETURN(lease.calibration, DatasetOrNone(writer, spec.calibration().dataset()));
  ASSIGN_OR_RETURN(lease.evaluation, DatasetOrNone(writer, spec.evaluation().dataset()));
  ASSIGN_OR_RETURN(lease.finished, writer.ListFinishedVariants(record.job.name()));
  lease.token = NewId();
  lease.attempt = record.job.attempts().empty() ? 1 : record.job.attempts().rbegin()->number() + 1;
  lease.stop = std::make_shared<std::atomic<bool>>(false);

  JobChange change(std::move(record), now);
  RETURN_IF_ERROR(change.EnterState(v1::Job::STATE_RUNNING));
  change.record().lease_token = lease.token;
  change.record().lease_expiry = now + options_.lease_duration;
  v1::Job& job = change.job();
  job.clear_retry_time();
  job.clear_progress();
  if (!job.has_start_time()) *job.mutable_start_time() = ToTimestamp(now);
  if (const int extra = job.attempts_size() + 1 - kMaxAttempts; extra > 0) {
    job.mutable_attempts()->DeleteSubrange(0, extra);
  }
  v1::Attempt& attempt = *job.add_attempts();
  attempt.set_number(lease.attempt);
  attempt.set_worker(std::string(worker));
  *attempt.mutable_start_time() = ToTimestamp(now);
  lease.job = job;
  RETURN_IF_ERROR(change.Save(writer));
  return lease;
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::TryLease(StoreWriter& writer,
                                                            absl::string_view worker,
                                                            std::vector<v1::Job>* refused) {
  refused->clear();
  while (true) {
    ASSIGN_OR_RETURN(std::optional<JobRecord> record, writer.NextPendingJob(clock_.Now()));
    if (!record) return std::nullopt;
    ASSIGN_OR_RETURN(const auto quarantine,
                     writer.FindQuarantine(record->model_digest, options_.engine_build));
    absl::Status why;
    if (quarantine) {
      why = QuarantinedError(absl::StrCat("the model is quarantined: ", *quarantine));
    } else {
      absl::StatusOr<LeasedJob> lease = Start(writer, *record, worker);
      if (!absl::IsNotFound(lease.status())) return lease;
      why = lease.status();
    }
    RETURN_IF_ERROR(Refuse(writer, *std::move(record), why, refused));
  }
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::LeaseNextJob(absl::string_view worker) {
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
    if (options_.observer.on_ended) {
      options_.observer.on_ended(job, ReasonOf(FromRpcStatus(job.error())) == "QUARANTINED");
    }
  }
  if (!lease) return std::nullopt;

  SetMayHaveWork(true);
  live_->Add(*lease);
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

absl::Status JobQueue::Renew(const LeasedJob& lease) {
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

absl::Status JobQueue::ReportProgress(const LeasedJob& lease, const v1::JobProgress& progress) {
  ASSIGN_OR_RETURN(const bool is_event, live_->SetProgress(lease, progress));
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

absl::Status JobQueue::ReportVariant(const LeasedJob& lease, const v1::VariantReport& variant) {
  ASSIGN_OR_RETURN(const bool is_heard, live_->CountVariant(lease));
  if (!is_heard) return absl::OkStatus();
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

absl::Status JobQueue::Succeed(const LeasedJob& lease, const JobResult& result) {
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
  live_->Remove(lease.job.name(), lease.token);
  watchers_->Notify(lease.job.name());
  if (options_.observer.on_report && ended.state() == v1::Job::STATE_SUCCEEDED) {
    options_.observer.on_report(result.report);
  }
  if (options_.observer.on_ended) options_.observer.on_ended(ended, false);
  return absl::OkStatus();
}

absl::StatusOr<JobQueue::AttemptEnd> JobQueue::EndAttempt(StoreWriter& writer, JobRecord record,
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
    *job.mutable_error() = FailureMessage(failure.error, failure.last_lines);
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

void JobQueue::TellEnd(const AttemptEnd& end, FailureKind kind) {
  if (end.retried) SetMayHaveWork(true);
  watchers_->Notify(end.job.name());
  if (end.retried && options_.observer.on_retry) options_.observer.on_retry(kind);
  if (!end.retried && options_.observer.on_ended) {
    options_.observer.on_ended(end.job, end.quarantined);
  }
}

absl::Status JobQueue::Fail(const LeasedJob& lease, const AttemptFailure& failure) {
  AttemptEnd end;
  RETURN_IF_ERROR(store_.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(JobRecord record, GetLeased(writer, lease));
    ASSIGN_OR_RETURN(end, EndAttempt(writer, std::move(record), failure));
    return absl::OkStatus();
  }));
  live_->Remove(lease.job.name(), lease.token);
  TellEnd(end, failure.kind);
  return absl::OkStatus();
}

absl::StatusOr<int> JobQueue::PutBackExpired(absl::Time expired_before) {
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
    live_->Stop(ends[i].job.name());
    live_->Remove(ends[i].job.name(), tokens[i]);
    TellEnd(ends[i], failure.kind);
    if (options_.observer.on_lease_expired) options_.observer.on_lease_expired();
  }
  return static_cast<int>(ends.size());
}

}  // namespace octavo
