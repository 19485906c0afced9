// The time, from one place, so that tests can set it.

#ifndef OCTAVO_CORE_BASE_CLOCK_H_
#define OCTAVO_CORE_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace octavo {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() = 0;

  // The system's clock; never destroyed.
  static Clock& System();
};

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_CLOCK_H_
