#include "core/graph/fix_shapes.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/constant_folding.h"
#include "core/graph/passes.h"
#include "core/graph/shape_inference.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// A small file may describe large activations.
constexpr int64_t kMaxActivationBytes = int64_t{8} << 30;

absl::Status Malformed(absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "MODEL_MALFORMED");
}

// Whether axis 0 of an input is the batch: it is open, or, where no input has an open one, as long
// as the first input's.
bool IsBatched(const schema::TensorT& input, const schema::TensorT& first, bool any_open) {
  if (input.shape.empty()) return false;
  if (any_open) return !input.shape_signature.empty() && input.shape_signature[0] == -1;
  return !first.shape.empty() && input.shape[0] == first.shape[0];
}

// Whether the first axis of an input is steps, which no batch may replace.
bool HasStepsFirst(const Model& model, int32_t input) {
  return std::ranges::any_of(model.graph().operators, [&](const auto& op) {
    const auto* lstm = op->builtin_options.AsUnidirectionalSequenceLSTMOptions();
    const auto* rnn = op->builtin_options.AsSequenceRNNOptions();
    const bool is_time_major =
        (lstm != nullptr && lstm->time_major) || (rnn != nullptr && rnn->time_major);
    return is_time_major && !op->inputs.empty() && op->inputs[0] == input;
  });
}

// The format asks for states of fixed shapes: their batch is `before`, which the file was made of.
void SetStateBatches(Model& model, int32_t before, int32_t batch) {
  const std::vector<int32_t>& inputs = model.graph().inputs;
  for (const auto& op : model.graph().operators) {
    const OperatorRow* row = FindOperator(model.OperatorType(*op));
    for (int position = 0; row != nullptr && position < std::ssize(op->inputs); ++position) {
      if (!row->IsState(position)) continue;
      const TensorIndex index = InputOf(*op, position);
      if (index == kNoTensor || model.IsConstant(index)) continue;
      if (std::ranges::find(inputs, static_cast<int32_t>(index)) != inputs.end()) continue;
      Shape& shape = model.tensor(index).shape;
      if (!shape.empty() && shape[0] == before) shape[0] = batch;
    }
  }
}

absl::Status SetInputBatches(Model& model, int32_t batch) {
  const std::vector<int32_t>& inputs = model.graph().inputs;
  bool any_open = false;
  for (const int32_t index : inputs) {
    const schema::TensorT& input = model.tensor(TensorIndex{index});
    for (size_t axis = 1; axis < input.shape_signature.size(); ++axis) {
      if (input.shape_signature[axis] >= 0) continue;
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "input '", ShortName(input.name), "' leaves more than its batch open: ",
                            ShapeText(input.shape_signature))),
                        "OP_UNSUPPORTED", {{"tensor", input.name}});
    }
    any_open |= !input.shape_signature.empty() && input.shape_signature[0] == -1;
  }
  const schema::TensorT first =
      inputs.empty() ? schema::TensorT() : model.tensor(TensorIndex{inputs[0]});
  const auto batched = std::ranges::find_if(inputs, [&](int32_t index) {
    return IsBatched(model.tensor(TensorIndex{index}), first, any_open);
  });
  if (batched != inputs.end()) {
    SetStateBatches(model, model.tensor(TensorIndex{*batched}).shape[0], batch);
  }
  for (const int32_t index : inputs) {
    schema::TensorT& input = model.tensor(TensorIndex{index});
    if (IsBatched(input, first, any_open)) {
      const bool changes = any_open || input.shape[0] != batch;
      if (changes && HasStepsFirst(model, index)) {
        return WithReason(
            absl::FailedPreconditionError(
                absl::StrCat("input '", ShortName(input.name), "' has its steps before its batch")),
            "OP_UNSUPPORTED", {{"tensor", input.name}});
      }
      input.shape[0] = batch;
    }
    input.shape_signature.clear();
    const std::optional<int64_t> size_bytes = TensorBytes(input.type, input.shape);
    const char* problem = !size_bytes                         ? "has no size that is known"
                          : *size_bytes < 1                   ? "is empty"
                          : *size_bytes > kMaxActivationBytes ? "is too large for memory"
                                                              : nullptr;
    if (problem != nullptr) {
      return Malformed(absl::StrCat("input '", ShortName(input.name), "' ", problem, ": ",
                                    TypeName(input.type), ShapeText(input.shape)));
    }
  }
  return absl::OkStatus();
}

// Takes operators in order; what can be computed becomes a constant, the others stay.
class Fixer {
 public:
  explicit Fixer(Model& model) : model_(model), is_graph_output_(model.graph().tensors.size()) {
    for (const int32_t output : model.graph().outputs) is_graph_output_[output] = true;
    folded_budget_ = FoldingBudgetBytes(model);
  }

  // Whether `op` stays.
  absl::StatusOr<bool> Take(const schema::OperatorT& op) {
    ASSIGN_OR_RETURN(const Shapes shapes, InferShapes(model_, op));
    for (size_t i = 0; i < shapes.size(); ++i) {
      schema::TensorT& output = model_.tensor(TensorIndex{op.outputs[i]});
      output.shape = shapes[i];
      output.shape_signature.clear();
    }
    if (!is_graph_output_[op.outputs[0]]) {
      ASSIGN_OR_RETURN(const bool is_folded, Fold(op, shapes[0]), OperatorText(model_, op));
      if (is_folded) return false;
    }
    for (size_t i = 0; i < shapes.size(); ++i)
      RETURN_IF_ERROR(CheckActivation(op, static_cast<int>(i)));
    return true;
  }

 private:
  absl::StatusOr<bool> Fold(const schema::OperatorT& op, const Shape& shape) {
    schema::TensorT& output = model_.tensor(TensorIndex{op.outputs[0]});
    const int64_t size_bytes = TensorBytes(output.type, shape).value_or(0);
    if (size_bytes > folded_budget_) return false;
    ASSIGN_OR_RETURN(std::optional<SharedBytes> bytes, FoldOperator(model_, op, shape));
    if (!bytes) return false;
    folded_budget_ -= size_bytes;
    output.buffer = bytes->empty() ? 0 : model_.AddBuffer(*std::move(bytes));
    return true;
  }

  absl::Status CheckActivation(const schema::OperatorT& op, int position) {
    const schema::TensorT& output = model_.tensor(OutputOf(op, position));
    const int64_t size_bytes = TensorBytes(output.type, output.shape).value_or(0);
    activation_bytes_ += size_bytes;
    if (size_bytes > 0 && activation_bytes_ <= kMaxActivationBytes) return absl::OkStatus();
    return Malformed(absl::StrCat(
        OperatorText(model_, op), ": the output '", ShortName(output.name), "' is ",
        size_bytes == 0 ? "empty: " : "one too many for memory: ", ShapeText(output.shape)));
  }

  Model& model_;
  std::vector<bool> is_graph_output_;
  int64_t folded_budget_ = 0;
  int64_t activation_bytes_ = 0;
};

}  // namespace

absl::StatusOr<Model> FixShapes(const Model& model, int32_t batch) {
  if (batch < 1 || batch > kMaxBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("a batch of ", batch, " is not between 1 and ", kMaxBatch));
  }
  RETURN_IF_ERROR(CheckSupported(model));
  RETURN_IF_ERROR(CheckNothingIsCarried(model));
  Model fixed = model;
  RETURN_IF_ERROR(SetInputBatches(fixed, batch));
  Fixer fixer(fixed);
  std::vector<std::unique_ptr<schema::OperatorT>> operators = std::move(fixed.graph().operators);
  for (auto& op : operators) {
    ASSIGN_OR_RETURN(const bool stays, fixer.Take(*op));
    if (!stays) op = nullptr;
  }
  std::erase(operators, nullptr);
  fixed.graph().operators = std::move(operators);
  return fixed;
}

}  // namespace octavo
