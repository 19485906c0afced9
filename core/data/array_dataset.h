// Examples made of arrays, whatever file they come from: bound to the inputs of a model, read and
// preprocessed.

#ifndef OCTAVO_CORE_DATA_ARRAY_DATASET_H_
#define OCTAVO_CORE_DATA_ARRAY_DATASET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/array_binding.h"
#include "core/data/array_reader.h"
#include "core/data/dataset.h"
#include "core/data/targets.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct BoundDataset {
  std::unique_ptr<Dataset> dataset;
  // In the order of DatasetUse.targets; they read what `dataset` holds.
  std::vector<std::unique_ptr<Targets>> targets;
  // The first example of each sequence, ascending from 0; empty where no array tells.
  std::vector<int64_t> sequence_starts;
  // Of the whole file; size and digest are the caller's.
  v1::DatasetInfo info;
  // Bindings, labels, targets and number of examples as settled; name and digest are the caller's.
  v1::DatasetUsed used;
  std::vector<v1::Warning> warnings;  // what was done without being asked for
  int64_t unpacked_bytes = 0;         // what it holds in memory
};

// Binds and opens. INVALID_ARGUMENT as SettleBinding's; labels that are negative or no integers are
// named, and lengths of sequences that do not add up to the examples. RESOURCE_EXHAUSTED
// (DATASET_TOO_LARGE) as ArrayFile's.
absl::StatusOr<BoundDataset> BindDataset(std::unique_ptr<ArrayFile> file,
                                         std::span<const InputSpec> inputs,
                                         const v1::DatasetUse& use,
                                         std::span<const v1::Preprocess* const> preprocess);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ARRAY_DATASET_H_
