#include "core/evaluate/set_checks.h"

#include <algorithm>
#include <bit>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// Noise of single values lies there too; another scale or another normalization puts most outside.
constexpr double kMostOutside = 0.01;
// Of 8 bits.
constexpr float kSteps = 255;

// By their bits and without a branch, so that many are looked at at once: sets are large.
bool AllFinite(std::span<const float> values) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t bad = 0;
  for (const float value : values) {
    bad |= (std::bit_cast<uint32_t>(value) & kExponent) == kExponent ? 1 : 0;
  }
  return bad == 0;
}

absl::StatusOr<std::vector<std::string>> Digests(const Dataset& dataset, int num_threads) {
  std::vector<std::string> digests(static_cast<size_t>(dataset.size()));
  RETURN_IF_ERROR(ParallelFor(num_threads, dataset.size(), [&](int64_t index) -> absl::Status {
    ASSIGN_OR_RETURN(digests[index], dataset.ExampleDigest(index), "example ", index);
    return absl::OkStatus();
  }));
  return digests;
}

InputSpread SpreadOf(std::span<const float> values, const ValueRange& calibrated) {
  if (values.empty()) return {};
  const float step =
      std::max(calibrated.max, 0.0f) / kSteps - std::min(calibrated.min, 0.0f) / kSteps;
  const float low = calibrated.min - step;
  const float high = calibrated.max + step;
  InputSpread spread{
      .values = static_cast<int64_t>(values.size()), .outside = 0, .range = {values[0], values[0]}};
  for (const float value : values) {
    spread.outside += (value < low ? 1 : 0) + (value > high ? 1 : 0);
    spread.range.min = std::min(spread.range.min, value);
    spread.range.max = std::max(spread.range.max, value);
  }
  return spread;
}

}  // namespace

absl::Status CheckExampleIsFinite(const Model& model, const Example& example, int64_t index) {
  for (size_t input = 0; input < example.size(); ++input) {
    if (example[input].type != schema::TensorType_FLOAT32 ||
        AllFinite(example[input].values<float>())) {
      continue;
    }
    const TensorIndex tensor{model.graph().inputs[input]};
    return WithReason(absl::InvalidArgumentError(absl::StrCat("input '", model.TensorName(tensor),
                                                              "' has a value that is not finite")),
                      "NOT_FINITE", {{"example", absl::StrCat(index)}});
  }
  return absl::OkStatus();
}

void InputSpread::Add(const InputSpread& other) {
  if (other.values == 0) return;
  if (values == 0) range = other.range;
  range = {std::min(range.min, other.range.min), std::max(range.max, other.range.max)};
  values += other.values;
  outside += other.outside;
}

std::vector<InputSpread> SpreadsOf(const Example& example,
                                   std::span<const std::optional<ValueRange>> calibrated) {
  std::vector<InputSpread> spreads(calibrated.size());
  for (size_t input = 0; input < std::min(example.size(), calibrated.size()); ++input) {
    if (!calibrated[input].has_value() || example[input].type != schema::TensorType_FLOAT32) {
      continue;
    }
    spreads[input] = SpreadOf(example[input].values<float>(), *calibrated[input]);
  }
  return spreads;
}

std::vector<v1::Warning> CheckInputsAreAlike(const Model& model,
                                             std::span<const std::optional<ValueRange>> calibrated,
                                             std::span<const InputSpread> evaluated) {
  std::vector<v1::Warning> warnings;
  for (size_t input = 0; input < evaluated.size(); ++input) {
    const InputSpread& spread = evaluated[input];
    const double share = static_cast<double>(spread.outside) /
                         static_cast<double>(std::max<int64_t>(spread.values, 1));
    if (share <= kMostOutside) continue;
    v1::Warning& warning = warnings.emplace_back();
    warning.set_reason("EVALUATION_UNLIKE_CALIBRATION");
    warning.set_message(absl::StrFormat(
        "Of input '%s', %.3g %% of the evaluation values lie outside the %.4g to %.4g that "
        "calibration saw: they go from %.4g to %.4g, and calibrated variants cut them off. "
        "Calibrate on examples like these, or bring both sets to one scale.",
        ShortName(model.TensorName(TensorIndex{model.graph().inputs[input]})), 100 * share,
        calibrated[input]->min, calibrated[input]->max, spread.range.min, spread.range.max));
  }
  return warnings;
}

absl::StatusOr<std::optional<v1::Warning>> CheckSetsDiffer(const Dataset& calibration,
                                                           const Dataset& evaluation,
                                                           int num_threads) {
  ASSIGN_OR_RETURN(const std::vector<std::string> seen, Digests(calibration, num_threads),
                   "calibration set");
  ASSIGN_OR_RETURN(const std::vector<std::string> held_out, Digests(evaluation, num_threads),
                   "evaluation set");
  const std::set<std::string> calibrated(seen.begin(), seen.end());
  int64_t shared = 0;
  for (const std::string& digest : held_out) shared += calibrated.count(digest) != 0 ? 1 : 0;
  if (shared == 0) return std::optional<v1::Warning>();
  v1::Warning warning;
  warning.set_reason("SETS_SHARE_EXAMPLES");
  warning.set_message(absl::StrCat(
      shared, " of the ", held_out.size(),
      " evaluation examples are in the calibration set too: what they show is no proof "
      "for new ones"));
  return std::optional<v1::Warning>(std::move(warning));
}

}  // namespace octavo
