// The threads on which RPCs wait for disks, the database and engines, so that gRPC's own never do.

#ifndef OCTAVO_SERVER_API_IO_POOL_H_
#define OCTAVO_SERVER_API_IO_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace octavo {

// A fixed number of threads and one bounded queue. Thread-safe. Tasks must not throw. Destroying it
// runs what is queued.
class IoPool {
 public:
  IoPool(int num_threads, int max_queued);
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // Queues a new task; false: too many wait already.
  [[nodiscard]] bool TryRun(std::function<void()> task);

  // Queues the next step of something that was let in before, and so is bounded by that; never
  // refuses.
  void Continue(std::function<void()> task);

 private:
  void RunTasks();

  const size_t max_queued_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_IO_POOL_H_
