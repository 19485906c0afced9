// What a variant gives on the evaluation set: accuracy and other metrics, and fidelity against the
// float model.

#ifndef OCTAVO_CORE_EVALUATE_EVALUATE_H_
#define OCTAVO_CORE_EVALUATE_EVALUATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/progress.h"
#include "core/data/dataset.h"
#include "core/evaluate/feedback.h"
#include "core/evaluate/fidelity.h"
#include "core/evaluate/model_runner.h"
#include "core/evaluate/output_part.h"
#include "core/evaluate/scores.h"
#include "core/evaluate/set_checks.h"
#include "core/evaluate/task_metrics.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

struct EvaluateOptions {
  int num_threads = 1;
  // Of what is evaluated; the float model that variants are held against runs on XNNPACK.
  Backend backend = Backend::kXnnpack;
  // Whether the set's labels are classes of the first output.
  bool has_accuracy = false;
  // Outputs held against targets, as settled and checked.
  std::vector<TaskMetric> metrics{};
  // Outputs and parts of them whose fidelity is told beside the whole, where there are several.
  std::vector<OutputPart> parts{};
  // Where outputs become inputs; the examples of a sequence then run one after the other.
  std::optional<Recurrence> recurrence{};
  // Whether masks are drawn, of a few examples.
  bool draws_masks = false;
  // Whether the set may hold floats that are not finite.
  bool check_finite = false;
  // The float model's outputs are kept for the next variants where all of them take no more.
  int64_t max_kept_bytes = int64_t{512} << 20;
  // By input of the model, what calibration saw of it; empty: nothing is held against it.
  std::vector<std::optional<ValueRange>> calibrated_inputs{};
  ProgressListener progress{};
};

struct Evaluation {
  // Of the labels, else of the first metric of classes, which is then none of `metrics`.
  std::optional<v1::Accuracy> accuracy;
  std::vector<v1::MetricReport> metrics;
  v1::Fidelity fidelity;
  std::vector<v1::DriftPoint> drift;  // of a recurrence
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

  // The set's inputs against options.calibrated_inputs, counted by the first evaluation that went
  // well; empty before.
  const std::vector<InputSpread>& input_spreads() const { return input_spreads_; }

 private:
  // By example; what is by metric or part too has that first.
  struct Results {
    std::vector<Ranking> rankings;
    std::vector<Difference> differences;
    std::vector<std::vector<Difference>> parts;
    std::vector<std::vector<MetricResult>> metrics;
    std::vector<Difference> fed;
    std::vector<v1::MaskPicture> pictures;  // of `drawn_`
    std::vector<std::vector<InputSpread>> spreads;
  };
  // What a sequence carries from one example to the next: all outputs of both models.
  struct Carried {
    std::vector<float> reference;
    std::vector<float> outputs;
  };
  // A variant and the float model; the same one for both where the variant is that.
  struct Runners {
    ModelRunner& variant;
    ModelRunner& reference;
    bool is_float() const { return &variant == &reference; }
  };

  Results NewResults() const;
  absl::StatusOr<Evaluation> Run(const Model& model, bool is_float);
  Evaluation Finish(const Results& results);
  absl::Status RunSequence(int64_t begin, int64_t end, const Runners& runners, Progress& progress,
                           Results& results);
  absl::Status RunExample(int64_t index, const Runners& runners, Carried& carried,
                          Results& results);
  // `example` with what was carried; as it is where nothing was.
  Example Fed(Example example, const std::vector<float>& outputs) const;
  absl::Status Measure(int64_t index, std::span<const float> reference,
                       std::span<const float> outputs, Results& results) const;
  absl::Status Draw(int64_t index, std::span<const float> targets, std::span<const float> reference,
                    std::span<const float> outputs, Results& results) const;
  Evaluation Fold(const Results& results) const;
  v1::Fidelity FoldParts(const Results& results) const;
  std::vector<v1::DriftPoint> DriftOf(const Results& results) const;
  absl::Status CheckLabels() const;
  int64_t first_size() const { return output_sizes_.empty() ? 0 : output_sizes_[0]; }

  const Model& float_model_;
  const Dataset& dataset_;
  const EvaluateOptions options_;
  const std::vector<int64_t> output_sizes_;
  int num_parts_ = 0;           // of options_.parts, those that are told
  int mask_metric_ = -1;        // the first metric of masks; -1: none
  std::vector<int64_t> drawn_;  // examples, ascending
  std::vector<InputSpread> input_spreads_;
  // The float model's outputs by example, empty where they are not known yet; none: not kept.
  std::vector<std::vector<float>> kept_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_EVALUATE_H_
