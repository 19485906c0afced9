#include "core/evaluate/set_checks.h"

#include <bit>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

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
