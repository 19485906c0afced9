// What can be wrong with the examples of a set, or of two.

#ifndef OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
#define OCTAVO_CORE_EVALUATE_SET_CHECKS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// INVALID_ARGUMENT (NOT_FINITE, metadata "example": `index`), naming the input of `model`: a value
// is NaN or infinite.
absl::Status CheckExampleIsFinite(const Model& model, const Example& example, int64_t index);

// A warning (SETS_SHARE_EXAMPLES) where examples of `evaluation` are in `calibration` too, told by
// the digests of their arrays' bytes. Errors are those of reading the sets.
absl::StatusOr<std::optional<v1::Warning>> CheckSetsDiffer(const Dataset& calibration,
                                                           const Dataset& evaluation,
                                                           int num_threads);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
