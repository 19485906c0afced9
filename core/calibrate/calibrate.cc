#include "core/calibrate/calibrate.h"

#include <algorithm>
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

absl::StatusOr<ExampleRanges> Observe(const Model& model, const Example& example,
                                      Executor* executor) {
  const std::vector<TensorView> inputs = [&] {
    std::vector<TensorView> views;
    for (const TensorValue& value : example) views.push_back(value.view());
    return views;
  }();
  RETURN_IF_ERROR(CheckInputs(model, inputs));

  ExampleRanges ranges;
  RETURN_IF_ERROR(
      executor->Run(inputs, [&](TensorIndex tensor, const TensorView& value) -> absl::Status {
        if (!HasRange(value)) return absl::OkStatus();
        ASSIGN_OR_RETURN(const Range range, RangeOf(model, tensor, value));
        ranges.emplace_back(tensor, range);
        return absl::OkStatus();
      }));
  return ranges;
}

void Fold(const ExampleRanges& example, TensorRanges* ranges) {
  for (const auto& [tensor, range] : example) {
    const auto [place, is_new] = ranges->try_emplace(tensor, range);
    if (!is_new) place->second = Union(place->second, range);
  }
}

}  // namespace

absl::StatusOr<TensorRanges> Calibrate(const Model& model, const Dataset& dataset,
                                       const CalibrateOptions& options) {
  const int64_t num_examples = std::min(dataset.size(), options.max_examples);
  if (num_examples <= 0) return absl::InvalidArgumentError("the calibration set is empty");

  // Packing weights costs milliseconds.
  Pool<Executor> executors([&] { return Executor::Create(model, {.tap_activations = true}); });
  Progress progress(options.progress, num_examples);
  TensorRanges ranges;
  std::vector<ExampleRanges> chunk(std::min(num_examples, kChunkExamples));
  for (int64_t first = 0; first < num_examples; first += kChunkExamples) {
    const int64_t size = std::min(kChunkExamples, num_examples - first);
    RETURN_IF_ERROR(ParallelFor(options.num_threads, size, [&](int64_t i) -> absl::Status {
      const int64_t index = first + i;
      ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, executors.Take());
      ASSIGN_OR_RETURN(const Example example, dataset.Get(index), "calibration example ", index);
      ASSIGN_OR_RETURN(chunk[i], Observe(model, example, executor.get()), "calibration example ",
                       index);
      executors.Return(std::move(executor));
      progress.OneIsDone();
      return absl::OkStatus();
    }));
    for (int64_t i = 0; i < size; ++i) Fold(chunk[i], &ranges);
  }
  return ranges;
}

}  // namespace octavo
