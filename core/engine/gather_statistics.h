// Calibration of a job: what the activations did, measured once or taken over from an earlier run.

#ifndef OCTAVO_CORE_ENGINE_GATHER_STATISTICS_H_
#define OCTAVO_CORE_ENGINE_GATHER_STATISTICS_H_

#include "absl/status/statusor.h"
#include "core/calibrate/calibrate.h"
#include "core/engine/engine_identity.h"
#include "core/engine/engine_progress.h"
#include "core/engine/prepare.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

struct Calibrated {
  CalibrationStatistics statistics;
  bool cached = false;
};

// What the observer of `prepared` needs; it has a calibration set. Statistics that `work` brings
// are used where they are what would be measured: of the same model, data, preprocessing, engine
// build and class of processor. Those that are measured are sent where `work` asks for them. Errors
// as Calibrate's.
absl::StatusOr<Calibrated> GatherStatistics(const Prepared& prepared,
                                            const engine::v1::OptimizeWork& work,
                                            const EngineIdentity& identity,
                                            EngineProgress& progress);

// What was gathered for `auto`, and of the examples that it holds back. Errors as Calibrate's.
absl::StatusOr<CalibrationStatistics> AddHeldBack(const Prepared& prepared,
                                                  CalibrationStatistics statistics);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_GATHER_STATISTICS_H_
