// Counting what many threads have done.

#ifndef OCTAVO_CORE_BASE_PROGRESS_H_
#define OCTAVO_CORE_BASE_PROGRESS_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace octavo {

// Told what is done, by any thread, one at a time, with numbers that grow by one. While it runs
// the other threads wait, so it can hold them all up.
using ProgressListener = std::function<void(int64_t done, int64_t total)>;

// Thread-safe. The listener is the caller's; an empty one is not called.
class Progress {
 public:
  Progress(const ProgressListener& listener, int64_t total) : listener_(listener), total_(total) {}

  void OneIsDone() {
    if (!listener_) return;
    absl::MutexLock lock(&mutex_);
    listener_(++done_, total_);
  }

 private:
  const ProgressListener& listener_;
  const int64_t total_;
  absl::Mutex mutex_;
  int64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_PROGRESS_H_
