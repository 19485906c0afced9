#include "core/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace octavo {
namespace {

// The failure of the smallest index. Thread-safe.
class FirstFailure {
 public:
  void Add(int64_t index, absl::Status status) {
    absl::MutexLock lock(&mutex_);
    if (index >= index_) return;
    index_ = index;
    status_ = std::move(status);
  }
  absl::Status Take() {
    absl::MutexLock lock(&mutex_);
    return std::move(status_);
  }

 private:
  absl::Mutex mutex_;
  int64_t index_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<int64_t>::max();
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status ParallelFor(int num_threads, int64_t count,
                         absl::FunctionRef<absl::Status(int64_t index)> body) {
  std::atomic<int64_t> next = 0;
  std::atomic<bool> failed = false;
  FirstFailure failure;
  // Indices are handed out in order, so the smallest failing one has begun before any later failure
  // is seen.
  auto work = [&] {
    while (!failed.load(std::memory_order_relaxed)) {
      const int64_t index = next.fetch_add(1);
      if (index >= count) return;
      if (absl::Status status = body(index); !status.ok()) {
        failure.Add(index, std::move(status));
        failed = true;
      }
    }
  };
  std::vector<std::thread> threads;
  try {
    for (int64_t i = 1; i < std::min<int64_t>(num_threads, count); ++i) threads.emplace_back(work);
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch)
    // No more threads are to be had (a stack counts as memory): those that there are do the work.
  }
  work();
  for (std::thread& thread : threads) thread.join();
  return failure.Take();
}

int NumProcessors() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
  return std::max(1, CPU_COUNT(&processors));
}

}  // namespace octavo
