#include "server/jobs/live_jobs.h"

#include "core/base/error_reason.h"

namespace octavo {
namespace {

// An engine that changes its stage or reports variants more often than this is not listened to any
// more.
constexpr int kMaxStageEvents = 1000;
constexpr int kMaxVariantEvents = 100;

bool IsSameStep(const v1::JobProgress& a, const v1::JobProgress& b) {
  return a.stage() == b.stage() && a.variant() == b.variant();
}

}  // namespace

absl::Status LeaseLostError() {
  return WithReason(absl::AbortedError("the lease was lost"), "LEASE_LOST");
}

LiveJobs::LiveJob* LiveJobs::Find(const LeasedJob& lease) {
  const auto found = jobs_.find(lease.job.name());
  return found == jobs_.end() || found->second.token != lease.token ? nullptr : &found->second;
}

void LiveJobs::Add(const LeasedJob& lease) {
  const absl::MutexLock lock(&mutex_);
  LiveJob& live = jobs_[lease.job.name()];
  live = LiveJob();
  live.token = lease.token;
  live.stop = lease.stop;
}

void LiveJobs::Remove(absl::string_view job, absl::string_view token) {
  const absl::MutexLock lock(&mutex_);
  const auto live = jobs_.find(job);
  if (live != jobs_.end() && live->second.token == token) jobs_.erase(live);
}

void LiveJobs::Stop(absl::string_view job) {
  const absl::MutexLock lock(&mutex_);
  const auto live = jobs_.find(job);
  if (live != jobs_.end()) *live->second.stop = true;
}

absl::StatusOr<bool> LiveJobs::SetProgress(const LeasedJob& lease,
                                           const v1::JobProgress& progress) {
  const absl::MutexLock lock(&mutex_);
  LiveJob* const live = Find(lease);
  if (live == nullptr) return LeaseLostError();
  const bool is_new_step = !live->progress || !IsSameStep(*live->progress, progress);
  live->progress = progress;
  return is_new_step && live->stage_events++ < kMaxStageEvents;
}

std::optional<v1::JobProgress> LiveJobs::Progress(absl::string_view job) const {
  const absl::MutexLock lock(&mutex_);
  const auto live = jobs_.find(job);
  return live == jobs_.end() ? std::nullopt : live->second.progress;
}

absl::StatusOr<bool> LiveJobs::CountVariant(const LeasedJob& lease) {
  const absl::MutexLock lock(&mutex_);
  LiveJob* const live = Find(lease);
  if (live == nullptr) return LeaseLostError();
  return live->variant_events++ < kMaxVariantEvents;
}

}  // namespace octavo
