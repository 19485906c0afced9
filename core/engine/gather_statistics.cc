#include "core/engine/gather_statistics.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/calibrate/kept_statistics.h"
#include "core/data/dataset_part.h"
#include "core/engine/statistics_cache.h"

namespace octavo {
namespace {

// Of all that statistics depend on, as this engine found it.
std::string KeyOf(const Prepared& prepared, const EngineIdentity& identity, Gathering gathering) {
  v1::Report depends_on;
  depends_on.set_engine_build(identity.build);
  depends_on.set_cpu_class(identity.cpu_class);
  depends_on.mutable_model()->set_digest(prepared.model_info.digest());
  *depends_on.mutable_calibration() = prepared.calibration->used;
  depends_on.mutable_calibration()->clear_name();
  *depends_on.mutable_spec()->mutable_preprocess() = prepared.spec.preprocess();
  return Sha256Hex(absl::StrCat(static_cast<int>(gathering), "\n", depends_on.SerializeAsString()));
}

absl::StatusOr<CalibrationStatistics> CalibrateOn(const Prepared& prepared, const Dataset& dataset,
                                                  bool histograms, CalibrationStatistics so_far) {
  return Calibrate(prepared.fixed, dataset,
                   {.max_examples = dataset.size(),
                    .num_threads = prepared.spec.num_threads(),
                    .histograms = histograms,
                    .progress = {}},
                   std::move(so_far));
}

}  // namespace

absl::StatusOr<Calibrated> GatherStatistics(const Prepared& prepared,
                                            const engine::v1::OptimizeWork& work,
                                            const EngineIdentity& identity,
                                            EngineProgress& progress) {
  const Gathering gathering = GatheringFor(prepared.spec.observer());
  const std::string key = KeyOf(prepared, identity, gathering);
  if (auto kept = ReadStatistics(work.statistics(), key, prepared.fixed); kept.has_value()) {
    return Calibrated{.statistics = *std::move(kept), .cached = true};
  }
  const Dataset& all = *prepared.calibration->dataset;
  const DatasetPart most(all, HoldBackAFifth(all.size()).used);
  const bool is_of_most = gathering == Gathering::kHistogramsOfMost;
  ASSIGN_OR_RETURN(CalibrationStatistics statistics,
                   CalibrateOn(prepared, is_of_most ? static_cast<const Dataset&>(most) : all,
                               /*histograms=*/gathering != Gathering::kRanges, /*so_far=*/{}));
  if (work.send_statistics()) progress.SendStatistics(WriteStatistics(statistics, key));
  return Calibrated{.statistics = std::move(statistics), .cached = false};
}

absl::StatusOr<CalibrationStatistics> AddHeldBack(const Prepared& prepared,
                                                  CalibrationStatistics statistics) {
  const Dataset& all = *prepared.calibration->dataset;
  const DatasetPart rest(all, HoldBackAFifth(all.size()).held_back);
  return CalibrateOn(prepared, rest, /*histograms=*/true, std::move(statistics));
}

}  // namespace octavo
