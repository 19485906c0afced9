#include "core/evaluate/set_checks.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

absl::StatusOr<std::vector<std::string>> Digests(const Dataset& dataset, int num_threads) {
  std::vector<std::string> digests(static_cast<size_t>(dataset.size()));
  RETURN_IF_ERROR(ParallelFor(num_threads, dataset.size(), [&](int64_t index) -> absl::Status {
    ASSIGN_OR_RETURN(digests[index], dataset.ExampleDigest(index), "example ", index);
    return absl::OkStatus();
  }));
  return digests;
}

}  // namespace

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
