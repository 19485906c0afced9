// Two models of the same inputs and outputs, one against the other.

#ifndef OCTAVO_CORE_ENGINE_COMPARE_H_
#define OCTAVO_CORE_ENGINE_COMPARE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/engine/engine_progress.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// How far model b is from model a, at the outputs over all examples and tensor by tensor over the
// first of them. Either may be quantized: integers count as the real values that they stand for,
// and the data as what float inputs take. Tensors are the same where their names and sizes are.
//
// INVALID_ARGUMENT: (TENSOR_MISMATCH) naming an input or an output that the two do not both have; a
// data set that does not fit; values that are not finite. RESOURCE_EXHAUSTED (DATASET_TOO_LARGE):
// as Prepare's. Other errors as those of reading and running a model, naming it.
absl::StatusOr<v1::ModelComparison> CompareModels(const engine::v1::CompareWork& work,
                                                  int64_t memory_limit_bytes,
                                                  EngineProgress& progress);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_COMPARE_H_
