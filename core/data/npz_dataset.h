// Data sets in NumPy's .npz files: a zip of arrays whose first axis counts examples.

#ifndef OCTAVO_CORE_DATA_NPZ_DATASET_H_
#define OCTAVO_CORE_DATA_NPZ_DATASET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/data/targets.h"
#include "core/tflite/tensor_value.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What a model takes at one of its inputs.
struct InputSpec {
  std::string name;
  schema::TensorType type = schema::TensorType_FLOAT32;
  Shape shape;  // with a batch axis of 1
};

struct BoundDataset {
  std::unique_ptr<Dataset> dataset;
  // In the order of DatasetUse.targets.
  std::vector<std::unique_ptr<Targets>> targets;
  // The first example of each sequence, ascending from 0; empty where no array tells.
  std::vector<int64_t> sequence_starts;
  // Bindings, labels, targets and number of examples as settled; name and digest are the caller's.
  v1::DatasetUsed used;
  int64_t unpacked_bytes = 0;  // what it holds in memory
};

// What is in the file: names, types, shapes; reads no values. INVALID_ARGUMENT (DATASET_MALFORMED),
// naming the array: no zip, an array that is none of NumPy's, of a type we do not read, in Fortran
// order, larger than its entry ... RESOURCE_EXHAUSTED: more than `max_bytes` when unpacked.
absl::StatusOr<v1::DatasetInfo> InspectNpz(int fd, int64_t max_bytes);

// Settles which arrays are which inputs (spec.proto, DatasetUse) by shapes and names alone: usable
// without the values, so the server can refuse at CreateJob.
//
// INVALID_ARGUMENT (TENSOR_MISMATCH): naming the input and both shapes, or where it is ambiguous
// listing all arrays and inputs with their shapes.
absl::StatusOr<v1::DatasetUsed> BindArrays(const v1::DatasetInfo& info,
                                           std::span<const InputSpec> inputs,
                                           const v1::DatasetUse& use,
                                           std::span<const v1::Preprocess* const> preprocess);

// Binds and opens. Stored arrays stay in the file and are read by pread; deflated ones are unpacked
// into memory. `fd` must outlive the data set. INVALID_ARGUMENT as above; labels that are negative
// or no integers are named, and lengths of sequences that do not add up to the examples.
// RESOURCE_EXHAUSTED (DATASET_TOO_LARGE): what is used of them takes more than `max_bytes`.
absl::StatusOr<BoundDataset> OpenNpz(int fd, std::span<const InputSpec> inputs,
                                     const v1::DatasetUse& use,
                                     std::span<const v1::Preprocess* const> preprocess,
                                     int64_t max_bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_NPZ_DATASET_H_
