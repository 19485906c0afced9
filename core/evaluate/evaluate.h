// What a variant gives on the evaluation set: accuracy, and fidelity against the float model.

#ifndef OCTAVO_CORE_EVALUATE_EVALUATE_H_
#define OCTAVO_CORE_EVALUATE_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/runtime/executor.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// The outputs of all examples as real numbers: an example's outputs one after the other, in the model's order.
struct ModelOutputs {
  std::vector<int64_t> output_sizes;  // elements of each output
  std::vector<std::vector<float>> examples;
};

struct RunOptions {
  int num_threads = 1;
  Backend backend = Backend::kXnnpack;
  std::function<void(int64_t done, int64_t total)> progress;  // by any thread, one at a time
};

// Runs `model` (fixed shapes) over all of `dataset`. Integer inputs are quantized with the input's scale and zero point
// (half away from zero, clamped), integer outputs dequantized. The result does not depend on `num_threads`.
// INVALID_ARGUMENT, naming the example.
absl::StatusOr<ModelOutputs> RunModel(const Model& model, const Dataset& dataset,
                                      const RunOptions& options);

// An example as `model` takes it: quantized where its inputs are integers.
absl::StatusOr<Example> ConvertInputs(const Model& model, Example example);

// Top-1, top-5, confusion matrix and Wilson interval of the first output, one of `classes` scores. Ties go to the lower
// class. INVALID_ARGUMENT, naming the example: a label is not below the number of classes.
absl::StatusOr<v1::Accuracy> ComputeAccuracy(const ModelOutputs& outputs,
                                             const std::vector<int64_t>& labels);

// Of `outputs` against the float model's. Argmax agreement is of the first output.
v1::Fidelity ComputeFidelity(const ModelOutputs& outputs, const ModelOutputs& reference);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_EVALUATE_H_
