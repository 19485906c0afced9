#include "core/import/learn_ranges.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/graph/constant_folding.h"
#include "core/graph/graph_view.h"
#include "core/graph/passes.h"
#include "core/tflite/fake_quant.h"
#include "core/tflite/learned_params.h"

namespace octavo {
namespace {

LearnedParams AsInt8(const FakeQuantCodes& codes) {
  return LearnedParams::OfUnsigned(codes.scale, codes.zero_point);
}

LearnedParams Union(const LearnedParams& a, const LearnedParams& b) {
  if (a == b) return a;
  schema::FakeQuantOptionsT both;
  both.min = std::min(a.min(), b.min());
  both.max = std::max(a.max(), b.max());
  both.num_bits = 8;
  if (!CheckFakeQuant(both).ok()) return a;  // together they are wider than floats
  return AsInt8(CodesOf(both));
}

// A tensor before and behind an operator that is taken out becomes one, which keeps the place of
// the model's output among them.
class Learner {
 public:
  explicit Learner(const Model& model)
      : result_(model),
        view_(model),
        budget_bytes_(FoldingBudgetBytes(model)),
        outputs_(model.graph().outputs.begin(), model.graph().outputs.end()) {
    for (const auto& signature : model.tables.signature_defs) {
      if (signature->subgraph_index != 0) continue;
      for (const auto& output : signature->outputs) {
        outputs_.insert(static_cast<int32_t>(output->tensor_index));
      }
    }
  }

  Model Learn() && {
    std::erase_if(result_.graph().operators,
                  [&](const auto& op) { return IsFakeQuant(*op) && Take(*op); });
    for (const auto& op : result_.graph().operators) {
      for (int32_t& tensor : op->inputs) tensor = Resolve(tensor);
      for (int32_t& tensor : op->outputs) tensor = Resolve(tensor);
    }
    return RemoveUnused(result_);
  }

 private:
  bool IsFakeQuant(const schema::OperatorT& op) const {
    return result_.OperatorType(op) == schema::BuiltinOperator_FAKE_QUANT &&
           result_.tensor(InputOf(op, 0)).type == schema::TensorType_FLOAT32 &&
           result_.tensor(OutputOf(op, 0)).type == schema::TensorType_FLOAT32;
  }

  bool IsOutput(TensorIndex tensor) const {
    return outputs_.contains(static_cast<int32_t>(tensor));
  }

  int32_t Resolve(int32_t tensor) const {
    for (auto next = places_.find(tensor); next != places_.end(); next = places_.find(tensor)) {
      tensor = next->second;
    }
    return tensor;
  }

  // Whether it goes.
  bool Take(const schema::OperatorT& op) {
    const TensorIndex input{Resolve(static_cast<int32_t>(InputOf(op, 0)))};
    const TensorIndex output = OutputOf(op, 0);
    const std::optional<LearnedParams> params = ParamsOf(op);
    if (!IsOutput(output)) {
      const bool is_constant = result_.IsConstant(input);
      if (is_constant && !Bake(op, input)) return false;
      if (!is_constant) Join(output, input);
      Keep(params, is_constant ? output : input);
      return true;
    }
    if (IsOutput(input) || view_.ProducerOf(input) < 0) return false;
    Join(input, output);
    Keep(params, output);
    return true;
  }

  void Join(TensorIndex gone, TensorIndex stays) {
    places_[static_cast<int32_t>(gone)] = static_cast<int32_t>(stays);
    if (auto params = LearnedParamsOf(result_.tensor(gone))) Keep(params, stays);
  }

  std::optional<LearnedParams> ParamsOf(const schema::OperatorT& op) const {
    if (auto exact = LearnedParamsOf(result_.tensor(OutputOf(op, 0)))) return exact;
    const schema::FakeQuantOptionsT& options = *op.builtin_options.AsFakeQuantOptions();
    if (options.num_bits != 8) return std::nullopt;
    return AsInt8(CodesOf(options));
  }

  void Keep(const std::optional<LearnedParams>& params, TensorIndex index) {
    if (!params) return;
    schema::TensorT& tensor = result_.tensor(index);
    const std::optional<LearnedParams> before = LearnedParamsOf(tensor);
    SetLearnedParams(before ? Union(*before, *params) : *params, tensor);
  }

  // False where constants become too many.
  bool Bake(const schema::OperatorT& op, TensorIndex constant) {
    const std::span<const float> values = result_.ConstantValues<float>(constant);
    budget_bytes_ -= static_cast<int64_t>(values.size_bytes());
    if (budget_bytes_ < 0) return false;
    const FakeQuantCodes codes = CodesOf(*op.builtin_options.AsFakeQuantOptions());
    const uint32_t buffer = result_.AddBuffer(SharedBytes::OwnValues<float>(codes.Round(values)));
    schema::TensorT& output = result_.tensor(OutputOf(op, 0));
    output.buffer = buffer;
    output.shape = result_.tensor(constant).shape;
    output.shape_signature.clear();
    return true;
  }

  Model result_;
  const GraphView view_;
  int64_t budget_bytes_;
  std::set<int32_t> outputs_;
  std::map<int32_t, int32_t> places_;
};

}  // namespace

Model LearnRanges(const Model& model) { return Learner(model).Learn(); }

}  // namespace octavo
