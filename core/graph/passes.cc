#include "core/graph/passes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/constant_folding.h"
#include "core/graph/graph_view.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

// The FLOAT16 constant that `op` widens; kNoTensor where it does something else.
TensorIndex WidenedConstant(const Model& model, const GraphView& view,
                            const schema::OperatorT& op) {
  if (model.OperatorType(op) != schema::BuiltinOperator_DEQUANTIZE) return kNoTensor;
  const TensorIndex input = InputOf(op, 0);
  // What is carried stays as it is, its constants too.
  const bool is_carried_on =
      std::ranges::any_of(view.ConsumersOf(OutputOf(op, 0)), [&](int consumer) {
        return FindOperator(model.OperatorType(*model.graph().operators[consumer])) == nullptr;
      });
  const bool is_widened = !is_carried_on &&
                          model.tensor(input).type == schema::TensorType_FLOAT16 &&
                          model.tensor(OutputOf(op, 0)).type == schema::TensorType_FLOAT32 &&
                          model.tensor(input).sparsity == nullptr && model.IsConstant(input) &&
                          !view.IsGraphOutput(OutputOf(op, 0));
  return is_widened ? input : kNoTensor;
}

// Several operators may widen one constant: they share the result.
void WidenFloat16Constants(Model& model) {
  const GraphView view(model);
  std::map<uint32_t, uint32_t> widened;  // buffer -> buffer
  auto& operators = model.graph().operators;
  for (auto& op : operators) {
    const TensorIndex input = WidenedConstant(model, view, *op);
    if (input == kNoTensor) continue;
    const auto [entry, is_new] = widened.try_emplace(model.tensor(input).buffer, 0);
    if (is_new) {
      entry->second = model.AddBuffer(WidenFloat16(model.ConstantValues<uint16_t>(input)));
    }
    schema::TensorT& output = model.tensor(OutputOf(*op, 0));
    output.buffer = entry->second;
    output.shape = model.tensor(input).shape;
    output.shape_signature.clear();
    op = nullptr;
  }
  std::erase(operators, nullptr);
}

// An operator without a row may do more than give its outputs.
bool HasEffect(const Model& model, const schema::OperatorT& op) {
  return op.outputs.empty() || FindOperator(model.OperatorType(op)) == nullptr;
}

void RemoveDeadOperators(Model& model) {
  schema::SubGraphT& graph = model.graph();
  std::vector<bool> is_used(graph.tensors.size(), false);
  for (const int32_t tensor : graph.outputs) is_used[tensor] = true;
  for (const auto& signature : model.tables.signature_defs) {
    if (signature->subgraph_index != 0) continue;
    for (const auto& output : signature->outputs) is_used[output->tensor_index] = true;
  }
  for (size_t position = graph.operators.size(); position-- > 0;) {
    auto& op = graph.operators[position];
    const bool is_live = HasEffect(model, *op) ||
                         std::ranges::any_of(op->outputs, [&](int32_t t) { return is_used[t]; });
    if (!is_live) {
      op = nullptr;
      continue;
    }
    for (const int32_t tensor : op->inputs) {
      if (tensor >= 0) is_used[tensor] = true;
    }
  }
  std::erase(graph.operators, nullptr);
}

// Which entries of a vector stay, and where they go.
class Renumbering {
 public:
  explicit Renumbering(size_t size) : places_(size, -1) {}

  void Keep(int32_t index) { places_[index] = 0; }
  bool IsKept(int32_t index) const { return places_[index] >= 0; }
  void Assign() {
    int32_t next = 0;
    for (int32_t& place : places_) {
      if (place >= 0) place = next++;
    }
  }
  // Indices that mean "none" stay as they are.
  template <typename Index>
  void Apply(Index& index) const {
    if (static_cast<int32_t>(index) >= 0) index = static_cast<Index>(places_[index]);
  }
  template <typename T>
  void Filter(std::vector<T>& entries) const {
    size_t next = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (places_[i] < 0) continue;
      if (next != i) entries[next] = std::move(entries[i]);
      ++next;
    }
    entries.resize(next);
  }

 private:
  std::vector<int32_t> places_;
};

// Calls visit(index) for each reference to a tensor of subgraph `number`.
template <typename Visit>
void VisitTensorReferences(schema::ModelT& tables, size_t number, const Visit& visit) {
  schema::SubGraphT& graph = *tables.subgraphs[number];
  for (int32_t& tensor : graph.inputs) visit(tensor);
  for (int32_t& tensor : graph.outputs) visit(tensor);
  for (const auto& op : graph.operators) {
    for (int32_t& tensor : op->inputs) visit(tensor);
    for (int32_t& tensor : op->outputs) visit(tensor);
    for (int32_t& tensor : op->intermediates) visit(tensor);
  }
  for (const auto& signature : tables.signature_defs) {
    if (signature->subgraph_index != number) continue;
    for (const auto& entry : signature->inputs) visit(entry->tensor_index);
    for (const auto& entry : signature->outputs) visit(entry->tensor_index);
  }
}

// Calls visit(index) for the tensors that hold the scales and zero points of `tensor`.
template <typename Visit>
void VisitDetails(schema::TensorT& tensor, const Visit& visit) {
  if (tensor.quantization == nullptr) return;
  if (auto* blockwise = tensor.quantization->details.AsBlockwiseQuantization()) {
    visit(blockwise->scales);
    visit(blockwise->zero_points);
  }
  if (auto* axes = tensor.quantization->details.AsMultiAxisQuantization()) {
    visit(axes->scales);
    visit(axes->zero_points);
  }
}

void RemoveUnusedTensors(schema::ModelT& tables, size_t number) {
  auto& tensors = tables.subgraphs[number]->tensors;
  Renumbering places(tensors.size());
  std::vector<int32_t> used;
  const auto keep = [&](auto& index) {
    const auto place = static_cast<int32_t>(index);
    if (place < 0 || places.IsKept(place)) return;
    places.Keep(place);
    used.push_back(place);
  };
  VisitTensorReferences(tables, number, keep);
  // Nothing says that scales have none of their own. The list grows as it is walked.
  for (size_t i = 0; i < used.size(); ++i) VisitDetails(*tensors[used[i]], keep);
  places.Assign();
  const auto renumber = [&](auto& index) { places.Apply(index); };
  places.Filter(tensors);
  VisitTensorReferences(tables, number, renumber);
  for (const auto& tensor : tensors) VisitDetails(*tensor, renumber);
}

void RemoveUnusedBuffers(Model& model) {
  Renumbering places(model.buffers.size());
  // The first buffer is the one that means "no constant".
  if (!model.buffers.empty()) places.Keep(0);
  const auto visit_all = [&](const auto& visit) {
    for (const auto& graph : model.tables.subgraphs) {
      for (const auto& tensor : graph->tensors) visit(tensor->buffer);
    }
    for (const auto& metadata : model.tables.metadata) visit(metadata->buffer);
    for (int32_t& buffer : model.tables.metadata_buffer) visit(buffer);
  };
  // Converters give each activation an empty one of its own.
  if (!model.buffers.empty() && model.buffers[0].empty()) {
    visit_all([&](auto& buffer) {
      if (static_cast<int32_t>(buffer) > 0 && model.buffers[buffer].empty()) buffer = 0;
    });
  }
  visit_all([&](auto& buffer) { places.Keep(static_cast<int32_t>(buffer)); });
  places.Assign();
  visit_all([&](auto& buffer) { places.Apply(buffer); });
  places.Filter(model.buffers);
  places.Filter(model.tables.buffers);
}

void RemoveUnusedOperatorCodes(schema::ModelT& tables) {
  Renumbering places(tables.operator_codes.size());
  const auto visit_all = [&](const auto& visit) {
    for (const auto& graph : tables.subgraphs) {
      for (const auto& op : graph->operators) visit(op->opcode_index);
    }
  };
  visit_all([&](uint32_t& code) { places.Keep(static_cast<int32_t>(code)); });
  places.Assign();
  visit_all([&](uint32_t& code) { places.Apply(code); });
  places.Filter(tables.operator_codes);
}

// One thing that nothing here runs.
struct Unsupported {
  std::string problem = {};
  std::string hint = {};  // what to do about it
  std::string operator_name = {};
  std::string index = {};
  std::string tensor = {};
};

bool IsCarried(const Model& model, const schema::OperatorT& op) {
  const auto carried = CarriedOperators();
  return std::ranges::find(carried, model.OperatorType(op)) != carried.end();
}

// What is unsupported and what to do about it; empty where nothing is.
Unsupported WhyUnsupported(const Model& model, const schema::OperatorT& op) {
  if (model.OperatorType(op) == schema::BuiltinOperator_CUSTOM) {
    return {.problem = absl::StrCat("custom operator '", ShortName(model.OperatorName(op)), "'"),
            .hint = "export the model with builtin operators only"};
  }
  const OperatorRow* row = FindOperator(model.OperatorType(op));
  if (IsCarried(model, op)) return {};
  if (row == nullptr) {
    return {.problem = absl::StrCat("operator ", model.OperatorName(op)),
            .hint = "express it by other operators, or leave it outside the model"};
  }
  if (model.OperatorVersion(op) <= row->newest_version) return {};
  return {.problem = absl::StrCat("operator ", row->name, " of version ", model.OperatorVersion(op),
                                  " (known up to ", row->newest_version, ")"),
          .hint = "export the model with an older converter"};
}

// What `why` finds in the operators of `model`, with their places.
template <typename Why>
std::vector<Unsupported> FindInOperators(const Model& model, Why why) {
  std::vector<Unsupported> found;
  const schema::SubGraphT& graph = model.graph();
  for (size_t index = 0; index < graph.operators.size(); ++index) {
    const schema::OperatorT& op = *graph.operators[index];
    Unsupported entry = why(model, op);
    if (entry.problem.empty()) continue;
    absl::StrAppend(&entry.problem, " at ", index);
    entry.operator_name = std::string(ShortName(model.OperatorName(op)));
    entry.index = absl::StrCat(index);
    const TensorIndex output = OutputOf(op, 0);
    if (output != kNoTensor) entry.tensor = std::string(ShortName(model.TensorName(output)));
    found.push_back(std::move(entry));
  }
  return found;
}

std::vector<Unsupported> FindUnsupported(const Model& model) {
  const schema::SubGraphT& graph = model.graph();
  std::vector<Unsupported> found = FindInOperators(model, WhyUnsupported);
  for (const auto& tensor : graph.tensors) {
    if (tensor->sparsity != nullptr) {
      found.push_back({.problem = absl::StrCat("sparse tensor '", ShortName(tensor->name), "'"),
                       .hint = "export the model with dense tensors",
                       .tensor = std::string(ShortName(tensor->name))});
    }
    if (tensor->external_buffer != 0) {
      found.push_back(
          {.problem = absl::StrCat("tensor '", ShortName(tensor->name), "' in another file"),
           .hint = "export the model as one file",
           .tensor = std::string(ShortName(tensor->name))});
    }
  }
  return found;
}

// More would only repeat the first.
constexpr size_t kMostNamed = 20;

// OK where nothing was found.
absl::Status NameAll(absl::string_view what, std::vector<Unsupported> found) {
  if (found.empty()) return absl::OkStatus();
  const size_t unnamed = found.size() - std::min(found.size(), kMostNamed);
  found.resize(found.size() - unnamed);
  const auto join = [&](std::string Unsupported::* member) {
    std::vector<std::string> parts;
    for (const Unsupported& entry : found) {
      if (!(entry.*member).empty()) parts.push_back(entry.*member);
    }
    return absl::StrJoin(parts, ",");
  };
  std::vector<std::string> problems;
  for (const Unsupported& entry : found) problems.push_back(entry.problem);
  std::string text = absl::StrCat(what, ": ", absl::StrJoin(problems, ", "));
  if (unnamed > 0) absl::StrAppend(&text, " and ", unnamed, " more");
  return WithReason(absl::FailedPreconditionError(text), "OP_UNSUPPORTED",
                    {{"operator", join(&Unsupported::operator_name)},
                     {"index", join(&Unsupported::index)},
                     {"tensor", join(&Unsupported::tensor)},
                     {"hint", found.front().hint}});
}

}  // namespace

absl::StatusOr<Model> FoldGraph(const Model& model) {
  Model folded = model;
  ClearLearnedParams(folded);
  WidenFloat16Constants(folded);
  RemoveDeadOperators(folded);
  return RemoveUnused(folded);
}

Model RemoveUnused(const Model& model) {
  Model result = model;
  for (size_t number = 0; number < result.tables.subgraphs.size(); ++number) {
    RemoveUnusedTensors(result.tables, number);
  }
  RemoveUnusedBuffers(result);
  RemoveUnusedOperatorCodes(result.tables);
  return result;
}

absl::Status CheckSupported(const Model& model) {
  return NameAll("not supported", FindUnsupported(model));
}

absl::Status CheckNothingIsCarried(const Model& model) {
  const auto why = [](const Model& in, const schema::OperatorT& op) {
    return IsCarried(in, op) ? Unsupported{.problem = in.OperatorName(op)} : Unsupported();
  };
  return NameAll("operators that nothing here runs", FindInOperators(model, why));
}

}  // namespace octavo
