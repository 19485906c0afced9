#include "core/evaluate/evaluate.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/evaluate/drift.h"
#include "core/evaluate/mask_picture.h"

namespace octavo {
namespace {

constexpr int64_t kMaxDrawn = 4;
// Of parts and examples together: 160 MB of what is kept of them.
constexpr int64_t kMaxPartResults = int64_t{4} << 20;

// Spread evenly over all, and the last of them.
std::vector<int64_t> Spread(int64_t begin, int64_t end, int64_t count) {
  std::set<int64_t> places;
  for (int64_t i = 1; i <= count; ++i) places.insert(begin + (end - begin) * i / count - 1);
  places.erase(begin - 1);
  return {places.begin(), places.end()};
}

// A few examples; of sequences their ends, where most has been fed back.
std::vector<int64_t> ChooseDrawn(const std::optional<Recurrence>& recurrence, int64_t size) {
  if (!recurrence.has_value()) return Spread(0, size, kMaxDrawn);
  std::vector<int64_t> ends(recurrence->starts.begin() + 1, recurrence->starts.end());
  ends.push_back(size);
  std::vector<int64_t> drawn;
  const auto num_sequences = static_cast<int64_t>(ends.size());
  for (const int64_t sequence : Spread(0, num_sequences, std::min(num_sequences, kMaxDrawn))) {
    const int64_t each = std::max<int64_t>(1, kMaxDrawn / num_sequences);
    for (const int64_t place : Spread(recurrence->starts[sequence], ends[sequence], each)) {
      drawn.push_back(place);
    }
  }
  return drawn;
}

bool IsOfMasks(const TaskMetric& metric) { return metric.kind == v1::EVALUATION_KIND_SEGMENTATION; }

}  // namespace

Evaluator::Evaluator(const Model& float_model, const Dataset& dataset, EvaluateOptions options)
    : float_model_(float_model),
      dataset_(dataset),
      options_(std::move(options)),
      output_sizes_(OutputSizes(float_model)) {
  const int64_t elements = std::accumulate(output_sizes_.begin(), output_sizes_.end(), int64_t{0});
  const int64_t example_bytes = elements * static_cast<int64_t>(sizeof(float));
  if (dataset.size() <= options_.max_kept_bytes / std::max<int64_t>(example_bytes, 1)) {
    kept_.resize(static_cast<size_t>(dataset.size()));
  }
  const auto num_parts = static_cast<int64_t>(options_.parts.size());
  if (num_parts > 1) {
    num_parts_ = static_cast<int>(
        std::min(num_parts, kMaxPartResults / std::max<int64_t>(dataset.size(), 1)));
  }
  const auto mask = std::ranges::find_if(options_.metrics, &IsOfMasks);
  if (mask == options_.metrics.end()) return;
  mask_metric_ = static_cast<int>(mask - options_.metrics.begin());
  if (options_.draws_masks && mask->height > 0) {
    drawn_ = ChooseDrawn(options_.recurrence, dataset.size());
  }
}

absl::StatusOr<Evaluation> Evaluator::Evaluate(const Model& variant) {
  return Run(variant, /*is_float=*/false);
}

absl::StatusOr<Evaluation> Evaluator::EvaluateFloat(const Model& written) {
  return Run(written, /*is_float=*/true);
}

absl::Status Evaluator::CheckLabels() const {
  const std::vector<int64_t>& labels = dataset_.labels();
  if (static_cast<int64_t>(labels.size()) != dataset_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(labels.size(), " labels for ", dataset_.size(), " examples"));
  }
  for (size_t example = 0; example < labels.size(); ++example) {
    if (labels[example] >= 0 && labels[example] < first_size()) continue;
    return FieldError("labels",
                      absl::StrCat("example ", example, ": class ", labels[example],
                                   " of a model with ", first_size(), " classes, numbered from 0"));
  }
  return absl::OkStatus();
}

Evaluator::Results Evaluator::NewResults() const {
  const auto size = static_cast<size_t>(dataset_.size());
  const bool counts_spreads = !options_.calibrated_inputs.empty() && input_spreads_.empty();
  return {.rankings = std::vector<Ranking>(options_.has_accuracy ? size : 0),
          .differences = std::vector<Difference>(size),
          .parts = std::vector(static_cast<size_t>(num_parts_), std::vector<Difference>(size)),
          .metrics = std::vector(options_.metrics.size(), std::vector<MetricResult>(size)),
          .fed = std::vector<Difference>(options_.recurrence.has_value() ? size : 0),
          .pictures = std::vector<v1::MaskPicture>(drawn_.size()),
          .spreads = std::vector<std::vector<InputSpread>>(counts_spreads ? size : 0)};
}

Example Evaluator::Fed(Example example, const std::vector<float>& outputs) const {
  if (outputs.empty()) return example;
  for (const FeedbackPlan& plan : options_.recurrence->feedbacks) Feed(plan, outputs, example);
  return example;
}

absl::Status Evaluator::Draw(int64_t index, std::span<const float> targets,
                             std::span<const float> reference, std::span<const float> outputs,
                             Results& results) const {
  const auto place = std::ranges::find(drawn_, index);
  if (place == drawn_.end()) return absl::OkStatus();
  const TaskMetric& metric = options_.metrics[mask_metric_];
  const MetricResult& result = results.metrics[mask_metric_][index];
  v1::MaskPicture& picture = results.pictures[place - drawn_.begin()];
  picture.set_example(index);
  picture.set_agreement(static_cast<double>(result.agreeing) /
                        static_cast<double>(std::max<int64_t>(result.places, 1)));
  ASSIGN_OR_RETURN(*picture.mutable_png(), MaskPicture(ClassesOf(metric, metric.part.Of(outputs)),
                                                       ClassesOf(metric, metric.part.Of(reference)),
                                                       metric.height, metric.width));
  if (reference.data() != outputs.data()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*picture.mutable_target_png(),
                   MaskPicture(TargetClasses(metric, targets), {}, metric.height, metric.width));
  return absl::OkStatus();
}

absl::Status Evaluator::Measure(int64_t index, std::span<const float> reference,
                                std::span<const float> outputs, Results& results) const {
  results.differences[index] = Compare(reference, outputs, first_size());
  if (options_.has_accuracy) {
    results.rankings[index] =
        RankLabel(outputs.first(static_cast<size_t>(first_size())), dataset_.labels()[index]);
  }
  for (int i = 0; i < num_parts_; ++i) {
    const OutputPart& part = options_.parts[i];
    results.parts[i][index] = Compare(part.Of(reference), part.Of(outputs), part.size());
  }
  for (size_t i = 0; i < options_.metrics.size(); ++i) {
    const TaskMetric& metric = options_.metrics[i];
    ASSIGN_OR_RETURN(const std::vector<float> targets, metric.targets->Get(index));
    results.metrics[i][index] = MeasureExample(metric, targets, outputs, reference);
    if (static_cast<int>(i) != mask_metric_) continue;
    RETURN_IF_ERROR(Draw(index, targets, reference, outputs, results));
  }
  if (!options_.recurrence.has_value()) return absl::OkStatus();
  for (const FeedbackPlan& plan : options_.recurrence->feedbacks) {
    const Difference fed = Compare(plan.from.Of(reference), plan.from.Of(outputs), 0);
    results.fed[index].signal += fed.signal;
    results.fed[index].noise += fed.noise;
  }
  return absl::OkStatus();
}

absl::Status Evaluator::RunExample(int64_t index, const Runners& runners, Carried& carried,
                                   Results& results) {
  ASSIGN_OR_RETURN(Example example, dataset_.Get(index));
  if (!results.spreads.empty()) {
    results.spreads[index] = SpreadsOf(example, options_.calibrated_inputs);
  }
  std::vector<float> made;
  // What other kernels made of the float model is no reference for its variants.
  const bool is_kept =
      !kept_.empty() && (!runners.is_float() || options_.backend == Backend::kXnnpack);
  std::vector<float>& reference = is_kept ? kept_[index] : made;
  if (runners.is_float() || reference.empty()) {
    if (options_.check_finite) {
      RETURN_IF_ERROR(CheckExampleIsFinite(float_model_, example, index));
    }
    ASSIGN_OR_RETURN(reference, runners.reference.Run(Fed(example, carried.reference)));
  }
  std::vector<float> made_by_variant;
  if (!runners.is_float()) {
    ASSIGN_OR_RETURN(made_by_variant,
                     runners.variant.Run(Fed(std::move(example), carried.outputs)));
  }
  RETURN_IF_ERROR(
      Measure(index, reference, runners.is_float() ? reference : made_by_variant, results));
  if (options_.recurrence.has_value()) {
    carried = {.reference = reference, .outputs = std::move(made_by_variant)};
  }
  return absl::OkStatus();
}

absl::Status Evaluator::RunSequence(int64_t begin, int64_t end, const Runners& runners,
                                    Progress& progress, Results& results) {
  Carried carried;
  for (int64_t index = begin; index < end; ++index) {
    RETURN_IF_ERROR(RunExample(index, runners, carried, results), "example ", index);
    progress.OneIsDone();
  }
  return absl::OkStatus();
}

absl::StatusOr<Evaluation> Evaluator::Run(const Model& model, bool is_float) {
  if (options_.has_accuracy) RETURN_IF_ERROR(CheckLabels());
  ModelRunner runner(model, options_.backend);
  ModelRunner float_runner(float_model_);
  const Runners runners{runner, is_float ? runner : float_runner};
  Progress progress(options_.progress, dataset_.size());
  Results results = NewResults();
  if (!options_.recurrence.has_value()) {
    RETURN_IF_ERROR(ParallelFor(options_.num_threads, dataset_.size(), [&](int64_t index) {
      return RunSequence(index, index + 1, runners, progress, results);
    }));
    return Finish(results);
  }
  const std::vector<int64_t>& starts = options_.recurrence->starts;
  const auto num_sequences = static_cast<int64_t>(starts.size());
  RETURN_IF_ERROR(ParallelFor(options_.num_threads, num_sequences, [&](int64_t sequence) {
    const bool is_last = sequence + 1 == num_sequences;
    return RunSequence(starts[sequence], is_last ? dataset_.size() : starts[sequence + 1], runners,
                       progress, results);
  }));
  return Finish(results);
}

Evaluation Evaluator::Finish(const Results& results) {
  if (!results.spreads.empty()) {
    input_spreads_.resize(options_.calibrated_inputs.size());
    for (const std::vector<InputSpread>& example : results.spreads) {
      for (size_t i = 0; i < example.size(); ++i) input_spreads_[i].Add(example[i]);
    }
  }
  return Fold(results);
}

v1::Fidelity Evaluator::FoldParts(const Results& results) const {
  v1::Fidelity fidelity = FoldFidelity(results.differences);
  for (int i = 0; i < num_parts_; ++i) {
    const v1::Fidelity of_part = FoldFidelity(results.parts[i]);
    v1::OutputFidelity& output = *fidelity.add_outputs();
    output.set_output(options_.parts[i].name);
    output.set_sqnr_db(of_part.sqnr_db());
    output.set_cosine(of_part.cosine());
    output.set_argmax_agreement(of_part.argmax_agreement());
    output.set_max_abs_error(of_part.max_abs_error());
  }
  return fidelity;
}

std::vector<v1::DriftPoint> Evaluator::DriftOf(const Results& results) const {
  DriftSamples samples{.fed = results.fed, .whole = results.differences};
  if (mask_metric_ >= 0) {
    samples.masks = results.metrics[mask_metric_];
    samples.mask_classes = options_.metrics[mask_metric_].classes;
  }
  return FoldDrift(options_.recurrence->starts, samples);
}

Evaluation Evaluator::Fold(const Results& results) const {
  Evaluation evaluation{.fidelity = FoldParts(results)};
  if (options_.has_accuracy) evaluation.accuracy = FoldAccuracy(results.rankings, first_size());
  for (size_t i = 0; i < options_.metrics.size(); ++i) {
    v1::MetricReport report = FoldMetric(options_.metrics[i], results.metrics[i]);
    if (report.has_accuracy() && !evaluation.accuracy.has_value()) {
      evaluation.accuracy = report.accuracy();
      continue;
    }
    if (static_cast<int>(i) == mask_metric_) {
      report.mutable_segmentation()->mutable_pictures()->Add(results.pictures.begin(),
                                                             results.pictures.end());
    }
    evaluation.metrics.push_back(std::move(report));
  }
  if (options_.recurrence.has_value()) evaluation.drift = DriftOf(results);
  return evaluation;
}

}  // namespace octavo
