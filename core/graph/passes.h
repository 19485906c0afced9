// The rewrites that make a clean float model of what was imported.

#ifndef OCTAVO_CORE_GRAPH_PASSES_H_
#define OCTAVO_CORE_GRAPH_PASSES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// Every pass, in order: scales of float tensors taken off, float16 constants behind DEQUANTIZE
// widened to float32 (the scheme decides again), dead operators, tensors, buffers and operator
// codes removed. A dynamic batch stays dynamic. Idempotent.
absl::StatusOr<Model> FoldGraph(const Model& model);

// Leaves out tensors, buffers and operator codes that nothing uses, and all empty buffers but the
// first. Inputs, outputs, signatures and metadata stay.
Model RemoveUnused(const Model& model);

// FAILED_PRECONDITION (OP_UNSUPPORTED, metadata "operator", "index", "tensor"): names every
// operator that the operator table does not have, custom operators and sparse tensors, all at once.
absl::Status CheckSupported(const Model& model);

// The same of operators that are carried and not run (operator_table.h), in a model that
// CheckSupported passes.
absl::Status CheckNothingIsCarried(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_PASSES_H_
