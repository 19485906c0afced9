// Runs a model by own kernels alone, one operator after the other, without an executor.

#ifndef OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_MODEL_RUN_H_
#define OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_MODEL_RUN_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/model.h"

namespace octavo {

class ModelRun {
 public:
  // `model` must outlive the result.
  static absl::StatusOr<ModelRun> Create(const Model& model);

  // The bytes of the outputs.
  std::vector<std::vector<uint8_t>> Run(std::span<const std::vector<uint8_t>> inputs);

 private:
  explicit ModelRun(const Model& model) : model_(&model) {}
  TensorView View(TensorIndex index) const;

  const Model* model_;
  std::vector<std::vector<uint8_t>> values_;  // of each tensor that is no constant
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_MODEL_RUN_H_
