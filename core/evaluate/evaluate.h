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

// The outputs of all examples as real numbers: an example's outputs one after the other, in the
// model's order.
struct ModelOutputs {
  std::vector<int64_t> output_sizes;  // elements of each output
  std::vector<std::vector<float>> examples;
};

struct RunOptions {
  int num_threads = 1;
  Backend backend = Backend::kXnnpack;
  std::function<void(int64_t done, int64_t total)> progress{};  // by any thread, one at a time
};

// Runs `model` (fixed shapes) over all of `dataset`. Integer inputs are quantized with the input's
// scale and zero point (half away from zero, clamped), integer outputs dequantized. The result does
// not depend on `num_threads`; each thread holds one executor.
//
// INVALID_ARGUMENT, naming the example: it does not fit the model, or an input that is to be
// quantized is not finite.
absl::StatusOr<ModelOutputs> RunModel(const Model& model, const Dataset& dataset,
                                      const RunOptions& options);

// An example as `model` takes it: quantized where its inputs are integers and the example's are
// float.
//
// INVALID_ARGUMENT, naming the input: of another type or shape, or not finite.
absl::StatusOr<Example> ConvertInputs(const Model& model, Example example);

// Top-1, top-5, confusion matrix and Wilson interval of the first output, one of `classes` scores.
// Ties go to the lower class; a score that is no number counts as the lowest.
//
// INVALID_ARGUMENT: a label is not below the number of classes (naming the example), or there is
// not one a example.
absl::StatusOr<v1::Accuracy> ComputeAccuracy(const ModelOutputs& outputs,
                                             const std::vector<int64_t>& labels);

// Of `outputs` against the float model's, which must be of the same examples and sizes. Argmax
// agreement is of the first output. Outputs that are not finite where the float model's are make
// the ratio minus infinity.
v1::Fidelity ComputeFidelity(const ModelOutputs& outputs, const ModelOutputs& reference);

// A 95 % Wilson interval of a share.
struct ShareInterval {
  double low = 0;
  double high = 1;
};
ShareInterval WilsonInterval(int64_t successes, int64_t trials);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_EVALUATE_H_
