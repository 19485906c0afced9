// Outputs held against what they should have been: classes, masks and real numbers.

#ifndef OCTAVO_CORE_EVALUATE_TASK_METRICS_H_
#define OCTAVO_CORE_EVALUATE_TASK_METRICS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/targets.h"
#include "core/evaluate/output_part.h"
#include "core/evaluate/scores.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// An output and its targets, which are the caller's.
struct TaskMetric {
  v1::EvaluationKind kind = v1::EVALUATION_KIND_UNSPECIFIED;
  OutputPart part;
  std::string array;
  const Targets* targets = nullptr;
  // Of classes and masks.
  int64_t classes = 0;
  bool is_thresholded = false;  // the output has one value a place, of two classes
  float threshold = 0.5f;
  // Of a mask: a target of two classes is class 1 above this.
  float target_level = 0.5f;
  // Of a mask: rows and columns; 0: it is no picture.
  int64_t height = 0;
  int64_t width = 0;
};

// Settles what `wanted` leaves open by the output's shape and the targets' type and shape.
//
// INVALID_ARGUMENT: the targets do not fit the output, or not that kind.
absl::StatusOr<TaskMetric> PlanMetric(OutputPart part, const Targets& targets, std::string array,
                                      const v1::EvaluationSpec& wanted);

// Looks at every target of `num_examples` and settles what depends on their values.
//
// INVALID_ARGUMENT (LABEL_OUT_OF_RANGE or NOT_FINITE), naming the first example: a target is no
// class of the output, or not finite.
absl::Status CheckTargets(int64_t num_examples, int num_threads, TaskMetric& metric);

// How often a class is there and predicted.
struct PlaceCount {
  int32_t label = 0;
  int64_t both = 0;
  int64_t target = 0;
  int64_t predicted = 0;
};

// Of the errors of one example's elements.
struct ErrorSums {
  int64_t elements = 0;
  double absolute = 0;
  double squared = 0;
  double largest = 0;
  double target_mean = 0;
  double target_squares = 0;  // of the targets around their mean
};

// What is kept of one example.
struct MetricResult {
  Ranking ranking;                 // CLASSES
  std::vector<PlaceCount> counts;  // SEGMENTATION: of classes that are there, ascending
  int64_t places = 0;
  int64_t right = 0;
  int64_t agreeing = 0;  // with the float model
  ErrorSums errors;      // REGRESSION
};

// Of a mask: the class of each place, from the part's values.
std::vector<int32_t> ClassesOf(const TaskMetric& metric, std::span<const float> values);

// Of targets: the class of each place; -1: not counted.
std::vector<int32_t> TargetClasses(const TaskMetric& metric, std::span<const float> targets);

// Of all the outputs of a variant and of the float model.
MetricResult MeasureExample(const TaskMetric& metric, std::span<const float> targets,
                            std::span<const float> outputs, std::span<const float> reference);

// Of a metric of masks: over all of `results`, and the classes that are there.
double MeanIou(std::span<const MetricResult> results, int64_t classes);

// In the order of the examples, on which the last bits of a sum depend.
v1::MetricReport FoldMetric(const TaskMetric& metric, std::span<const MetricResult> results);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_TASK_METRICS_H_
