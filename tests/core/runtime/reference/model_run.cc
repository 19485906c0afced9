#include "tests/core/runtime/reference/model_run.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"

namespace octavo {

absl::StatusOr<ModelRun> ModelRun::Create(const Model& model) {
  ModelRun run(model);
  for (const auto& tensor : model.graph().tensors) {
    const auto bytes = TensorBytes(tensor->type, tensor->shape);
    if (!bytes.has_value()) return absl::InvalidArgumentError("a tensor without a size");
    run.values_.emplace_back(*bytes);
  }
  for (const auto& op : model.graph().operators) {
    ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, NewKernel(model, *op));
    run.kernels_.push_back(std::move(kernel));
  }
  return run;
}

TensorView ModelRun::View(TensorIndex index) const {
  if (index == kNoTensor) return {};
  const schema::TensorT& tensor = model_->tensor(index);
  const std::span<const uint8_t> constant = model_->ConstantBytes(index);
  const std::span<const uint8_t> bytes =
      constant.empty() ? std::span<const uint8_t>(values_[static_cast<int32_t>(index)]) : constant;
  return {tensor.type, tensor.shape, bytes};
}

std::vector<std::vector<uint8_t>> ModelRun::Run(std::span<const std::vector<uint8_t>> inputs) {
  const schema::SubGraphT& graph = model_->graph();
  for (size_t i = 0; i < graph.inputs.size(); ++i) values_[graph.inputs[i]] = inputs[i];
  for (size_t i = 0; i < kernels_.size(); ++i) {
    const schema::OperatorT& op = *graph.operators[i];
    std::vector<TensorView> views;
    std::vector<uint8_t*> outputs;
    for (const int32_t index : op.inputs) views.push_back(View(TensorIndex{index}));
    for (const int32_t index : op.outputs) outputs.push_back(values_[index].data());
    kernels_[i]->Run(views, outputs);
  }
  std::vector<std::vector<uint8_t>> results;
  for (const int32_t index : graph.outputs) {
    const TensorView view = View(TensorIndex{index});
    results.emplace_back(view.bytes.begin(), view.bytes.end());
  }
  return results;
}

}  // namespace octavo
