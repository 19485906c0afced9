// Operators with a state: what they give, that they remember nothing, and what is refused.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/graph/fix_shapes.h"
#include "core/runtime/executor.h"
#include "core/tflite/model_validator.h"
#include "core/tflite/recurrent_form.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/model_builder.h"
#include "tests/testing/random_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr int kBatch = 2;
constexpr int kSteps = 3;
constexpr int kDepth = 5;
constexpr int kCells = 4;

MATCHER_P(IsWithin, tolerance, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

std::vector<float> RandomFloats(std::mt19937& random, size_t count) {
  std::normal_distribution<float> normal(0, 0.5f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// The weights of an LSTM: by gate of input, forget, cell and output.
struct Weights {
  std::vector<float> input[4];
  std::vector<float> recurrent[4];
  std::vector<float> bias[4];
};

Weights RandomWeights(std::mt19937& random) {
  Weights weights;
  for (int gate = 0; gate < 4; ++gate) {
    weights.input[gate] = RandomFloats(random, kCells * kDepth);
    weights.recurrent[gate] = RandomFloats(random, kCells * kCells);
    weights.bias[gate] = RandomFloats(random, kCells);
  }
  return weights;
}

TensorIndex State(ModelBuilder& builder, std::string name, Shape shape) {
  const TensorIndex state = builder.Tensor(std::move(name), std::move(shape));
  builder.model().tensor(state).is_variable = true;
  return state;
}

schema::UnidirectionalSequenceLSTMOptionsT LstmOptions() {
  schema::UnidirectionalSequenceLSTMOptionsT options;
  options.fused_activation_function = schema::ActivationFunctionType_TANH;
  return options;
}

// "x" of [batch, steps, values] -> "y".
Model LstmModel(const Weights& weights) {
  ModelBuilder builder;
  std::vector<TensorIndex> inputs(20, kNoTensor);
  inputs[0] = builder.Input("x", {kBatch, kSteps, kDepth});
  for (int gate = 0; gate < 4; ++gate) {
    inputs[kLstmInputWeights + gate] =
        builder.Floats("input weights", {kCells, kDepth}, weights.input[gate]);
    inputs[kLstmRecurrentWeights + gate] =
        builder.Floats("recurrent weights", {kCells, kCells}, weights.recurrent[gate]);
    inputs[kLstmBias + gate] = builder.Floats("bias", {kCells}, weights.bias[gate]);
  }
  inputs[kLstmOutputState] = State(builder, "output state", {kBatch, kCells});
  inputs[kLstmCellState] = State(builder, "cell state", {kBatch, kCells});
  const TensorIndex y = builder.Tensor("y", {kBatch, kSteps, kCells});
  builder.Op(schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, inputs, {y}, LstmOptions());
  builder.Output(y);
  return builder.Build();
}

Model SomeLstm() {
  std::mt19937 random(3);
  return LstmModel(RandomWeights(random));
}

TensorIndex InputAt(const Model& model, int position) {
  return InputOf(*model.graph().operators[0], position);
}

double Sum(const std::vector<float>& weights, int row, const std::vector<double>& values) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += weights[row * values.size() + i] * values[i];
  return sum;
}

double Sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

// The textbook's LSTM.
std::vector<double> Expected(const Weights& weights, const std::vector<float>& x) {
  std::vector<double> result;
  for (int example = 0; example < kBatch; ++example) {
    std::vector<double> cell(kCells);
    std::vector<double> output(kCells);
    for (int step = 0; step < kSteps; ++step) {
      const auto first = x.begin() + (example * kSteps + step) * kDepth;
      const std::vector<double> values(first, first + kDepth);
      const std::vector<double> before = output;
      for (int i = 0; i < kCells; ++i) {
        const auto gate = [&](int number) {
          return Sum(weights.input[number], i, values) + Sum(weights.recurrent[number], i, before) +
                 weights.bias[number][i];
        };
        cell[i] = Sigmoid(gate(1)) * cell[i] + Sigmoid(gate(0)) * std::tanh(gate(2));
        output[i] = Sigmoid(gate(3)) * std::tanh(cell[i]);
      }
      result.insert(result.end(), output.begin(), output.end());
    }
  }
  return result;
}

std::vector<float> OutputOf(Executor& executor, const std::vector<float>& x) {
  const std::span<const float> values = x;
  const Shape shape = {kBatch, kSteps, kDepth};
  const auto* first = reinterpret_cast<const uint8_t*>(values.data());
  const TensorView view{schema::TensorType_FLOAT32, shape, {first, values.size_bytes()}};
  EXPECT_THAT(executor.Run(std::span(&view, 1)), IsOk());
  const TensorView output = executor.Output(0);
  const auto* y = reinterpret_cast<const float*>(output.bytes.data());
  return {y, y + output.bytes.size() / sizeof(float)};
}

TEST(RecurrentOperators, GiveWhatTheFormulaOfAnLstmGives) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const Weights weights = RandomWeights(random);
    auto executor = Executor::Create(LstmModel(weights), {});
    ASSERT_THAT(executor, IsOk());
    const std::vector<float> x = RandomFloats(random, kBatch * kSteps * kDepth);
    EXPECT_THAT(OutputOf(*executor, x), Pointwise(IsWithin(1e-6), Expected(weights, x)));
  }
}

TEST(RecurrentOperators, RememberNothingOfTheLastRun) {
  auto executor = Executor::Create(SomeLstm(), {.tap_activations = true});
  ASSERT_THAT(executor, IsOk());
  std::mt19937 random(5);
  const std::vector<float> x = RandomFloats(random, kBatch * kSteps * kDepth);
  const std::vector<float> first = OutputOf(*executor, x);
  OutputOf(*executor, RandomFloats(random, kBatch * kSteps * kDepth));
  EXPECT_EQ(OutputOf(*executor, x), first);
}

TEST(RecurrentOperators, HaveStatesOfTheBatchThatIsAskedFor) {
  const auto fixed = FixShapes(SomeLstm(), 7);
  ASSERT_THAT(fixed, IsOk());
  EXPECT_EQ(fixed->tensor(InputAt(*fixed, kLstmCellState)).shape, (Shape{7, kCells}));
  EXPECT_EQ(fixed->tensor(TensorIndex{fixed->graph().outputs[0]}).shape,
            (Shape{7, kSteps, kCells}));
  EXPECT_THAT(CheckRunnable(*fixed), IsOk());
  // A constant keeps the shape that its bytes have.
  Model odd = SomeLstm();
  odd.tensor(InputAt(odd, kLstmBias)).shape = {kBatch, kCells / kBatch};
  odd.tensor(InputAt(odd, kLstmBias)).is_variable = true;
  EXPECT_THAT(FixShapes(odd, 7).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("input 12 is [2, 2]")));
}

// A change to a good model, and what is said of it.
struct Fault {
  std::function<void(Model& model)> make;
  std::string problem;
};

TEST(RecurrentOperators, RefuseWhatDoesNotGoTogether) {
  const auto reshape = [](int position, Shape shape) {
    return [=](Model& model) { model.tensor(InputAt(model, position)).shape = shape; };
  };
  const auto leave_out = [](int position) {
    return [=](Model& model) { model.graph().operators[0]->inputs[position] = -1; };
  };
  const std::vector<Fault> faults = {
      {reshape(0, {kBatch, kDepth}), "the input is not of batch, steps and values"},
      {reshape(kLstmInputWeights, {kDepth, kCells}), "input 1 is [5, 4], expected [4, 5]"},
      {reshape(kLstmRecurrentWeights + 2, {16}), "input 7 is [16], expected [4, 4]"},
      {reshape(kLstmBias + 1, {2, 2}), "input 13 is [2, 2], expected [4]"},
      {reshape(kLstmCellState, {1, kCells}), "the state [1, 4] has not 8 values"},
      {reshape(kLstmOutputState, {1 << 30, 1 << 30, 1 << 30}), "has not 8 values"},
      {leave_out(kLstmInputWeights), "some of the input gate's weights are missing"},
      {leave_out(kLstmInputWeights + 3), "input 4 is missing"},
      {leave_out(kLstmRecurrentWeights + 3), "there are no recurrent weights"},
      {leave_out(kLstmBias + 2), "input 14 is missing"},
      {leave_out(kLstmCellState), "input 19 is missing"},
      {[](Model& model) { model.graph().operators[0]->inputs.resize(19); }, "20 or 24 inputs"},
      {[](Model& model) { model.tensor(InputAt(model, kLstmCellState)).is_variable = false; },
       "input 19 is no variable tensor"},
      {[](Model& model) {
         model.graph().operators[0]->inputs[kLstmProjectionBias] =
             model.graph().operators[0]->inputs[kLstmBias];
       },
       "there is a bias and no projection"},
      {[](Model& model) {
         model.graph().operators[0]->inputs[kLstmPeephole + 1] =
             model.graph().operators[0]->inputs[kLstmBias];
       },
       "some peephole weights are missing"},
  };
  for (const Fault& fault : faults) {
    Model model = SomeLstm();
    fault.make(model);
    EXPECT_THAT(FixShapes(model, kBatch).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(fault.problem)));
    EXPECT_FALSE(CheckRunnable(model).ok()) << fault.problem;
  }
}

TEST(RecurrentOperators, RefuseAStateThatIsNotTheirsAlone) {
  const auto expect_refused = [](const Model& model) {
    const absl::Status status = CheckRunnable(model);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("is no state of one operator alone")));
    EXPECT_EQ(ReasonOf(status), "OP_UNSUPPORTED");
  };
  Model shared = SomeLstm();
  auto& inputs = shared.graph().operators[0]->inputs;
  inputs[kLstmCellState] = inputs[kLstmOutputState];
  expect_refused(shared);
  Model given = SomeLstm();
  given.graph().inputs.push_back(given.graph().operators[0]->inputs[kLstmCellState]);
  expect_refused(given);
  Model shown = SomeLstm();
  shown.graph().outputs.push_back(shown.graph().operators[0]->inputs[kLstmCellState]);
  EXPECT_THAT(CheckRunnable(shown), StatusIs(absl::StatusCode::kFailedPrecondition,
                                             HasSubstr("which has no value there")));
}

TEST(RecurrentOperators, RefuseOtherTypesAndActivations) {
  Model model = SomeLstm();
  model.graph()
      .operators[0]
      ->builtin_options.AsUnidirectionalSequenceLSTMOptions()
      ->fused_activation_function = schema::ActivationFunctionType_SIGN_BIT;
  EXPECT_THAT(CheckRunnable(model), StatusIs(absl::StatusCode::kFailedPrecondition,
                                             HasSubstr("the fused activation SIGN_BIT")));
  Model hybrid = SomeLstm();
  schema::TensorT& weights = hybrid.tensor(InputAt(hybrid, kLstmInputWeights));
  weights.type = schema::TensorType_INT8;
  weights.buffer = hybrid.AddBuffer(SharedBytes::Own(std::vector<uint8_t>(kCells * kDepth)));
  EXPECT_THAT(CheckRunnable(hybrid),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("input 1 is not FLOAT32")));
}

constexpr schema::BuiltinOperator kTypes[] = {
    schema::BuiltinOperator_LSTM, schema::BuiltinOperator_RNN, schema::BuiltinOperator_SVDF,
    schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN,
    schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM};

int Pick(std::mt19937& random, int most) {
  return std::uniform_int_distribution<int>(0, most)(random);
}

// One thing that a writer of files may do.
void Spoil(Model& model, std::mt19937& random) {
  schema::OperatorT& op = *model.graph().operators[0];
  int32_t& input = op.inputs[Pick(random, static_cast<int>(op.inputs.size()) - 1)];
  const auto num_tensors = static_cast<int>(model.graph().tensors.size());
  schema::TensorT& tensor = *model.graph().tensors[Pick(random, num_tensors - 1)];
  switch (Pick(random, 5)) {
    case 0:
      input = -1;
      break;
    case 1:
      input = Pick(random, num_tensors - 1);
      break;
    case 2:
      if (!tensor.shape.empty())
        tensor.shape[Pick(random, tensor.shape.size() - 1)] = Pick(random, 9);
      break;
    case 3:
      std::ranges::reverse(tensor.shape);
      break;
    case 4:
      tensor.is_variable = !tensor.is_variable;
      break;
    default:
      op.inputs.resize(Pick(random, 1) == 0 ? 20 : 24, -1);
  }
}

// For the sanitizers: nothing is read that is not there.
TEST(RecurrentOperators, AreRefusedOrRunWhateverIsSpoilt) {
  std::mt19937 random(11);
  int num_run = 0;
  int num_fixed = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    RandomModel spoilt = RandomOperator(kTypes[round % std::size(kTypes)], random);
    for (int i = Pick(random, 2); i >= 0; --i) Spoil(spoilt.model, random);
    if (ValidateModel(spoilt.model).ok()) {
      const auto fixed = FixShapes(spoilt.model, 3);
      num_fixed += fixed.ok() && CheckRunnable(*fixed).ok() ? 1 : 0;
    }
    auto executor = Executor::Create(spoilt.model, {});
    if (!executor.ok()) continue;
    const std::vector<TensorValue> example = RandomExample(spoilt, random);
    std::vector<TensorView> views;
    for (const TensorValue& value : example) views.push_back(value.view());
    EXPECT_THAT(executor->Run(views), IsOk());
    ++num_run;
  }
  EXPECT_GT(num_run, kRounds / 20);
  EXPECT_LT(num_run, kRounds / 2);
  EXPECT_GT(num_fixed, kRounds / 20);
}

TEST(RecurrentOperators, RefuseTheBasicLstm) {
  ModelBuilder builder;
  std::vector<TensorIndex> inputs;
  for (int i = 0; i < 5; ++i) inputs.push_back(builder.Input("x", {1, 4}));
  std::vector<TensorIndex> outputs;
  for (int i = 0; i < 4; ++i) outputs.push_back(builder.Tensor("y", {1, 4}));
  schema::LSTMOptionsT options;
  options.kernel_type = schema::LSTMKernelType_BASIC;
  builder.Op(schema::BuiltinOperator_LSTM, inputs, outputs, options);
  builder.Output(outputs[0]);
  const absl::Status status = FixShapes(builder.Build()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("another LSTM kernel than FULL")));
  EXPECT_EQ(ReasonOf(status), "OP_UNSUPPORTED");
}

}  // namespace
}  // namespace octavo
