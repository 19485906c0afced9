#include "core/data/dataset_error.h"

#include "core/base/error_reason.h"

namespace octavo {

absl::Status MalformedDataset(absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "DATASET_MALFORMED");
}

absl::Status DatasetTooLarge(absl::string_view problem) {
  return WithReason(absl::ResourceExhaustedError(problem), "DATASET_TOO_LARGE");
}

}  // namespace octavo
