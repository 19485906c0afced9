// What the engine says while it works, no more often than anybody can read.

#ifndef OCTAVO_CORE_ENGINE_ENGINE_PROGRESS_H_
#define OCTAVO_CORE_ENGINE_ENGINE_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// Sends a message at each new stage and finished variant, and in between at most ten counts a
// second. Not thread-safe: one call at a time, by any thread.
class EngineProgress {
 public:
  using Send = std::function<void(const engine::v1::EngineMessage&)>;

  explicit EngineProgress(Send send, Clock& clock = Clock::System());

  void SetVariantsTotal(int total);
  void BeginStage(v1::Stage stage, absl::string_view variant = "");
  // Of the stage: examples or runs.
  void Count(int64_t done, int64_t total);
  // Sends all of it: what a later attempt is given again is this.
  void FinishVariant(v1::VariantReport variant);
  // For whoever keeps them; not where they are larger than anybody does (statistics_cache.h).
  void SendStatistics(std::string statistics);

  double ElapsedSeconds() const;

 private:
  void SendProgress();

  Send send_;
  Clock& clock_;
  const absl::Time start_;
  absl::Time last_sent_ = absl::InfinitePast();
  v1::JobProgress progress_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ENGINE_PROGRESS_H_
