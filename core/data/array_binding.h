// Which arrays of a data set are which input of a model, settled by names and shapes alone.

#ifndef OCTAVO_CORE_DATA_ARRAY_BINDING_H_
#define OCTAVO_CORE_DATA_ARRAY_BINDING_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/npz_dataset.h"
#include "core/data/preprocess.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct BoundInput {
  InputSpec input;
  std::vector<std::string> arrays;
  PreprocessPlan plan;
};

struct Binding {
  std::vector<BoundInput> inputs;  // in the model's order
  std::string labels;              // empty: none
  std::vector<std::string> targets;
  std::string sequences;  // empty: none
  int64_t examples = 0;
  int64_t all_examples = 0;  // before `max_examples`
};

// As BindArrays (npz_dataset.h), with the plans.
absl::StatusOr<Binding> SettleBinding(const v1::DatasetInfo& info,
                                      std::span<const InputSpec> inputs, const v1::DatasetUse& use,
                                      std::span<const v1::Preprocess* const> preprocess);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ARRAY_BINDING_H_
