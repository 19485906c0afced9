#include "core/evaluate/lone_operator.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

class LoneModelBuilder {
 public:
  explicit LoneModelBuilder(const Model& model) : model_(model) {
    lone_.model.tables.version = model.tables.version;
    lone_.model.tables.buffers.push_back(std::make_unique<schema::BufferT>());
    lone_.model.buffers.emplace_back();
    lone_.model.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  }

  void Add(const schema::OperatorT& op) {
    auto& codes = lone_.model.tables.operator_codes;
    auto copy = std::make_unique<schema::OperatorT>(op);
    copy->opcode_index = static_cast<uint32_t>(codes.size());
    codes.push_back(
        std::make_unique<schema::OperatorCodeT>(*model_.tables.operator_codes[op.opcode_index]));
    copy->intermediates.clear();
    for (int32_t& output : copy->outputs) output = Place(output, /*is_input=*/false);
    const OperatorRow* row = FindOperator(model_.OperatorType(op));
    for (int position = 0; position < std::ssize(copy->inputs); ++position) {
      int32_t& input = copy->inputs[position];
      input = Place(input, /*is_input=*/row == nullptr || !row->IsState(position));
    }
    lone_.model.graph().operators.push_back(std::move(copy));
  }

  LoneModel Finish() {
    lone_.model.graph().outputs = {lone_.model.graph().operators.back()->outputs[0]};
    return std::move(lone_);
  }

 private:
  // Becomes an input where it is one of the operator's and no constant; a state has no value.
  int32_t Place(int32_t tensor, bool is_input) {
    if (tensor < 0) return tensor;
    const auto [entry, is_new] = places_.try_emplace(tensor, 0);
    if (!is_new) return entry->second;
    const TensorIndex index{tensor};
    const bool is_constant = model_.IsConstant(index);
    const SharedBytes bytes =
        is_constant ? model_.buffers[model_.tensor(index).buffer] : SharedBytes();
    schema::TensorT copy = model_.tensor(index);
    PlaceScales(copy);
    entry->second = static_cast<int32_t>(lone_.model.AddTensor(std::move(copy), bytes));
    if (!is_constant && is_input) {
      lone_.model.graph().inputs.push_back(entry->second);
      lone_.inputs.push_back(index);
    }
    return entry->second;
  }

  // Scales of blocks are a tensor of their own, which has none: a model may make a long chain of
  // such tensors.
  void PlaceScales(schema::TensorT& tensor) {
    if (tensor.quantization == nullptr) return;
    auto* blocks = tensor.quantization->details.AsBlockwiseQuantization();
    if (blocks == nullptr) return;
    const schema::TensorT& source = model_.tensor(TensorIndex{blocks->scales});
    schema::TensorT scales;
    scales.type = source.type;
    scales.shape = source.shape;
    blocks->scales = static_cast<int32_t>(
        lone_.model.AddTensor(std::move(scales), model_.buffers[source.buffer]));
  }

  const Model& model_;
  LoneModel lone_;
  std::map<int32_t, int32_t> places_;
};

bool TakesConstantsAlone(const Model& model, const schema::OperatorT& op) {
  return std::ranges::all_of(
      op.inputs, [&](int32_t input) { return input < 0 || model.IsConstant(TensorIndex{input}); });
}

}  // namespace

std::vector<int> ProducersOf(const Model& model) {
  std::vector<int> producers(model.graph().tensors.size(), -1);
  const auto& operators = model.graph().operators;
  for (size_t i = 0; i < operators.size(); ++i) {
    for (const int32_t output : operators[i]->outputs) {
      if (output >= 0) producers[output] = static_cast<int>(i);
    }
  }
  return producers;
}

LoneModel ModelOfOperator(const Model& model, const schema::OperatorT& op,
                          const std::vector<int>& producers) {
  LoneModelBuilder builder(model);
  std::vector<int> added;
  for (const int32_t input : op.inputs) {
    const int producer = input < 0 ? -1 : producers[input];
    if (producer < 0 || std::ranges::find(added, producer) != added.end()) continue;
    const schema::OperatorT& made_by = *model.graph().operators[producer];
    if (!TakesConstantsAlone(model, made_by)) continue;
    builder.Add(made_by);
    added.push_back(producer);
  }
  builder.Add(op);
  return builder.Finish();
}

}  // namespace octavo
