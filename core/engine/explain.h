// What a variant's report says of causes: which operators lose what, and how runtimes take it.

#ifndef OCTAVO_CORE_ENGINE_EXPLAIN_H_
#define OCTAVO_CORE_ENGINE_EXPLAIN_H_

#include <vector>

#include "absl/status/status.h"
#include "core/data/dataset.h"
#include "core/evaluate/compare_backends.h"
#include "core/tflite/model.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Fills the errors of `report`'s operators, which are those of `reference`, and what to try against
// the worst of them. Both models have fixed shapes; `variant` is what was made of `reference`.
// Errors as those of CompareTensors.
absl::Status ExplainOperators(const Model& reference, const Model& variant, const Dataset& dataset,
                              int num_threads, v1::VariantReport& report);

// What can be done about each of `report`'s operators that costs much, by its figures alone: the
// twenty worst of them at most.
void AdviseOperators(v1::VariantReport& report);

// How LiteRT's delegate divides the artifact, as it was written.
v1::DelegateEstimate DescribeDelegate(const Model& written);

// The worst first; `model` is what `differences` were found in.
v1::BackendComparison DescribeBackends(const Model& model, const BackendDifferences& differences);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_EXPLAIN_H_
