// From a model file of any format that is read to a clean float model.

#ifndef OCTAVO_CORE_IMPORT_IMPORT_MODEL_H_
#define OCTAVO_CORE_IMPORT_IMPORT_MODEL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

struct ImportedModel {
  // As it came.
  Model source;
  // Every pass applied (graph/passes.h); its batch as it came.
  Model model;
};

// Picks the format by the file's content: TFLite (.tflite).
//
// INVALID_ARGUMENT (MODEL_MALFORMED): of no such format, and then it says which are read, or
// broken. FAILED_PRECONDITION (OP_UNSUPPORTED): names every operator that is not read.
absl::StatusOr<ImportedModel> ImportModel(std::shared_ptr<const std::vector<uint8_t>> file);

}  // namespace octavo

#endif  // OCTAVO_CORE_IMPORT_IMPORT_MODEL_H_
