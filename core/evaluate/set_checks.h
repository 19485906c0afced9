// What can be wrong with the examples of a set, or of two.

#ifndef OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
#define OCTAVO_CORE_EVALUATE_SET_CHECKS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/evaluate/tensor_errors.h"
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

// How an input's values lie to what calibration saw of it.
struct InputSpread {
  int64_t values = 0;
  int64_t outside =
      0;             // by more than one of 255 steps from the smallest to the largest, 0 included
  ValueRange range;  // of all values, where there are some

  void Add(const InputSpread& other);
};

// By input of one example; nothing of those without a range and of those that are not float.
std::vector<InputSpread> SpreadsOf(const Example& example,
                                   std::span<const std::optional<ValueRange>> calibrated);

// A warning (EVALUATION_UNLIKE_CALIBRATION) for each input of `model` of whose values more than one
// in a hundred lie outside.
std::vector<v1::Warning> CheckInputsAreAlike(const Model& model,
                                             std::span<const std::optional<ValueRange>> calibrated,
                                             std::span<const InputSpread> evaluated);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_SET_CHECKS_H_
