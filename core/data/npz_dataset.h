// Data sets in NumPy's .npz files: a zip of arrays whose first axis counts examples.

#ifndef OCTAVO_CORE_DATA_NPZ_DATASET_H_
#define OCTAVO_CORE_DATA_NPZ_DATASET_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "core/data/array_dataset.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What is in the file: names, types, shapes; reads no values. INVALID_ARGUMENT (DATASET_MALFORMED),
// naming the array: no zip, an array that is none of NumPy's, of a type we do not read, in Fortran
// order, larger than its entry ... RESOURCE_EXHAUSTED: more than `max_bytes` when unpacked.
absl::StatusOr<v1::DatasetInfo> InspectNpz(int fd, int64_t max_bytes);

// Stored arrays stay in the file and are read by pread; deflated ones are unpacked into memory.
// `fd` must outlive what is opened. INVALID_ARGUMENT as above. RESOURCE_EXHAUSTED
// (DATASET_TOO_LARGE): what is used of them takes more than `max_bytes`.
absl::StatusOr<std::unique_ptr<ArrayFile>> OpenNpzArrays(int fd, int64_t max_bytes);

// The same, bound (BindDataset).
absl::StatusOr<BoundDataset> OpenNpz(int fd, std::span<const InputSpec> inputs,
                                     const v1::DatasetUse& use,
                                     std::span<const v1::Preprocess* const> preprocess,
                                     int64_t max_bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_NPZ_DATASET_H_
