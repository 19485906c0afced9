// Data sets of every format, told apart by their bytes and not by their names.

#ifndef OCTAVO_CORE_DATA_OPEN_DATASET_H_
#define OCTAVO_CORE_DATA_OPEN_DATASET_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "core/data/array_dataset.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What is in an .npz, a zip, tar or tar.gz of images, or a TFRecord. Errors as InspectNpz's,
// OpenImageArchive's and OpenTfRecord's; INVALID_ARGUMENT (DATASET_MALFORMED): none of them.
absl::StatusOr<v1::DatasetInfo> InspectDatasetFile(int fd, int64_t max_bytes);

// The same, opened and bound (BindDataset). `fd` must outlive the data set, which holds at most
// `max_bytes` in memory.
absl::StatusOr<BoundDataset> OpenDataset(int fd, std::span<const InputSpec> inputs,
                                         const v1::DatasetUse& use,
                                         std::span<const v1::Preprocess* const> preprocess,
                                         int64_t max_bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_OPEN_DATASET_H_
