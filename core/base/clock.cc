#include "core/base/clock.h"

#include "absl/time/clock.h"

namespace octavo {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock& clock = *new SystemClock;
  return clock;
}

}  // namespace octavo
