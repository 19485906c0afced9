// What a variant gives on the evaluation set: accuracy, and fidelity against the float model.

#ifndef OCTAVO_CORE_EVALUATE_EVALUATE_H_
#define OCTAVO_CORE_EVALUATE_EVALUATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/data/dataset.h"
#include "core/evaluate/model_runner.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Where the scores of one example put its label.
struct Ranking {
  int64_t label = 0;
  int64_t rank = 0;       // classes that come before the label
  int64_t predicted = 0;  // the class that comes first
};

// Ties go to the lower class; a score that is no number counts as the lowest. `label` is a class:
// in [0, scores.size()).
Ranking RankLabel(std::span<const float> scores, int64_t label);

// Top-1, top-5, confusion matrix and Wilson interval.
v1::Accuracy FoldAccuracy(const std::vector<Ranking>& rankings, int64_t classes);

// How far the outputs y of one example are from the float model's x.
struct Difference {
  double signal = 0;  // sum of x x
  double noise = 0;   // sum of (x - y) (x - y)
  double cosine = 0;
  double max_error = 0;
  bool same_argmax = false;
};

// Of outputs of equal sizes; argmax is that of the first output, of `first_size` elements.
Difference Compare(std::span<const float> reference, std::span<const float> outputs,
                   int64_t first_size);

// In the order of the examples, on which the last bits of a sum depend. Outputs that are not finite
// where the float model's are make the ratio minus infinity.
v1::Fidelity FoldFidelity(const std::vector<Difference>& differences);

struct EvaluateOptions {
  int num_threads = 1;
  // Of what is evaluated; the float model it is held against runs on XNNPACK.
  Backend backend = Backend::kXnnpack;
  // Whether the set's labels are classes of the first output.
  bool has_accuracy = false;
  // Whether the set may hold floats that are not finite.
  bool check_finite = false;
  // The float model's outputs are kept for the next variants where all of them take no more.
  int64_t max_kept_bytes = int64_t{512} << 20;
  ProgressListener progress{};
};

struct Evaluation {
  std::optional<v1::Accuracy> accuracy;  // where there are labels
  v1::Fidelity fidelity;
};

// Evaluates what was made of one float model on one data set. Keeps of each example what the
// figures need and no more, so its memory does not grow with the outputs: the float model's own are
// kept while they are small, and made again beside each variant's where they are not. Not
// thread-safe. Model (fixed shapes) and data set are the caller's.
class Evaluator {
 public:
  Evaluator(const Model& float_model, const Dataset& dataset, EvaluateOptions options);

  // Of a variant: fixed shapes, outputs of the float model's sizes. The result does not depend on
  // `num_threads`, nor on what is kept.
  //
  // INVALID_ARGUMENT, naming the example: it does not fit the model; a value is not finite
  // (NOT_FINITE); its label is no class.
  absl::StatusOr<Evaluation> Evaluate(const Model& variant);

  // Of the float model as it was written: its own reference. Errors as above.
  absl::StatusOr<Evaluation> EvaluateFloat(const Model& written);

 private:
  struct Result {
    Ranking ranking;
    Difference difference;
  };
  absl::StatusOr<Evaluation> Run(const Model& model, bool is_float);
  absl::StatusOr<Result> RunExample(int64_t index, ModelRunner& runner, ModelRunner& float_runner);
  absl::Status CheckLabels() const;
  int64_t first_size() const { return output_sizes_.empty() ? 0 : output_sizes_[0]; }

  const Model& float_model_;
  const Dataset& dataset_;
  const EvaluateOptions options_;
  const std::vector<int64_t> output_sizes_;
  // The float model's outputs by example, empty where they are not known yet; none: not kept.
  std::vector<std::vector<float>> kept_;
};

// A 95 % Wilson interval of a share.
struct ShareInterval {
  double low = 0;
  double high = 1;
};
ShareInterval WilsonInterval(int64_t successes, int64_t trials);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_EVALUATE_H_
