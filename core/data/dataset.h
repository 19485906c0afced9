// Examples: what calibration and evaluation run a model on.

#ifndef OCTAVO_CORE_DATA_DATASET_H_
#define OCTAVO_CORE_DATA_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/tensor_value.h"

namespace octavo {

// A value for each input of the model, in its order, with a batch axis of 1.
using Example = std::vector<TensorValue>;

// Thread-safe: Get may be called by many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  // The example as the float model takes it, preprocessed. `index` in [0, size()).
  virtual absl::StatusOr<Example> Get(int64_t index) const = 0;
  // One class an example; empty where there are no labels.
  virtual const std::vector<int64_t>& labels() const = 0;
  // Digests the raw arrays of one example, to find examples that two sets share.
  virtual absl::StatusOr<std::string> ExampleDigest(int64_t index) const = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_DATASET_H_
