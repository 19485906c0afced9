#include "core/evaluate/compare_backends.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "core/base/parallel.h"
#include "core/base/pool.h"
#include "core/base/status_macros.h"
#include "core/evaluate/fidelity.h"
#include "core/evaluate/lone_operator.h"
#include "core/evaluate/model_runner.h"
#include "core/runtime/executor.h"

namespace octavo {
namespace {

// An operator for own kernels. Not moved: the pool refers to the model.
struct LoneOperator {
  LoneOperator(int op, LoneModel alone)
      : op(op), lone(std::move(alone)), executors([this] {
          return Executor::Create(lone.model, {.backend = Backend::kReference});
        }) {}

  const int op;
  const LoneModel lone;
  Pool<Executor> executors;
};

bool IsCodes(schema::TensorType type) {
  return type == schema::TensorType_INT8 || type == schema::TensorType_UINT8 ||
         type == schema::TensorType_INT16;
}

std::vector<std::unique_ptr<LoneOperator>> FindOperators(const Model& model) {
  const std::vector<int> producers = ProducersOf(model);
  std::vector<std::unique_ptr<LoneOperator>> found;
  const auto& operators = model.graph().operators;
  for (size_t i = 0; i < operators.size(); ++i) {
    const TensorIndex output = OutputOf(*operators[i], 0);
    if (output == kNoTensor || !IsCodes(model.tensor(output).type)) continue;
    LoneModel lone = ModelOfOperator(model, *operators[i], producers);
    const bool is_runnable =
        !lone.inputs.empty() && Executor::Create(lone.model, {.backend = Backend::kReference}).ok();
    if (!is_runnable) continue;
    found.push_back(std::make_unique<LoneOperator>(static_cast<int>(i), std::move(lone)));
  }
  return found;
}

struct Codes {
  int32_t max = 0;
  int64_t far = 0;
  int64_t count = 0;
};

template <typename T>
Codes CompareAs(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  Codes codes{.count = static_cast<int64_t>(std::min(a.size(), b.size()) / sizeof(T))};
  for (int64_t i = 0; i < codes.count; ++i) {
    T x, y;
    std::memcpy(&x, a.data() + i * sizeof(T), sizeof(T));
    std::memcpy(&y, b.data() + i * sizeof(T), sizeof(T));
    const int32_t difference = std::abs(int32_t{x} - int32_t{y});
    codes.max = std::max(codes.max, difference);
    codes.far += difference > 1 ? 1 : 0;
  }
  return codes;
}

Codes CompareCodes(const TensorView& a, const TensorView& b) {
  if (a.type == schema::TensorType_INT16) return CompareAs<int16_t>(a.bytes, b.bytes);
  if (a.type == schema::TensorType_UINT8) return CompareAs<uint8_t>(a.bytes, b.bytes);
  return CompareAs<int8_t>(a.bytes, b.bytes);
}

// What one code of each output is worth; 0 where it neither is nor was an integer.
std::vector<float> OutputSteps(const Model& model) {
  const std::vector<int> producers = ProducersOf(model);
  std::vector<float> steps;
  for (const int32_t output : model.graph().outputs) {
    TensorIndex tensor{output};
    const int producer = producers[output];
    if (producer >= 0 && model.OperatorType(*model.graph().operators[producer]) ==
                             schema::BuiltinOperator_DEQUANTIZE) {
      tensor = InputOf(*model.graph().operators[producer], 0);
    }
    const auto* quantization =
        tensor == kNoTensor ? nullptr : model.tensor(tensor).quantization.get();
    const bool has_step = quantization != nullptr && quantization->scale.size() == 1 &&
                          IsCodes(model.tensor(tensor).type);
    steps.push_back(has_step ? quantization->scale[0] : 0);
  }
  return steps;
}

// Of one example; sums fold in the order of the examples.
struct ExampleResult {
  std::vector<Codes> operators;
  int32_t outputs_max_codes = -1;
  double signal = 0;
  double noise = 0;
};

class BackendComparer {
 public:
  BackendComparer(const Model& model, const Dataset& dataset)
      : model_(model),
        dataset_(dataset),
        steps_(OutputSteps(model)),
        sizes_(OutputSizes(model)),
        operators_(FindOperators(model)),
        xnnpack_([this] { return Executor::Create(model_, {.tap_activations = true}); }),
        reference_(model, Backend::kReference) {}

  const std::vector<std::unique_ptr<LoneOperator>>& operators() const { return operators_; }

  absl::StatusOr<ExampleResult> Run(int64_t index) {
    ASSIGN_OR_RETURN(Example example, dataset_.Get(index));
    ASSIGN_OR_RETURN(example, ConvertInputs(model_, std::move(example)));
    std::vector<TensorView> inputs;
    for (const TensorValue& value : example) inputs.push_back(value.view());
    ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, xnnpack_.Take());
    std::map<TensorIndex, TensorView> values;
    RETURN_IF_ERROR(executor->Run(inputs, [&](TensorIndex tensor, const TensorView& value) {
      values[tensor] = value;
      return absl::OkStatus();
    }));
    ExampleResult result;
    for (const auto& op : operators_) {
      ASSIGN_OR_RETURN(const Codes codes, RunAlone(*op, values));
      result.operators.push_back(codes);
    }
    RETURN_IF_ERROR(CompareOutputs(std::move(example), *executor, result));
    xnnpack_.Return(std::move(executor));
    return result;
  }

 private:
  absl::StatusOr<Codes> RunAlone(LoneOperator& op,
                                 const std::map<TensorIndex, TensorView>& values) const {
    std::vector<TensorView> inputs;
    for (const TensorIndex input : op.lone.inputs) {
      const auto found = values.find(input);
      if (found == values.end()) return Codes();
      inputs.push_back(found->second);
    }
    const auto expected = values.find(OutputOf(*model_.graph().operators[op.op], 0));
    if (expected == values.end()) return Codes();
    ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, op.executors.Take());
    RETURN_IF_ERROR(executor->Run(inputs));
    const Codes codes = CompareCodes(expected->second, executor->Output(0));
    op.executors.Return(std::move(executor));
    return codes;
  }

  absl::Status CompareOutputs(Example example, const Executor& executor, ExampleResult& result) {
    std::vector<float> mine;
    for (int i = 0; i < executor.num_outputs(); ++i) {
      const TensorIndex tensor{model_.graph().outputs[i]};
      RETURN_IF_ERROR(AppendReal(model_.tensor(tensor), executor.Output(i), mine));
    }
    ASSIGN_OR_RETURN(const std::vector<float> theirs, reference_.Run(std::move(example)));
    size_t place = 0;
    for (size_t output = 0; output < steps_.size(); ++output) {
      const size_t end = std::min(place + static_cast<size_t>(sizes_[output]), mine.size());
      double worst = 0;
      for (; place < end; ++place) {
        const double difference = double{mine[place]} - double{theirs[place]};
        result.signal += double{mine[place]} * double{mine[place]};
        result.noise += difference * difference;
        worst = std::max(worst, std::abs(difference));
      }
      if (!(steps_[output] > 0)) continue;
      const double codes = std::min(std::round(worst / double{steps_[output]}), 65535.0);
      result.outputs_max_codes = std::max(result.outputs_max_codes, static_cast<int32_t>(codes));
    }
    return absl::OkStatus();
  }

  const Model& model_;
  const Dataset& dataset_;
  const std::vector<float> steps_;
  const std::vector<int64_t> sizes_;
  const std::vector<std::unique_ptr<LoneOperator>> operators_;
  Pool<Executor> xnnpack_;
  ModelRunner reference_;
};

CodeDifference FoldOperator(int op, size_t place, const std::vector<ExampleResult>& examples) {
  CodeDifference difference{.op = op};
  int64_t far = 0, count = 0;
  for (const ExampleResult& example : examples) {
    difference.max_codes = std::max(difference.max_codes, example.operators[place].max);
    far += example.operators[place].far;
    count += example.operators[place].count;
  }
  difference.share = count == 0 ? 0 : static_cast<double>(far) / static_cast<double>(count);
  return difference;
}

}  // namespace

absl::StatusOr<BackendDifferences> CompareBackends(const Model& model, const Dataset& dataset,
                                                   const CompareBackendsOptions& options) {
  const int64_t num_examples = std::min(dataset.size(), options.max_examples);
  BackendComparer comparer(model, dataset);
  Progress progress(options.progress, num_examples);
  std::vector<ExampleResult> examples(num_examples);
  RETURN_IF_ERROR(
      ParallelFor(options.num_threads, num_examples, [&](int64_t index) -> absl::Status {
        ASSIGN_OR_RETURN(examples[index], comparer.Run(index), "example ", index);
        progress.OneIsDone();
        return absl::OkStatus();
      }));
  BackendDifferences differences{.examples = num_examples};
  double signal = 0, noise = 0;
  for (const ExampleResult& example : examples) {
    signal += example.signal;
    noise += example.noise;
    differences.outputs_max_codes =
        std::max(differences.outputs_max_codes, example.outputs_max_codes);
  }
  differences.outputs_sqnr_db = SqnrDb(signal, noise);
  for (size_t i = 0; i < comparer.operators().size(); ++i) {
    differences.operators.push_back(FoldOperator(comparer.operators()[i]->op, i, examples));
  }
  return differences;
}

}  // namespace octavo
