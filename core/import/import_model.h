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
  // Runs as the source does; float unless that is quantized, but of a uint8 one too
  // (uint8_model.h). Every pass applied (graph/passes.h); its batch as it came.
  Model baseline;
  // What variants are made of: without FAKE_QUANT, the ranges kept (learn_ranges.h).
  Model model;
  bool is_uint8 = false;
};

// Picks the format by the file's content: TFLite (.tflite).
//
// INVALID_ARGUMENT (MODEL_MALFORMED): of no such format, and then it says which are read, or
// broken. FAILED_PRECONDITION (OP_UNSUPPORTED): names every operator that is not read, or the
// one that is not of a uint8 model.
absl::StatusOr<ImportedModel> ImportModel(std::shared_ptr<const std::vector<uint8_t>> file);

}  // namespace octavo

#endif  // OCTAVO_CORE_IMPORT_IMPORT_MODEL_H_
