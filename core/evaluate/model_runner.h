// Examples through a model: converted to what it takes, and its outputs to real numbers.

#ifndef OCTAVO_CORE_EVALUATE_MODEL_RUNNER_H_
#define OCTAVO_CORE_EVALUATE_MODEL_RUNNER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/pool.h"
#include "core/data/dataset.h"
#include "core/runtime/executor.h"
#include "core/tflite/model.h"

namespace octavo {

// An example as `model` takes it: quantized where its inputs are integers and the example's are
// float (half away from zero, clamped).
//
// INVALID_ARGUMENT, naming the input: of another type or shape, or not finite.
absl::StatusOr<Example> ConvertInputs(const Model& model, Example example);

// Whether it quantizes real numbers for `input`: integers of one scale.
bool IsQuantizedInput(const schema::TensorT& input);

// Appends the real values that `value`, of `tensor`'s type, stands for. UNIMPLEMENTED, naming the
// tensor: a type that is not evaluated.
absl::Status AppendReal(const schema::TensorT& tensor, const TensorView& value,
                        std::vector<float>& into);

// Elements of each of the outputs of `model` (fixed shapes), in its order.
std::vector<int64_t> OutputSizes(const Model& model);

// Runs one model for many threads; each that runs at a time has an executor of its own.
// Thread-safe. The model (fixed shapes) is the caller's.
class ModelRunner {
 public:
  explicit ModelRunner(const Model& model, Backend backend = Backend::kXnnpack);

  // The example's outputs as real numbers, one output after the other in the model's order.
  // Errors as those of ConvertInputs and of making an executor.
  absl::StatusOr<std::vector<float>> Run(Example example);

 private:
  const Model& model_;
  Pool<Executor> executors_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_MODEL_RUNNER_H_
