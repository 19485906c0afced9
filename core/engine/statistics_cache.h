// What calibrations gathered, kept for later engines by whoever starts them: an engine itself has
// no files.

#ifndef OCTAVO_CORE_ENGINE_STATISTICS_CACHE_H_
#define OCTAVO_CORE_ENGINE_STATISTICS_CACHE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// Of one file; what is larger is not kept.
inline constexpr int64_t kMaxStatisticsBytes = 8 << 20;
inline constexpr int64_t kUsualCacheBytes = int64_t{1} << 30;

// What an observer needs to know of each activation.
enum class Gathering {
  kRanges,
  kHistograms,
  kHistogramsOfMost,  // of the examples that `auto` does not hold back
};
Gathering GatheringFor(v1::ObserverKind observer);

// By which statistics are found: a digest of those of the files, of how they are used and of what
// is gathered. The engine that reads them looks at its own build and processor too.
std::string StatisticsKey(const engine::v1::OptimizeWork& work);

// One file a key in a folder of its own. Thread-safe; processes may share the folder. What is read
// is for the engine to check: a file that is lost or damaged costs a calibration.
class StatisticsCache {
 public:
  // Makes the folder, for its owner alone, where there is none.
  static absl::StatusOr<StatisticsCache> Open(std::string folder, int64_t max_bytes);

  // Empty where there are none.
  std::string Find(absl::string_view key) const;

  // Removes files while there are more than `max_bytes`, the longest unused first.
  absl::Status Keep(absl::string_view key, absl::string_view statistics) const;

 private:
  StatisticsCache(std::string folder, int64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  std::string PathOf(absl::string_view key) const;
  void Trim() const;

  std::string folder_;
  int64_t max_bytes_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_STATISTICS_CACHE_H_
