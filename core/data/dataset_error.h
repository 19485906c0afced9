// What is said of a data set that cannot be read.

#ifndef OCTAVO_CORE_DATA_DATASET_ERROR_H_
#define OCTAVO_CORE_DATA_DATASET_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace octavo {

// INVALID_ARGUMENT with the reason DATASET_MALFORMED.
absl::Status MalformedDataset(absl::string_view problem);

// RESOURCE_EXHAUSTED with the reason DATASET_TOO_LARGE.
absl::Status DatasetTooLarge(absl::string_view problem);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_DATASET_ERROR_H_
