// What a model's outputs should have been: arrays of a data set beside those of its inputs.

#ifndef OCTAVO_CORE_DATA_TARGETS_H_
#define OCTAVO_CORE_DATA_TARGETS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octavo {

// Thread-safe: Get may be called by many threads.
class Targets {
 public:
  virtual ~Targets() = default;
  // Of one example: without the axis of examples. -1: image files of several sizes.
  virtual const std::vector<int64_t>& shape() const = 0;
  virtual bool is_float() const = 0;
  // From then on masks in image files have this size, to the nearest pixel; other targets stay as
  // they are.
  virtual absl::Status FitMasks(int64_t /*height*/, int64_t /*width*/) { return absl::OkStatus(); }
  // Row-major. `index` as that of the data set.
  virtual absl::StatusOr<std::vector<float>> Get(int64_t index) const = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_TARGETS_H_
