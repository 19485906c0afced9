#include "core/runtime/executor.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/runtime/constant_widening.h"
#include "core/runtime/dynamic_kernel.h"
#include "core/runtime/memory_plan.h"
#include "core/runtime/reference/kernel.h"
#include "core/runtime/tensor_buffer.h"
#include "core/runtime/xnnpack_builder.h"
#include "core/runtime/xnnpack_operators.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// Which operator it is: by its output, for numbers change when a graph is folded.
absl::Status WithOutput(const absl::Status& status, const Model& model,
                        const schema::OperatorT& op) {
  const TensorIndex output = OutputOf(op, 0);
  return output == kNoTensor ? status
                             : WithMetadata(status, "tensor", ShortName(model.TensorName(output)));
}

absl::Status Unsupported(const Model& model, const schema::OperatorT& op, absl::string_view why) {
  const std::string name = model.OperatorName(op);
  return WithOutput(
      WithReason(absl::FailedPreconditionError(absl::StrCat("operator ", name, ": ", why)),
                 "OP_UNSUPPORTED", {{"operator", name}}),
      model, op);
}

// Who runs an operator: a node of an XNNPACK subgraph, or a kernel.
struct Assignment {
  std::unique_ptr<Kernel> kernel;
  bool is_own_kernel = true;  // or one by XNNPACK's operators
  std::optional<XnnpackNode> node;
};

// Operators one after another: one XNNPACK subgraph, or one kernel.
struct Part {
  int first_operator = 0;
  int end_operator = 0;
  std::optional<XnnpackPart> xnnpack = {};
  std::unique_ptr<Kernel> kernel = {};
  bool is_own_kernel = true;
  std::vector<TensorView> kernel_inputs = {};
  std::vector<uint8_t*> kernel_outputs = {};
};

// Where a tensor's value comes from. A tensor that XNNPACK keeps to itself has no memory of ours.
struct Source {
  bool is_input = false;
  int producer = -1;      // the operator
  bool is_state = false;  // of an operator: zeros, which it knows of; there is no memory
  uint8_t* data = nullptr;
};

int64_t BytesOf(const schema::TensorT& tensor) {
  return TensorBytes(tensor.type, tensor.shape).value_or(-1);
}

// Empty constants have no bytes to be known by.
bool HasConstantValue(const Model& model, TensorIndex tensor) {
  return model.IsConstant(tensor) || BytesOf(model.tensor(tensor)) == 0;
}

class ExecutorBuilder {
 public:
  ExecutorBuilder(const Model& model, const ExecutorOptions& options)
      : model_(model), options_(options), sources_(model.graph().tensors.size()) {}

  // Each tensor has one source, and has it before it is read.
  absl::Status FindSources();
  absl::Status AssignOperators();
  // XNNPACK may refuse a subgraph yet; its operators then go to our kernels.
  absl::Status MakeParts();
  absl::StatusOr<TensorBuffer> PlaceTensors();
  absl::Status BindParts();
  std::string DescribeRuntime() const;

  std::vector<Source>& sources() { return sources_; }
  std::vector<Part>& parts() { return parts_; }

 private:
  const schema::OperatorT& op(int index) const { return *model_.graph().operators[index]; }
  int num_operators() const { return static_cast<int>(model_.graph().operators.size()); }
  Source& source(TensorIndex tensor) { return sources_[static_cast<int32_t>(tensor)]; }
  bool IsActivation(TensorIndex tensor) {
    return source(tensor).is_input || source(tensor).producer >= 0;
  }

  absl::Status AddSource(TensorIndex tensor, const Source& from);
  absl::Status NeedSource(TensorIndex tensor, absl::string_view who);
  // Variable tensors that one operator alone reads, and nobody gives a value.
  absl::Status TakeState(TensorIndex tensor);
  absl::Status AssignKernel(int index);
  absl::StatusOr<XnnpackPart> MakeXnnpackPart(int first, int end);
  // The last operator that reads a tensor; num_operators() for the model's outputs; -1 for what
  // nobody reads.
  std::vector<int> FindLastReaders() const;

  const Model& model_;
  const ExecutorOptions options_;
  std::vector<Source> sources_;
  std::vector<int> last_readers_;  // by tensor
  std::vector<Assignment> assignments_;
  std::vector<Part> parts_;
};

absl::Status ExecutorBuilder::AddSource(TensorIndex tensor, const Source& from) {
  if (IsActivation(tensor) || model_.IsConstant(tensor) || source(tensor).is_state) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", model_.TensorName(tensor), "' has two values"));
  }
  if (BytesOf(model_.tensor(tensor)) < 0) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "tensor '", model_.TensorName(tensor), "': no fixed size for ",
            TypeName(model_.tensor(tensor).type), " ", ShapeText(model_.tensor(tensor).shape))),
        "OP_UNSUPPORTED", {{"tensor", std::string(model_.TensorName(tensor))}});
  }
  source(tensor) = from;
  return absl::OkStatus();
}

absl::Status ExecutorBuilder::NeedSource(TensorIndex tensor, absl::string_view who) {
  if (IsActivation(tensor) || HasConstantValue(model_, tensor)) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(who, " needs tensor '", model_.TensorName(tensor),
                                                 "', which has no value there")),
      "OP_UNSUPPORTED", {{"tensor", std::string(model_.TensorName(tensor))}});
}

absl::Status ExecutorBuilder::TakeState(TensorIndex tensor) {
  const bool is_free = model_.tensor(tensor).is_variable && !IsActivation(tensor) &&
                       !model_.IsConstant(tensor) && !source(tensor).is_state;
  if (!is_free) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("tensor '", model_.TensorName(tensor),
                                                   "' is no state of one operator alone")),
        "OP_UNSUPPORTED", {{"tensor", std::string(model_.TensorName(tensor))}});
  }
  source(tensor).is_state = true;
  return absl::OkStatus();
}

absl::Status ExecutorBuilder::FindSources() {
  for (int32_t input : model_.graph().inputs) {
    if (source(TensorIndex{input}).is_input) continue;
    RETURN_IF_ERROR(AddSource(TensorIndex{input}, {.is_input = true}));
  }
  for (int index = 0; index < num_operators(); ++index) {
    const OperatorRow* row = FindOperator(model_.OperatorType(op(index)));
    for (int position = 0; position < std::ssize(op(index).inputs); ++position) {
      const TensorIndex input = InputOf(op(index), position);
      if (input == kNoTensor) continue;
      const bool is_state = row != nullptr && row->IsState(position);
      RETURN_IF_ERROR(
          is_state ? TakeState(input)
                   : NeedSource(input, absl::StrCat("operator ", model_.OperatorName(op(index)))));
    }
    for (int32_t output : op(index).outputs) {
      if (output < 0) continue;
      RETURN_IF_ERROR(AddSource(TensorIndex{output}, {.producer = index}));
    }
  }
  for (int32_t output : model_.graph().outputs) {
    RETURN_IF_ERROR(NeedSource(TensorIndex{output}, "an output"));
  }
  last_readers_ = FindLastReaders();
  return absl::OkStatus();
}

absl::Status ExecutorBuilder::AssignKernel(int index) {
  absl::StatusOr<std::unique_ptr<Kernel>> kernel = NewKernel(model_, op(index));
  if (!kernel.ok()) return WithOutput(kernel.status(), model_, op(index));
  assignments_[index].kernel = *std::move(kernel);
  assignments_[index].node.reset();
  return absl::OkStatus();
}

absl::Status ExecutorBuilder::AssignOperators() {
  assignments_.resize(num_operators());
  for (int index = 0; index < num_operators(); ++index) {
    std::optional<XnnpackNode> node;
    if (options_.backend == Backend::kXnnpack) {
      absl::StatusOr<std::unique_ptr<Kernel>> kernel = NewDynamicKernel(model_, op(index));
      if (!kernel.ok()) return WithOutput(kernel.status(), model_, op(index));
      assignments_[index].kernel = *std::move(kernel);
      assignments_[index].is_own_kernel = assignments_[index].kernel == nullptr;
      if (!assignments_[index].is_own_kernel) continue;
      node = PlanXnnpackNode(model_, op(index));
    }
    if (node && node->as_litert) {
      assignments_[index].node = std::move(node);
      continue;
    }
    const absl::Status status = AssignKernel(index);
    if (status.ok()) continue;
    if (!node) return status;
    assignments_[index].node = std::move(node);
  }
  return absl::OkStatus();
}

std::vector<int> ExecutorBuilder::FindLastReaders() const {
  std::vector<int> last(sources_.size(), -1);
  for (int index = 0; index < num_operators(); ++index) {
    for (int32_t input : op(index).inputs) {
      if (input >= 0) last[input] = index;
    }
  }
  for (int32_t output : model_.graph().outputs) last[output] = num_operators();
  return last;
}

absl::StatusOr<XnnpackPart> ExecutorBuilder::MakeXnnpackPart(int first, int end) {
  std::vector<TensorIndex> inputs;
  std::vector<TensorIndex> outputs;
  std::vector<DefineNode> nodes;
  for (int index = first; index < end; ++index) {
    nodes.push_back(assignments_[index].node->define);
    for (int32_t input : op(index).inputs) {
      if (input < 0 || !IsActivation(TensorIndex{input})) continue;
      const bool from_outside = sources_[input].producer < first;
      if (from_outside && std::ranges::find(inputs, TensorIndex{input}) == inputs.end()) {
        inputs.push_back(TensorIndex{input});
      }
    }
    for (int32_t output : op(index).outputs) {
      if (output < 0) continue;
      // What nobody reads is kept too: XNNPACK has no values without a place.
      const int last = last_readers_[output];
      if (options_.tap_activations || last >= end || last < 0) {
        outputs.push_back(TensorIndex{output});
      }
    }
  }
  return XnnpackPart::Create(model_, nodes, std::move(inputs), std::move(outputs));
}

absl::Status ExecutorBuilder::MakeParts() {
  for (int first = 0; first < num_operators();) {
    int end = first;
    while (end < num_operators() && assignments_[end].node) ++end;
    if (end > first) {
      absl::StatusOr<XnnpackPart> xnnpack = MakeXnnpackPart(first, end);
      if (xnnpack.ok()) {
        parts_.push_back({.first_operator = first, .end_operator = end});
        parts_.back().xnnpack = *std::move(xnnpack);
        first = end;
        continue;
      }
      if (!absl::IsUnimplemented(xnnpack.status())) return xnnpack.status();
      for (int index = first; index < end; ++index) {
        const absl::Status status = AssignKernel(index);
        if (!status.ok()) {
          return Unsupported(model_, op(index),
                             absl::StrCat(xnnpack.status().message(), "; ", status.message()));
        }
      }
    }
    Part part{.first_operator = first, .end_operator = first + 1};
    part.kernel = std::move(assignments_[first].kernel);
    part.is_own_kernel = assignments_[first].is_own_kernel;
    parts_.push_back(std::move(part));
    ++first;
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorBuffer> ExecutorBuilder::PlaceTensors() {
  // Steps are operators; a part is alive from its first operator to its last.
  std::vector<int> part_first(num_operators() + 1, num_operators());
  std::vector<int> part_last(num_operators() + 1, num_operators());
  std::vector<bool> is_stored(sources_.size(), options_.tap_activations);
  for (const Part& part : parts_) {
    for (int index = part.first_operator; index < part.end_operator; ++index) {
      part_first[index] = part.first_operator;
      part_last[index] = part.end_operator - 1;
    }
    if (part.xnnpack) {
      for (TensorIndex tensor : part.xnnpack->outputs()) {
        is_stored[static_cast<int32_t>(tensor)] = true;
      }
      continue;
    }
    for (int32_t output : op(part.first_operator).outputs) {
      if (output >= 0) is_stored[output] = true;
    }
  }
  for (int32_t input : model_.graph().inputs) is_stored[input] = true;

  std::vector<size_t> tensors;
  std::vector<Lifetime> lifetimes;
  for (size_t tensor = 0; tensor < sources_.size(); ++tensor) {
    if (!is_stored[tensor] || !IsActivation(TensorIndex{static_cast<int32_t>(tensor)})) continue;
    const int producer = sources_[tensor].producer;
    const int reader = last_readers_[tensor];
    Lifetime life;
    life.first = producer < 0 ? -1 : part_first[producer];
    life.last = producer < 0 ? -1 : part_last[producer];
    if (reader >= 0) life.last = std::max(life.last, part_last[reader]);
    if (options_.tap_activations) life.last = num_operators();
    life.size_bytes = static_cast<size_t>(BytesOf(*model_.graph().tensors[tensor]));
    tensors.push_back(tensor);
    lifetimes.push_back(life);
  }
  const MemoryPlan plan = PlanMemory(lifetimes);
  ASSIGN_OR_RETURN(TensorBuffer buffer, TensorBuffer::Allocate(plan.size_bytes));
  for (size_t index = 0; index < tensors.size(); ++index) {
    sources_[tensors[index]].data = buffer.data() + plan.offsets[index];
  }
  return buffer;
}

absl::Status ExecutorBuilder::BindParts() {
  for (Part& part : parts_) {
    if (part.xnnpack) {
      RETURN_IF_ERROR(part.xnnpack->Bind([&](TensorIndex tensor) { return source(tensor).data; }));
      continue;
    }
    for (int32_t input : op(part.first_operator).inputs) {
      TensorView view;
      if (input >= 0) {
        const schema::TensorT& tensor = model_.tensor(TensorIndex{input});
        view.type = tensor.type;
        view.shape = tensor.shape;
        view.bytes = IsActivation(TensorIndex{input})
                         ? std::span<const uint8_t>(sources_[input].data, BytesOf(tensor))
                         : model_.ConstantBytes(TensorIndex{input});
      }
      part.kernel_inputs.push_back(view);
    }
    for (int32_t output : op(part.first_operator).outputs) {
      part.kernel_outputs.push_back(output >= 0 ? sources_[output].data : nullptr);
    }
  }
  return absl::OkStatus();
}

std::string ExecutorBuilder::DescribeRuntime() const {
  std::vector<std::string> own;
  bool has_xnnpack = false;
  for (const Part& part : parts_) {
    if (part.xnnpack || !part.is_own_kernel) {
      has_xnnpack = true;
      continue;
    }
    const std::string name = model_.OperatorName(op(part.first_operator));
    if (std::ranges::find(own, name) == own.end()) own.push_back(name);
  }
  if (!has_xnnpack) return "own kernels";
  if (own.empty()) return "XNNPACK";
  return absl::StrCat("XNNPACK + own kernels (", absl::StrJoin(own, ", "), ")");
}

}  // namespace

struct Executor::State {
  Model model;
  bool taps = false;
  std::string runtime;
  TensorBuffer buffer;
  std::vector<Source> sources;
  std::vector<Part> parts;

  TensorView ViewOf(TensorIndex index) const {
    const schema::TensorT& tensor = model.tensor(index);
    const uint8_t* data = sources[static_cast<int32_t>(index)].data;
    if (data == nullptr) return {tensor.type, tensor.shape, model.ConstantBytes(index)};
    return {tensor.type, tensor.shape, {data, static_cast<size_t>(BytesOf(tensor))}};
  }

  // Constants that only XNNPACK has read are in its own layout by now.
  void DropPackedConstants();
  absl::Status TakeInputs(std::span<const TensorView> inputs);
};

void Executor::State::DropPackedConstants() {
  std::vector<bool> is_used(model.buffers.size(), false);
  const auto use = [&](int32_t tensor) {
    if (tensor >= 0) is_used[model.tensor(TensorIndex{tensor}).buffer] = true;
  };
  for (const Part& part : parts) {
    if (part.xnnpack) continue;
    for (int32_t input : model.graph().operators[part.first_operator]->inputs) use(input);
  }
  for (int32_t output : model.graph().outputs) use(output);
  for (size_t buffer = 0; buffer < model.buffers.size(); ++buffer) {
    if (!is_used[buffer]) model.buffers[buffer] = SharedBytes();
  }
}

absl::Status Executor::State::TakeInputs(std::span<const TensorView> inputs) {
  const std::vector<int32_t>& places = model.graph().inputs;
  if (inputs.size() != places.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(inputs.size(), " inputs, the model has ", places.size()));
  }
  for (size_t position = 0; position < places.size(); ++position) {
    const TensorIndex index{places[position]};
    const schema::TensorT& tensor = model.tensor(index);
    const TensorView& input = inputs[position];
    const bool fits = input.type == tensor.type && std::ranges::equal(input.shape, tensor.shape) &&
                      static_cast<int64_t>(input.bytes.size()) == BytesOf(tensor);
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("input '", model.TensorName(index), "' is ", TypeName(tensor.type), " ",
                       ShapeText(tensor.shape), ", given are ", TypeName(input.type), " ",
                       ShapeText(input.shape), " in ", input.bytes.size(), " bytes"));
    }
    if (!input.bytes.empty()) {
      std::memcpy(sources[places[position]].data, input.bytes.data(), input.bytes.size());
    }
  }
  return absl::OkStatus();
}

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

absl::Status InitializeRuntime() { return InitializeXnnpack(); }

absl::Status CheckRunnable(const Model& model) {
  ExecutorBuilder builder(model, {});
  RETURN_IF_ERROR(builder.FindSources());
  return builder.AssignOperators();
}

absl::StatusOr<Executor> Executor::Create(const Model& model, const ExecutorOptions& options) {
  auto state = std::make_unique<State>();
  state->model = model;
  state->taps = options.tap_activations;
  WidenConstants(state->model);

  ExecutorBuilder builder(state->model, options);
  RETURN_IF_ERROR(builder.FindSources());
  RETURN_IF_ERROR(builder.AssignOperators());
  RETURN_IF_ERROR(builder.MakeParts());
  ASSIGN_OR_RETURN(state->buffer, builder.PlaceTensors());
  RETURN_IF_ERROR(builder.BindParts());
  state->runtime = builder.DescribeRuntime();
  state->sources = std::move(builder.sources());
  state->parts = std::move(builder.parts());
  state->DropPackedConstants();
  return Executor(std::move(state));
}

absl::Status Executor::Run(std::span<const TensorView> inputs) {
  RETURN_IF_ERROR(state_->TakeInputs(inputs));
  for (Part& part : state_->parts) {
    if (part.xnnpack) {
      RETURN_IF_ERROR(part.xnnpack->Run());
    } else {
      part.kernel->Run(part.kernel_inputs, part.kernel_outputs);
    }
  }
  return absl::OkStatus();
}

absl::Status Executor::Run(std::span<const TensorView> inputs, Tap tap) {
  if (!state_->taps) {
    return absl::FailedPreconditionError("the executor was made without tap_activations");
  }
  RETURN_IF_ERROR(Run(inputs));
  for (size_t tensor = 0; tensor < state_->sources.size(); ++tensor) {
    const TensorIndex index{static_cast<int32_t>(tensor)};
    if (state_->sources[tensor].data == nullptr) continue;
    RETURN_IF_ERROR(tap(index, state_->ViewOf(index)));
  }
  return absl::OkStatus();
}

TensorView Executor::Output(int position) const {
  return state_->ViewOf(TensorIndex{state_->model.graph().outputs[position]});
}

int Executor::num_outputs() const { return static_cast<int>(state_->model.graph().outputs.size()); }

const std::string& Executor::runtime() const { return state_->runtime; }

}  // namespace octavo
