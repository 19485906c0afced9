// Things that are dear to make, kept for whoever comes next.

#ifndef OCTAVO_CORE_BASE_POOL_H_
#define OCTAVO_CORE_BASE_POOL_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace octavo {

// Makes one where none is at rest: as many as threads use at once. Thread-safe.
template <typename T>
class Pool {
 public:
  explicit Pool(std::function<absl::StatusOr<T>()> make) : make_(std::move(make)) {}

  // Errors are those of making one.
  absl::StatusOr<std::unique_ptr<T>> Take() {
    {
      absl::MutexLock lock(&mutex_);
      if (!resting_.empty()) {
        std::unique_ptr<T> taken = std::move(resting_.back());
        resting_.pop_back();
        return taken;
      }
    }
    absl::StatusOr<T> made = make_();
    if (!made.ok()) return made.status();
    return std::make_unique<T>(*std::move(made));
  }

  // All that are at rest, to be asked once the work is done.
  std::vector<std::unique_ptr<T>> TakeAll() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(resting_, {});
  }

  void Return(std::unique_ptr<T> taken) {
    absl::MutexLock lock(&mutex_);
    resting_.push_back(std::move(taken));
  }

 private:
  const std::function<absl::StatusOr<T>()> make_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<T>> resting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_POOL_H_
