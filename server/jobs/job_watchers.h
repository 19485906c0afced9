// Who wants to know when a job changes.

#ifndef OCTAVO_SERVER_JOBS_JOB_WATCHERS_H_
#define OCTAVO_SERVER_JOBS_JOB_WATCHERS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/jobs/job_queue.h"

namespace octavo {

// Thread-safe. Held as a shared_ptr: subscriptions may outlive the queue.
class JobWatchers : public std::enable_shared_from_this<JobWatchers> {
 public:
  std::unique_ptr<JobSubscription> Subscribe(absl::string_view job,
                                             std::function<void()> on_change);
  // Calls the callbacks of one job or of all, on this thread.
  void Notify(absl::string_view job);
  void NotifyAll();

 private:
  class Subscription;
  // Its own mutex is held during the call, so that the end of a subscription waits for it.
  struct Watcher {
    absl::Mutex mutex;
    std::function<void()> on_change ABSL_GUARDED_BY(mutex);
  };
  using WatcherMap = std::multimap<std::string, std::shared_ptr<Watcher>, std::less<>>;

  void Remove(WatcherMap::iterator watcher);

  absl::Mutex mutex_;
  WatcherMap watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_JOB_WATCHERS_H_
