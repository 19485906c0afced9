// Whether a calibration and an evaluation set are two.

#ifndef OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
#define OCTAVO_CORE_EVALUATE_SET_CHECKS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// A warning (SETS_SHARE_EXAMPLES) where examples of `evaluation` are in `calibration` too, told by
// the digests of their arrays' bytes. Errors are those of reading the sets.
absl::StatusOr<std::optional<v1::Warning>> CheckSetsDiffer(const Dataset& calibration,
                                                           const Dataset& evaluation,
                                                           int num_threads);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
