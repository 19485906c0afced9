#include "core/calibrate/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/pool.h"
#include "core/base/status_macros.h"
#include "core/calibrate/min_max.h"
#include "core/calibrate/range_search.h"
#include "core/runtime/executor.h"
#include "core/tflite/tensor_value.h"

namespace octavo {
namespace {

// Ranges are kept for so many examples before they are folded; bounds the memory, whatever the
// set's size.
constexpr int64_t kChunkExamples = 256;

// What one example did.
using ExampleRanges = std::vector<std::pair<TensorIndex, Range>>;

absl::StatusOr<Range> RangeOf(const Model& model, TensorIndex tensor, const TensorView& value) {
  const std::optional<Range> range = FiniteRange(value.values<float>());
  if (!range.has_value()) {
    const absl::string_view name = model.TensorName(tensor);
    return WithReason(absl::InvalidArgumentError(absl::StrCat("tensor '", name, "' is not finite")),
                      "NOT_FINITE", {{"tensor", std::string(name)}});
  }
  return *range;
}

bool HasRange(const TensorView& value) {
  return value.type == schema::TensorType_FLOAT32 && !value.bytes.empty();
}

// A bad input makes every activation bad, so it is looked at first: it is the one to name.
absl::Status CheckInputs(const Model& model, std::span<const TensorView> inputs) {
  for (size_t i = 0; i < inputs.size() && i < model.graph().inputs.size(); ++i) {
    if (!HasRange(inputs[i])) continue;
    RETURN_IF_ERROR(
        RangeOf(model, static_cast<TensorIndex>(model.graph().inputs[i]), inputs[i]).status());
  }
  return absl::OkStatus();
}

// What a thread works with; its histograms are of all examples that it had.
struct Station {
  Executor executor;
  std::map<TensorIndex, Histogram> histograms;
};

absl::StatusOr<ExampleRanges> Observe(const Model& model, const Example& example, bool histograms,
                                      Station& station) {
  std::vector<TensorView> inputs;
  inputs.reserve(example.size());
  for (const TensorValue& value : example) inputs.push_back(value.view());
  RETURN_IF_ERROR(CheckInputs(model, inputs));

  ExampleRanges ranges;
  RETURN_IF_ERROR(station.executor.Run(
      inputs, [&](TensorIndex tensor, const TensorView& value) -> absl::Status {
        if (!HasRange(value)) return absl::OkStatus();
        ASSIGN_OR_RETURN(const Range range, RangeOf(model, tensor, value));
        ranges.emplace_back(tensor, range);
        if (histograms) {
          station.histograms[tensor].Add(value.values<float>(),
                                         std::max(std::abs(range.min), std::abs(range.max)));
        }
        return absl::OkStatus();
      }));
  return ranges;
}

Range Average(const Range& before, const Range& now) {
  constexpr float kSmoothing = 0.95f;
  return {kSmoothing * before.min + (1 - kSmoothing) * now.min,
          kSmoothing * before.max + (1 - kSmoothing) * now.max};
}

void Fold(const ExampleRanges& example, CalibrationStatistics& statistics) {
  for (const auto& [tensor, range] : example) {
    const auto [place, is_new] =
        statistics.try_emplace(tensor, TensorStatistics{.min_max = range, .moving_average = range});
    if (is_new) continue;
    place->second.min_max = Union(place->second.min_max, range);
    place->second.moving_average = Average(place->second.moving_average, range);
  }
}

}  // namespace

absl::StatusOr<CalibrationStatistics> Calibrate(const Model& model, const Dataset& dataset,
                                                const CalibrateOptions& options,
                                                CalibrationStatistics so_far) {
  const int64_t num_examples = std::min(dataset.size(), options.max_examples);
  if (num_examples <= 0) return absl::InvalidArgumentError("the calibration set is empty");

  // Packing weights costs milliseconds.
  Pool<Station> stations([&]() -> absl::StatusOr<Station> {
    ASSIGN_OR_RETURN(Executor executor, Executor::Create(model, {.tap_activations = true}));
    return Station{std::move(executor), {}};
  });
  Progress progress(options.progress, num_examples);
  CalibrationStatistics statistics = std::move(so_far);
  std::vector<ExampleRanges> chunk(std::min(num_examples, kChunkExamples));
  for (int64_t first = 0; first < num_examples; first += kChunkExamples) {
    const int64_t size = std::min(kChunkExamples, num_examples - first);
    RETURN_IF_ERROR(ParallelFor(options.num_threads, size, [&](int64_t i) -> absl::Status {
      const int64_t index = first + i;
      ASSIGN_OR_RETURN(std::unique_ptr<Station> station, stations.Take());
      ASSIGN_OR_RETURN(const Example example, dataset.Get(index), "calibration example ", index);
      ASSIGN_OR_RETURN(chunk[i], Observe(model, example, options.histograms, *station),
                       "calibration example ", index);
      stations.Return(std::move(station));
      progress.OneIsDone();
      return absl::OkStatus();
    }));
    for (int64_t i = 0; i < size; ++i) Fold(chunk[i], statistics);
  }
  for (const std::unique_ptr<Station>& station : stations.TakeAll()) {
    for (const auto& [tensor, histogram] : station->histograms) {
      statistics[tensor].histogram.Add(histogram);
    }
  }
  return statistics;
}

TensorRanges ChooseRanges(const CalibrationStatistics& statistics, const RangeOptions& options) {
  const auto choose = [&](const TensorStatistics& tensor) {
    switch (options.observer) {
      case Observer::kMovingAverage:
        return tensor.moving_average;
      case Observer::kPercentile:
        return PercentileRange(tensor.histogram, tensor.min_max, options.kept);
      case Observer::kMeanSquaredError:
        return MeanSquaredErrorRange(tensor.histogram, tensor.min_max, options.levels);
      case Observer::kEntropy:
        return EntropyRange(tensor.histogram, tensor.min_max, options.levels);
      default:
        return tensor.min_max;
    }
  };
  TensorRanges ranges;
  for (const auto& [tensor, seen] : statistics) ranges.emplace(tensor, choose(seen));
  return ranges;
}

}  // namespace octavo
