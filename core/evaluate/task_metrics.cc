#include "core/evaluate/task_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Of a list of scores a class needs four bytes an example, of a mask what is counted of it too.
constexpr int64_t kMaxClasses = 65'536;
constexpr int64_t kMaxMaskClasses = 4096;
constexpr float kNotCounted = 255;  // in masks of more than two classes
constexpr int32_t kNoClass = -1;

int64_t SizeOf(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::string TargetsText(const Targets& targets, absl::string_view array) {
  return absl::StrCat("targets '", array, "' of ", SizeOf(targets.shape()),
                      targets.is_float() ? " real numbers" : " integers", " an example");
}

absl::Status DoesNotFit(const TaskMetric& metric, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(TargetsText(*metric.targets, metric.array),
                                                 " do not fit output '", metric.part.name, "' ",
                                                 ShapeText(metric.part.shape), ": ", wanted));
}

v1::EvaluationKind UsualKind(const TaskMetric& metric) {
  const int64_t size = SizeOf(metric.targets->shape());
  if (metric.targets->is_float()) return v1::EVALUATION_KIND_REGRESSION;
  return size == 1 ? v1::EVALUATION_KIND_CLASSES : v1::EVALUATION_KIND_SEGMENTATION;
}

absl::Status PlanClasses(TaskMetric& metric) {
  const OutputPart& part = metric.part;
  if (SizeOf(metric.targets->shape()) != 1 || part.rows != 1 || part.width() > kMaxClasses) {
    return DoesNotFit(metric, "classes are one integer an example, of an output of one score each");
  }
  metric.is_thresholded = part.width() == 1;
  metric.classes = metric.is_thresholded ? 2 : part.width();
  return absl::OkStatus();
}

// Rows and columns of a mask, from whichever knows them: the targets, or else the output.
void FindPictureSize(TaskMetric& metric) {
  std::vector<int64_t> axes = metric.targets->shape();
  if (axes.size() > 2 && axes.back() == 1) axes.pop_back();
  if (axes.size() != 2) {
    axes.assign(metric.part.shape.begin(), metric.part.shape.end());
    if (axes.size() != 4) return;
    axes = {axes[1], axes[2]};
  }
  metric.height = axes[0];
  metric.width = axes[1];
}

absl::Status PlanSegmentation(TaskMetric& metric) {
  const OutputPart& part = metric.part;
  const int64_t places = SizeOf(metric.targets->shape());
  metric.is_thresholded = part.size() == places;
  if (!metric.is_thresholded && part.rows != places) {
    return DoesNotFit(metric, "a mask has a class for each place of the output");
  }
  metric.classes = metric.is_thresholded ? 2 : part.width();
  if (metric.classes > kMaxMaskClasses || places == 0) {
    return DoesNotFit(metric, absl::StrCat("masks have 2 to ", kMaxMaskClasses, " classes"));
  }
  FindPictureSize(metric);
  if (metric.height * metric.width != places) metric.height = metric.width = 0;
  return absl::OkStatus();
}

absl::Status PlanRegression(TaskMetric& metric) {
  if (SizeOf(metric.targets->shape()) == metric.part.size()) return absl::OkStatus();
  return DoesNotFit(metric, "regression wants as many numbers as the output has");
}

absl::Status OutOfRange(const TaskMetric& metric, float value) {
  return WithReason(absl::InvalidArgumentError(absl::StrCat("targets '", metric.array, "': ", value,
                                                            " is no class of the ", metric.classes,
                                                            " of output '", metric.part.name, "'")),
                    "LABEL_OUT_OF_RANGE");
}

bool IsClass(const TaskMetric& metric, float value) {
  return value >= 0 && value < static_cast<float>(metric.classes) && std::trunc(value) == value;
}

bool IsGrey(const TaskMetric& metric) {
  return metric.kind == v1::EVALUATION_KIND_SEGMENTATION && metric.classes == 2;
}

absl::Status CheckValues(const TaskMetric& metric, std::span<const float> values) {
  for (const float value : values) {
    if (!std::isfinite(value)) {
      return WithReason(absl::InvalidArgumentError(absl::StrCat(
                            "targets '", metric.array, "' have a value that is not finite")),
                        "NOT_FINITE");
    }
    if (metric.kind == v1::EVALUATION_KIND_REGRESSION) continue;
    const bool is_there = IsGrey(metric) ? value >= 0 && value <= 255
                                         : IsClass(metric, value) ||
                                               (metric.kind == v1::EVALUATION_KIND_SEGMENTATION &&
                                                value == kNotCounted);
    if (!is_there) return OutOfRange(metric, value);
  }
  return absl::OkStatus();
}

// Of the classes that are there.
std::vector<PlaceCount> CountPlaces(std::span<const int32_t> targets,
                                    std::span<const int32_t> predicted, int64_t classes) {
  std::vector<PlaceCount> counts(static_cast<size_t>(classes));
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == kNoClass) continue;
    ++counts[targets[i]].target;
    ++counts[predicted[i]].predicted;
    if (targets[i] == predicted[i]) ++counts[targets[i]].both;
  }
  std::vector<PlaceCount> there;
  for (size_t label = 0; label < counts.size(); ++label) {
    counts[label].label = static_cast<int32_t>(label);
    if (counts[label].target + counts[label].predicted > 0) there.push_back(counts[label]);
  }
  return there;
}

void MeasureMask(const TaskMetric& metric, std::span<const float> targets,
                 std::span<const float> outputs, std::span<const float> reference,
                 MetricResult& result) {
  const std::vector<int32_t> wanted = TargetClasses(metric, targets);
  const std::vector<int32_t> ours = ClassesOf(metric, metric.part.Of(outputs));
  const std::vector<int32_t> floats = ClassesOf(metric, metric.part.Of(reference));
  result.counts = CountPlaces(wanted, ours, metric.classes);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == kNoClass) continue;
    ++result.places;
    result.right += ours[i] == wanted[i] ? 1 : 0;
    result.agreeing += ours[i] == floats[i] ? 1 : 0;
  }
}

ErrorSums SumErrors(std::span<const float> targets, std::span<const float> outputs) {
  ErrorSums sums{.elements = static_cast<int64_t>(targets.size())};
  for (size_t i = 0; i < targets.size(); ++i) {
    double error = std::abs(static_cast<double>(outputs[i]) - targets[i]);
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    sums.absolute += error;
    sums.squared += error * error;
    sums.largest = std::max(sums.largest, error);
    const double distance = targets[i] - sums.target_mean;
    sums.target_mean += distance / static_cast<double>(i + 1);
    sums.target_squares += distance * (targets[i] - sums.target_mean);
  }
  return sums;
}

// Of two sets of elements together (Chan's way: no difference of large sums).
ErrorSums Together(const ErrorSums& a, const ErrorSums& b) {
  if (a.elements == 0) return b;
  const auto n = static_cast<double>(a.elements);
  const auto m = static_cast<double>(b.elements);
  const double distance = b.target_mean - a.target_mean;
  return {.elements = a.elements + b.elements,
          .absolute = a.absolute + b.absolute,
          .squared = a.squared + b.squared,
          .largest = std::max(a.largest, b.largest),
          .target_mean = a.target_mean + distance * m / (n + m),
          .target_squares =
              a.target_squares + b.target_squares + distance * distance * n * m / (n + m)};
}

v1::Regression FoldErrors(std::span<const MetricResult> results) {
  ErrorSums all;
  for (const MetricResult& result : results) all = Together(all, result.errors);
  v1::Regression regression;
  if (all.elements == 0) return regression;
  const auto elements = static_cast<double>(all.elements);
  regression.set_mean_absolute_error(all.absolute / elements);
  regression.set_root_mean_square_error(std::sqrt(all.squared / elements));
  regression.set_max_error(all.largest);
  if (all.target_squares > 0) regression.set_r2(1 - all.squared / all.target_squares);
  return regression;
}

double Iou(const PlaceCount& count) {
  const int64_t either = count.target + count.predicted - count.both;
  return either == 0 ? 0 : static_cast<double>(count.both) / static_cast<double>(either);
}

// Over the classes that are there.
double MeanOf(std::span<const PlaceCount> counts) {
  double sum = 0;
  int64_t there = 0;
  for (const PlaceCount& count : counts) {
    if (count.target + count.predicted == 0) continue;
    sum += Iou(count);
    ++there;
  }
  return there == 0 ? 0 : sum / static_cast<double>(there);
}

std::vector<PlaceCount> SumCounts(std::span<const MetricResult> results, int64_t classes) {
  std::vector<PlaceCount> all(static_cast<size_t>(classes));
  for (const MetricResult& result : results) {
    for (const PlaceCount& count : result.counts) {
      PlaceCount& sum = all[count.label];
      sum.both += count.both;
      sum.target += count.target;
      sum.predicted += count.predicted;
    }
  }
  return all;
}

double MeanIouWithout(const MetricResult& left_out, std::vector<PlaceCount> counts) {
  for (const PlaceCount& count : left_out.counts) {
    PlaceCount& sum = counts[count.label];
    sum.both -= count.both;
    sum.target -= count.target;
    sum.predicted -= count.predicted;
  }
  return MeanOf(counts);
}

// The jackknife's standard error: how much the mean depends on single examples.
std::optional<double> StandardError(std::span<const MetricResult> results,
                                    const std::vector<PlaceCount>& counts) {
  if (results.size() < 2) return std::nullopt;
  std::vector<double> means;
  for (const MetricResult& result : results) means.push_back(MeanIouWithout(result, counts));
  const auto n = static_cast<double>(means.size());
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / n;
  double squares = 0;
  for (const double one : means) squares += (one - mean) * (one - mean);
  return std::sqrt((n - 1) / n * squares);
}

double Share(int64_t part, int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

v1::Segmentation FoldMasks(std::span<const MetricResult> results, int64_t classes) {
  const std::vector<PlaceCount> counts = SumCounts(results, classes);
  v1::Segmentation segmentation;
  const double mean = MeanOf(counts);
  segmentation.set_mean_iou(mean);
  constexpr double kZ = 1.959963984540054;  // 97.5 % of the normal distribution
  const double margin = kZ * StandardError(results, counts).value_or(1);
  segmentation.set_mean_iou_low(std::max(0.0, mean - margin));
  segmentation.set_mean_iou_high(std::min(1.0, mean + margin));
  for (const PlaceCount& count : counts) {
    v1::ClassIou& one = *segmentation.add_classes();
    one.set_iou(Iou(count));
    one.set_target_places(count.target);
    one.set_predicted_places(count.predicted);
  }
  int64_t places = 0, right = 0, agreeing = 0;
  for (const MetricResult& result : results) {
    places += result.places;
    right += result.right;
    agreeing += result.agreeing;
  }
  segmentation.set_place_accuracy(Share(right, places));
  segmentation.set_agreement(Share(agreeing, places));
  return segmentation;
}

v1::Accuracy FoldClasses(std::span<const MetricResult> results, int64_t classes) {
  std::vector<Ranking> rankings;
  for (const MetricResult& result : results) rankings.push_back(result.ranking);
  return FoldAccuracy(rankings, classes);
}

Ranking RankClass(const TaskMetric& metric, std::span<const float> targets,
                  std::span<const float> outputs) {
  const auto label = static_cast<int64_t>(targets[0]);
  const std::vector<float> scores = metric.part.Of(outputs);
  if (!metric.is_thresholded) return RankLabel(scores, label);
  const int64_t predicted = scores[0] > metric.threshold ? 1 : 0;
  return {.label = label, .rank = predicted == label ? 0 : 1, .predicted = predicted};
}

}  // namespace

absl::StatusOr<TaskMetric> PlanMetric(OutputPart part, const Targets& targets, std::string array,
                                      const v1::EvaluationSpec& wanted) {
  TaskMetric metric{.kind = wanted.kind(),
                    .part = std::move(part),
                    .array = std::move(array),
                    .targets = &targets};
  if (metric.kind == v1::EVALUATION_KIND_UNSPECIFIED) metric.kind = UsualKind(metric);
  if (wanted.has_threshold()) metric.threshold = wanted.threshold();
  switch (metric.kind) {
    case v1::EVALUATION_KIND_CLASSES:
      RETURN_IF_ERROR(PlanClasses(metric));
      break;
    case v1::EVALUATION_KIND_SEGMENTATION:
      RETURN_IF_ERROR(PlanSegmentation(metric));
      break;
    default:
      metric.kind = v1::EVALUATION_KIND_REGRESSION;
      RETURN_IF_ERROR(PlanRegression(metric));
  }
  return metric;
}

absl::Status CheckTargets(int64_t num_examples, int num_threads, TaskMetric& metric) {
  std::vector<float> largest(static_cast<size_t>(num_examples));
  RETURN_IF_ERROR(ParallelFor(num_threads, num_examples, [&](int64_t index) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<float> values, metric.targets->Get(index), "example ",
                     index);
    RETURN_IF_ERROR(CheckValues(metric, values), "example ", index);
    largest[index] = values.empty() ? 0 : *std::ranges::max_element(values);
    return absl::OkStatus();
  }));
  const bool is_grey = std::ranges::any_of(largest, [](float value) { return value > 1; });
  if (IsGrey(metric)) metric.target_level = is_grey ? 127.0f : 0.5f;
  return absl::OkStatus();
}

std::vector<int32_t> ClassesOf(const TaskMetric& metric, std::span<const float> values) {
  std::vector<int32_t> classes;
  if (metric.is_thresholded) {
    for (const float value : values) classes.push_back(value > metric.threshold ? 1 : 0);
    return classes;
  }
  const auto width = static_cast<size_t>(metric.part.width());
  for (size_t at = 0; at < values.size(); at += width) {
    classes.push_back(static_cast<int32_t>(ArgMax(values.subspan(at, width))));
  }
  return classes;
}

std::vector<int32_t> TargetClasses(const TaskMetric& metric, std::span<const float> targets) {
  std::vector<int32_t> classes;
  for (const float target : targets) {
    if (IsGrey(metric)) {
      classes.push_back(target > metric.target_level ? 1 : 0);
    } else {
      classes.push_back(IsClass(metric, target) ? static_cast<int32_t>(target) : kNoClass);
    }
  }
  return classes;
}

MetricResult MeasureExample(const TaskMetric& metric, std::span<const float> targets,
                            std::span<const float> outputs, std::span<const float> reference) {
  MetricResult result;
  switch (metric.kind) {
    case v1::EVALUATION_KIND_CLASSES:
      result.ranking = RankClass(metric, targets, outputs);
      break;
    case v1::EVALUATION_KIND_SEGMENTATION:
      MeasureMask(metric, targets, outputs, reference, result);
      break;
    default:
      result.errors = SumErrors(targets, metric.part.Of(outputs));
  }
  return result;
}

double MeanIou(std::span<const MetricResult> results, int64_t classes) {
  return MeanOf(SumCounts(results, classes));
}

v1::MetricReport FoldMetric(const TaskMetric& metric, std::span<const MetricResult> results) {
  v1::MetricReport report;
  report.set_kind(metric.kind);
  report.set_output(metric.part.name);
  report.set_targets(metric.array);
  report.set_examples(static_cast<int64_t>(results.size()));
  switch (metric.kind) {
    case v1::EVALUATION_KIND_CLASSES:
      *report.mutable_accuracy() = FoldClasses(results, metric.classes);
      break;
    case v1::EVALUATION_KIND_SEGMENTATION:
      *report.mutable_segmentation() = FoldMasks(results, metric.classes);
      break;
    default:
      *report.mutable_regression() = FoldErrors(results);
  }
  return report;
}

}  // namespace octavo
