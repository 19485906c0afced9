// A clock that stands still until a test moves it.

#ifndef OCTAVO_TESTS_SERVER_TESTING_FAKE_CLOCK_H_
#define OCTAVO_TESTS_SERVER_TESTING_FAKE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/clock.h"

namespace octavo {

class FakeClock final : public Clock {
 public:
  absl::Time Now() override {
    const absl::MutexLock lock(&mutex_);
    return now_;
  }

  void Advance(absl::Duration by) {
    const absl::MutexLock lock(&mutex_);
    now_ += by;
  }

 private:
  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace octavo

#endif  // OCTAVO_TESTS_SERVER_TESTING_FAKE_CLOCK_H_
