#include "core/evaluate/tensor_errors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/base/parallel.h"
#include "core/base/pool.h"
#include "core/base/status_macros.h"
#include "core/evaluate/fidelity.h"
#include "core/evaluate/lone_operator.h"
#include "core/evaluate/model_runner.h"
#include "core/runtime/executor.h"

namespace octavo {
namespace {

// Of one tensor and one example; sums fold in the order of the examples.
struct Sums {
  double signal = 0;
  double noise = 0;
  double other = 0;
  double together = 0;
  double max_error = 0;
  ValueRange range;
  int64_t saturated = 0;
  int64_t count = 0;
};

// A tensor of both models.
struct Pair {
  TensorIndex reference;
  TensorIndex other;
};

struct Station {
  Executor reference;
  Executor other;
};

// Activations by their names; those that are there twice are not in it.
std::map<absl::string_view, TensorIndex> ActivationsByName(const Model& model) {
  std::map<absl::string_view, TensorIndex> found;
  std::set<absl::string_view> twice;
  const auto add = [&](int32_t place) {
    if (place < 0) return;
    const TensorIndex tensor{place};
    const auto [entry, is_new] = found.try_emplace(model.TensorName(tensor), tensor);
    if (!is_new && entry->second != tensor) twice.insert(entry->first);
  };
  for (const int32_t input : model.graph().inputs) add(input);
  for (const auto& op : model.graph().operators) {
    for (const int32_t output : op->outputs) add(output);
  }
  for (const absl::string_view name : twice) found.erase(name);
  return found;
}

// Whether a tensor's values are real numbers, or codes that stand for some.
bool IsReal(schema::TensorType type) {
  return type == schema::TensorType_FLOAT32 || type == schema::TensorType_INT8 ||
         type == schema::TensorType_UINT8 || type == schema::TensorType_INT16;
}

std::vector<Pair> FindPairs(const Model& reference, const Model& other) {
  const auto references = ActivationsByName(reference);
  const auto others = ActivationsByName(other);
  std::vector<Pair> pairs;
  const auto add = [&](int32_t place) {
    if (place < 0) return;
    const TensorIndex tensor{place};
    const auto mine = references.find(reference.TensorName(tensor));
    const auto theirs = others.find(reference.TensorName(tensor));
    if (mine == references.end() || mine->second != tensor || theirs == others.end() ||
        !IsReal(reference.tensor(tensor).type) || !IsReal(other.tensor(theirs->second).type) ||
        NumElements(reference.tensor(tensor).shape) !=
            NumElements(other.tensor(theirs->second).shape)) {
      return;
    }
    pairs.push_back({tensor, theirs->second});
  };
  for (const int32_t input : reference.graph().inputs) add(input);
  for (const auto& op : reference.graph().operators) {
    for (const int32_t output : op->outputs) add(output);
  }
  return pairs;
}

// The real values that the integers of a tensor stand for, and half a step more; everything where
// it has none.
ValueRange HoldableRange(const schema::TensorT& tensor) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  if (quantization == nullptr || quantization->scale.size() != 1) return {-kInfinity, kInfinity};
  const float scale = quantization->scale[0];
  const auto zero_point =
      static_cast<float>(quantization->zero_point.empty() ? 0 : quantization->zero_point[0]);
  const auto holds = [&](float lowest, float highest) {
    return ValueRange{(lowest - zero_point - 0.5f) * scale, (highest - zero_point + 0.5f) * scale};
  };
  switch (tensor.type) {
    case schema::TensorType_INT8:
      return holds(-128, 127);
    case schema::TensorType_UINT8:
      return holds(0, 255);
    case schema::TensorType_INT16:
      return holds(-32768, 32767);
    default:
      return {-kInfinity, kInfinity};
  }
}

Sums Compare(std::span<const float> reference, std::span<const float> other,
             const ValueRange& holds) {
  Sums sums;
  sums.count = static_cast<int64_t>(reference.size());
  sums.range = {reference[0], reference[0]};
  for (size_t i = 0; i < reference.size(); ++i) {
    const double x = reference[i];
    const double y = other[i];
    sums.signal += x * x;
    sums.other += y * y;
    sums.together += x * y;
    sums.noise += (x - y) * (x - y);
    sums.max_error = std::max(sums.max_error, std::abs(x - y));
    sums.range.min = std::min(sums.range.min, reference[i]);
    sums.range.max = std::max(sums.range.max, reference[i]);
    sums.saturated += reference[i] < holds.min || reference[i] > holds.max ? 1 : 0;
  }
  return sums;
}

void Fold(const Sums& example, Sums& all) {
  all.range = all.count == 0 ? example.range
                             : ValueRange{std::min(all.range.min, example.range.min),
                                          std::max(all.range.max, example.range.max)};
  all.signal += example.signal;
  all.noise += example.noise;
  all.other += example.other;
  all.together += example.together;
  all.max_error = std::max(all.max_error, example.max_error);
  all.saturated += example.saturated;
  all.count += example.count;
}

TensorError Finish(std::string name, const Sums& sums) {
  TensorError error{.name = std::move(name),
                    .max_error = sums.max_error,
                    .reference_range = sums.range,
                    .saturated = static_cast<double>(sums.saturated) /
                                 static_cast<double>(std::max<int64_t>(sums.count, 1))};
  error.sqnr_db = SqnrDb(sums.signal, sums.noise);
  const double cosine = sums.together / (std::sqrt(sums.signal) * std::sqrt(sums.other));
  error.cosine = std::isfinite(cosine) ? std::clamp(cosine, -1.0, 1.0) : (sums.noise == 0 ? 1 : 0);
  return error;
}

// The views hold until the executor runs again.
absl::Status RunTapped(const Model& model, Executor& executor, const Example& example,
                       std::map<TensorIndex, TensorView>& views) {
  ASSIGN_OR_RETURN(const Example converted, ConvertInputs(model, example));
  std::vector<TensorView> inputs;
  inputs.reserve(converted.size());
  for (const TensorValue& value : converted) inputs.push_back(value.view());
  return executor.Run(inputs, [&](TensorIndex tensor, const TensorView& value) {
    views[tensor] = value;
    return absl::OkStatus();
  });
}

class TensorComparer {
 public:
  TensorComparer(const Model& reference, const Model& other, const Dataset& dataset)
      : reference_(reference),
        other_(other),
        dataset_(dataset),
        pairs_(FindPairs(reference, other)),
        stations_([this]() -> absl::StatusOr<Station> {
          ASSIGN_OR_RETURN(Executor mine, Executor::Create(reference_, {.tap_activations = true}));
          ASSIGN_OR_RETURN(Executor theirs, Executor::Create(other_, {.tap_activations = true}));
          return Station{std::move(mine), std::move(theirs)};
        }) {}

  const std::vector<Pair>& pairs() const { return pairs_; }

  // One for each pair.
  absl::StatusOr<std::vector<Sums>> CompareExample(int64_t index) {
    ASSIGN_OR_RETURN(std::unique_ptr<Station> station, stations_.Take());
    ASSIGN_OR_RETURN(const Example example, dataset_.Get(index));
    std::map<TensorIndex, TensorView> mine;
    RETURN_IF_ERROR(RunTapped(reference_, station->reference, example, mine));
    std::map<TensorIndex, TensorView> theirs;
    RETURN_IF_ERROR(RunTapped(other_, station->other, example, theirs));
    std::vector<Sums> sums(pairs_.size());
    std::vector<float> expected, values;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const auto left = mine.find(pairs_[i].reference);
      const auto right = theirs.find(pairs_[i].other);
      if (left == mine.end() || right == theirs.end() || left->second.bytes.empty()) continue;
      expected.clear();
      values.clear();
      RETURN_IF_ERROR(AppendReal(reference_.tensor(pairs_[i].reference), left->second, expected));
      const schema::TensorT& tensor = other_.tensor(pairs_[i].other);
      RETURN_IF_ERROR(AppendReal(tensor, right->second, values));
      sums[i] = Compare(expected, values, HoldableRange(tensor));
    }
    stations_.Return(std::move(station));
    return sums;
  }

 private:
  const Model& reference_;
  const Model& other_;
  const Dataset& dataset_;
  const std::vector<Pair> pairs_;
  Pool<Station> stations_;
};

}  // namespace

absl::StatusOr<std::vector<TensorError>> CompareTensors(const Model& reference, const Model& other,
                                                        const Dataset& dataset,
                                                        const TensorErrorOptions& options) {
  const int64_t num_examples = std::min(dataset.size(), options.max_examples);
  TensorComparer comparer(reference, other, dataset);
  Progress progress(options.progress, num_examples);
  std::vector<std::vector<Sums>> examples(num_examples);
  RETURN_IF_ERROR(
      ParallelFor(options.num_threads, num_examples, [&](int64_t index) -> absl::Status {
        ASSIGN_OR_RETURN(examples[index], comparer.CompareExample(index), "example ", index);
        progress.OneIsDone();
        return absl::OkStatus();
      }));
  std::vector<TensorError> errors;
  for (size_t i = 0; i < comparer.pairs().size(); ++i) {
    Sums all;
    for (const std::vector<Sums>& example : examples) Fold(example[i], all);
    if (all.count == 0) continue;
    errors.push_back(Finish(std::string(reference.TensorName(comparer.pairs()[i].reference)), all));
  }
  return errors;
}

namespace {

// The name of the tensor that a tensor of a quantized model is a form of.
absl::string_view PlainName(absl::string_view name) {
  for (const absl::string_view suffix : {"_quantized", "_float"}) {
    if (absl::ConsumeSuffix(&name, suffix)) return name;
  }
  return name;
}

bool OnlyConverts(const Model& model, const schema::OperatorT& op) {
  const schema::BuiltinOperator type = model.OperatorType(op);
  return type == schema::BuiltinOperator_QUANTIZE || type == schema::BuiltinOperator_DEQUANTIZE;
}

// An operator of the other model, and where its tensors are in the reference.
struct LoneOperator {
  Model model;
  std::vector<TensorIndex> inputs;
  TensorIndex output = kNoTensor;
};

std::vector<LoneOperator> FindLoneOperators(const Model& reference, const Model& other) {
  const auto references = ActivationsByName(reference);
  const auto find = [&](TensorIndex tensor) {
    const auto found = references.find(PlainName(other.TensorName(tensor)));
    const bool fits = found != references.end() &&
                      reference.tensor(found->second).type == schema::TensorType_FLOAT32 &&
                      reference.tensor(found->second).shape == other.tensor(tensor).shape;
    return fits ? found->second : kNoTensor;
  };
  const std::vector<int> producers = ProducersOf(other);
  std::vector<LoneOperator> operators;
  for (const auto& op : other.graph().operators) {
    if (OnlyConverts(other, *op) || OutputOf(*op, 0) == kNoTensor) continue;
    LoneOperator alone;
    alone.output = find(OutputOf(*op, 0));
    if (alone.output == kNoTensor) continue;
    LoneModel lone = ModelOfOperator(other, *op, producers);
    for (const TensorIndex input : lone.inputs) alone.inputs.push_back(find(input));
    const bool is_known = std::ranges::find(alone.inputs, kNoTensor) == alone.inputs.end();
    if (!is_known || alone.inputs.empty()) continue;
    alone.model = std::move(lone.model);
    operators.push_back(std::move(alone));
  }
  return operators;
}

TensorValue ValueOf(const TensorView& view) {
  return {view.type, Shape(view.shape.begin(), view.shape.end()),
          std::vector<uint8_t>(view.bytes.begin(), view.bytes.end())};
}

// Its weights are packed anew each time: those of all operators at once would take as much memory
// as the model. What the reference unpacks from constants is not among `values`.
absl::StatusOr<Sums> RunAlone(const LoneOperator& op,
                              const std::map<TensorIndex, TensorView>& values) {
  const auto output_value = values.find(op.output);
  if (output_value == values.end()) return Sums();
  Example example;
  for (const TensorIndex input : op.inputs) {
    const auto value = values.find(input);
    if (value == values.end()) return Sums();
    example.push_back(ValueOf(value->second));
  }
  ModelRunner runner(op.model);
  ASSIGN_OR_RETURN(const std::vector<float> outputs, runner.Run(std::move(example)));
  const std::span<const float> expected = output_value->second.values<float>();
  if (expected.empty() || outputs.size() != expected.size()) return Sums();
  const TensorIndex output{op.model.graph().outputs[0]};
  return Compare(expected, outputs, HoldableRange(op.model.tensor(output)));
}

}  // namespace

absl::StatusOr<std::vector<TensorError>> CompareOperatorsAlone(const Model& reference,
                                                               const Model& other,
                                                               const Dataset& dataset,
                                                               const TensorErrorOptions& options) {
  const int64_t num_examples = std::min(dataset.size(), options.max_examples);
  const auto operators = FindLoneOperators(reference, other);
  Pool<Executor> executors([&] { return Executor::Create(reference, {.tap_activations = true}); });
  Progress progress(options.progress, num_examples);
  std::vector<std::vector<Sums>> examples(num_examples, std::vector<Sums>(operators.size()));
  RETURN_IF_ERROR(
      ParallelFor(options.num_threads, num_examples, [&](int64_t index) -> absl::Status {
        ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, executors.Take());
        ASSIGN_OR_RETURN(const Example example, dataset.Get(index), "example ", index);
        std::map<TensorIndex, TensorView> values;
        RETURN_IF_ERROR(RunTapped(reference, *executor, example, values), "example ", index);
        for (size_t i = 0; i < operators.size(); ++i) {
          if (auto sums = RunAlone(operators[i], values); sums.ok()) examples[index][i] = *sums;
        }
        executors.Return(std::move(executor));
        progress.OneIsDone();
        return absl::OkStatus();
      }));
  std::vector<TensorError> errors;
  for (size_t i = 0; i < operators.size(); ++i) {
    Sums all;
    for (const std::vector<Sums>& example : examples) Fold(example[i], all);
    if (all.count == 0) continue;
    errors.push_back(Finish(std::string(reference.TensorName(operators[i].output)), all));
  }
  return errors;
}

}  // namespace octavo
