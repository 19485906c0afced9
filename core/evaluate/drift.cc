#include "core/evaluate/drift.h"

#include <algorithm>

namespace octavo {
namespace {

constexpr int64_t kMaxPoints = 256;

// The step of each example in its sequence.
std::vector<int64_t> StepsOf(std::span<const int64_t> starts, size_t num_examples) {
  std::vector<int64_t> steps(num_examples);
  size_t next = 0;
  int64_t start = 0;
  for (size_t example = 0; example < num_examples; ++example) {
    const auto place = static_cast<int64_t>(example);
    if (next < starts.size() && starts[next] == place) start = starts[next++];
    steps[example] = place - start;
  }
  return steps;
}

v1::DriftPoint PointOf(int64_t step, const std::vector<size_t>& examples,
                       const DriftSamples& samples) {
  double signal = 0, noise = 0;
  int64_t same = 0, agreeing = 0, places = 0;
  std::vector<MetricResult> masks;
  for (const size_t example : examples) {
    signal += samples.fed[example].signal;
    noise += samples.fed[example].noise;
    same += samples.whole[example].same_argmax ? 1 : 0;
    if (samples.masks.empty()) continue;
    masks.push_back(samples.masks[example]);
    agreeing += samples.masks[example].agreeing;
    places += samples.masks[example].places;
  }
  v1::DriftPoint point;
  point.set_step(step);
  point.set_sqnr_db(SqnrDb(signal, noise));
  point.set_examples(static_cast<int64_t>(examples.size()));
  if (samples.masks.empty()) {
    point.set_agreement(static_cast<double>(same) / static_cast<double>(examples.size()));
    return point;
  }
  point.set_agreement(static_cast<double>(agreeing) /
                      static_cast<double>(std::max<int64_t>(places, 1)));
  point.set_mean_iou(MeanIou(masks, samples.mask_classes));
  return point;
}

}  // namespace

std::vector<v1::DriftPoint> FoldDrift(std::span<const int64_t> starts,
                                      const DriftSamples& samples) {
  const std::vector<int64_t> steps = StepsOf(starts, samples.fed.size());
  if (steps.empty()) return {};
  const int64_t num_steps = *std::ranges::max_element(steps) + 1;
  const int64_t stretch = (num_steps + kMaxPoints - 1) / kMaxPoints;
  std::vector<std::vector<size_t>> examples(
      static_cast<size_t>((num_steps + stretch - 1) / stretch));
  for (size_t example = 0; example < steps.size(); ++example) {
    examples[steps[example] / stretch].push_back(example);
  }
  std::vector<v1::DriftPoint> points;
  for (size_t point = 0; point < examples.size(); ++point) {
    points.push_back(PointOf(static_cast<int64_t>(point) * stretch, examples[point], samples));
  }
  return points;
}

}  // namespace octavo
