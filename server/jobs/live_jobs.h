// What is known of the jobs that run in this process and is not stored.

#ifndef OCTAVO_SERVER_JOBS_LIVE_JOBS_H_
#define OCTAVO_SERVER_JOBS_LIVE_JOBS_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "octavo/v1/jobs.pb.h"
#include "server/jobs/job_queue.h"

namespace octavo {

// ABORTED (LEASE_LOST).
absl::Status LeaseLostError();

// Thread-safe. What carries a lease is refused with LeaseLostError where it is not the job's
// current one.
class LiveJobs {
 public:
  void Add(const LeasedJob& lease);
  // Only where the token is still the job's.
  void Remove(absl::string_view job, absl::string_view token);
  // Tells its worker to stop, if it runs here.
  void Stop(absl::string_view job);

  // Whether an event must tell of it: stage or variant are new, and the engine did not send too
  // many such before.
  absl::StatusOr<bool> SetProgress(const LeasedJob& lease, const v1::JobProgress& progress);
  std::optional<v1::JobProgress> Progress(absl::string_view job) const;
  // Whether the engine may still report variants.
  absl::StatusOr<bool> CountVariant(const LeasedJob& lease);

 private:
  struct LiveJob {
    std::string token;
    std::shared_ptr<std::atomic<bool>> stop;
    std::optional<v1::JobProgress> progress;
    int stage_events = 0;
    int variant_events = 0;
  };

  // Null where the lease is not the current one.
  LiveJob* Find(const LeasedJob& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::map<std::string, LiveJob, std::less<>> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_LIVE_JOBS_H_
