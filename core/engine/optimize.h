// One job, from spec to report: the one place that knows the order of the steps.

#ifndef OCTAVO_CORE_ENGINE_OPTIMIZE_H_
#define OCTAVO_CORE_ENGINE_OPTIMIZE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/engine/engine_identity.h"
#include "core/engine/engine_progress.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// Makes, measures and judges every variant, and writes NAME.tflite for each, report.json and
// report.html. A variant that fails is FAILED in the report and the others go on; an error is what
// concerns them all.
//
// The artifacts depend on the model, the data, the spec, the engine's build and the processor's
// class: not on `num_threads`. `memory_limit_bytes` is that of this process, 0: none; data sets
// that would take more than half of it are refused (Prepare).
absl::StatusOr<engine::v1::EngineResult> Optimize(const engine::v1::OptimizeWork& work,
                                                  const EngineIdentity& identity,
                                                  int64_t memory_limit_bytes,
                                                  EngineProgress& progress);

// Checks what Optimize would check before it begins, but for what needs every value of the
// evaluation set, which may be large: whether they are finite and whether the sets share examples.
// The report holds the settled spec, the data
// sets as used and the variants; those that will be skipped say why.
absl::StatusOr<engine::v1::EngineResult> Validate(const engine::v1::ValidateWork& work,
                                                  const EngineIdentity& identity,
                                                  int64_t memory_limit_bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_OPTIMIZE_H_
