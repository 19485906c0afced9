#include "core/runtime/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <thread>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "tests/core/runtime/executor_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr auto kFloat = schema::TensorType_FLOAT32;
constexpr auto kInt8 = schema::TensorType_INT8;

template <typename T>
TensorValue ValueOf(schema::TensorType type, Shape shape, const std::vector<T>& values) {
  TensorValue value{.type = type, .shape = std::move(shape), .bytes = {}};
  value.bytes.resize(values.size() * sizeof(T));
  std::memcpy(value.bytes.data(), values.data(), value.bytes.size());
  return value;
}

template <typename T>
std::vector<T> OutputOfRun(Executor& executor, int position = 0) {
  const auto values = executor.Output(position).values<T>();
  return std::vector<T>(values.begin(), values.end());
}

// y = relu(x) + 1, then twice that: tensors x, 1, relu(x), y, 2y.
Model ReluAddTwice() {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {1, 4});
  const TensorIndex one = graph.Constant<float>(kFloat, {1}, {1.0f});
  const TensorIndex relu = graph.Tensor(kFloat, {1, 4});
  const TensorIndex y = graph.Tensor(kFloat, {1, 4});
  const TensorIndex twice = graph.Tensor(kFloat, {1, 4});
  graph.Op(schema::BuiltinOperator_RELU, {x}, {relu});
  graph.Op(schema::BuiltinOperator_ADD, {relu, one}, {y}, schema::AddOptionsT());
  graph.Op(schema::BuiltinOperator_ADD, {y, y}, {twice}, schema::AddOptionsT());
  graph.Output(twice);
  graph.Output(y);
  return graph.Build();
}

TEST(Executor, ComputesEveryOutput) {
  for (Backend backend : {Backend::kXnnpack, Backend::kReference}) {
    auto executor = Executor::Create(ReluAddTwice(), {.backend = backend});
    ASSERT_THAT(executor, IsOk());
    const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {-1, 0, 2, 3});
    ASSERT_THAT(executor->Run({{x.view()}}), IsOk());
    ASSERT_EQ(executor->num_outputs(), 2);
    EXPECT_THAT(OutputOfRun<float>(*executor, 0), ElementsAre(2, 2, 6, 8));
    EXPECT_THAT(OutputOfRun<float>(*executor, 1), ElementsAre(1, 1, 3, 4));
  }
}

TEST(Executor, ShowsEveryActivationInTheOrderOfItsPlace) {
  for (Backend backend : {Backend::kXnnpack, Backend::kReference}) {
    auto executor = Executor::Create(ReluAddTwice(), {.backend = backend, .tap_activations = true});
    ASSERT_THAT(executor, IsOk());
    const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {-1, 0, 2, 3});
    std::vector<std::pair<int, std::vector<float>>> seen;
    ASSERT_THAT(executor->Run({{x.view()}},
                              [&](TensorIndex tensor, const TensorView& value) {
                                const auto values = value.values<float>();
                                seen.push_back({static_cast<int>(tensor),
                                                std::vector<float>(values.begin(), values.end())});
                                return absl::OkStatus();
                              }),
                IsOk());
    using Seen = std::pair<int, std::vector<float>>;
    EXPECT_THAT(seen, ElementsAre(Seen{0, {-1, 0, 2, 3}}, Seen{2, {0, 0, 2, 3}},
                                  Seen{3, {1, 1, 3, 4}}, Seen{4, {2, 2, 6, 8}}));
  }
}

TEST(Executor, EndsTheRunWithTheTapsError) {
  auto executor = Executor::Create(ReluAddTwice(), {.tap_activations = true});
  ASSERT_THAT(executor, IsOk());
  const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {0, 0, 0, 0});
  int calls = 0;
  EXPECT_THAT(executor->Run({{x.view()}},
                            [&](TensorIndex, const TensorView&) -> absl::Status {
                              ++calls;
                              return absl::InvalidArgumentError("not finite");
                            }),
              StatusIs(absl::StatusCode::kInvalidArgument, "not finite"));
  EXPECT_EQ(calls, 1);
}

TEST(Executor, HasNothingToShowWithoutTheOption) {
  auto executor = Executor::Create(ReluAddTwice(), {});
  ASSERT_THAT(executor, IsOk());
  const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {0, 0, 0, 0});
  EXPECT_THAT(
      executor->Run({{x.view()}}, [](TensorIndex, const TensorView&) { return absl::OkStatus(); }),
      StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(Executor, RefusesInputsThatDoNotFit) {
  auto executor = Executor::Create(ReluAddTwice(), {});
  ASSERT_THAT(executor, IsOk());
  EXPECT_THAT(executor->Run({}),
              StatusIs(absl::StatusCode::kInvalidArgument, "0 inputs, the model has 1"));
  const TensorValue shape = ValueOf<float>(kFloat, {4, 1}, {0, 0, 0, 0});
  EXPECT_THAT(executor->Run({{shape.view()}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("input 't0'"), HasSubstr("[1, 4]"), HasSubstr("[4, 1]"))));
  const TensorValue type = ValueOf<int32_t>(schema::TensorType_INT32, {1, 4}, {0, 0, 0, 0});
  EXPECT_THAT(executor->Run({{type.view()}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("INT32")));
  TensorValue bytes = ValueOf<float>(kFloat, {1, 4}, {0, 0, 0, 0});
  bytes.bytes.pop_back();
  EXPECT_THAT(executor->Run({{bytes.view()}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("15 bytes")));
}

TEST(Executor, RunsAgainAfterARefusal) {
  auto executor = Executor::Create(ReluAddTwice(), {});
  ASSERT_THAT(executor, IsOk());
  EXPECT_FALSE(executor->Run({}).ok());
  const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {1, 2, 3, 4});
  ASSERT_THAT(executor->Run({{x.view()}}), IsOk());
  EXPECT_THAT(OutputOfRun<float>(*executor), ElementsAre(4, 6, 8, 10));
}

TEST(Executor, PassesInputsAndConstantsThroughToOutputs) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {2});
  graph.Output(graph.Constant<float>(kFloat, {3}, {1, 2, 3}));
  graph.Output(x);
  auto executor = Executor::Create(graph.Build(), {});
  ASSERT_THAT(executor, IsOk());
  const TensorValue value = ValueOf<float>(kFloat, {2}, {5, 6});
  ASSERT_THAT(executor->Run({{value.view()}}), IsOk());
  EXPECT_THAT(OutputOfRun<float>(*executor, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(OutputOfRun<float>(*executor, 1), ElementsAre(5, 6));
}

TEST(Executor, NamesAnOperatorThatNobodyHas) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {2});
  const TensorIndex y = graph.Tensor(kFloat, {2});
  graph.Op(schema::BuiltinOperator_SKIP_GRAM, {x}, {y}, schema::SkipGramOptionsT());
  graph.Output(y);
  const auto executor = Executor::Create(graph.Build(), {});
  EXPECT_THAT(executor.status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("SKIP_GRAM")));
  EXPECT_EQ(ReasonOf(executor.status()), "OP_UNSUPPORTED");
}

TEST(CheckRunnable, NamesWhatNobodyRunsInItsTypes) {
  EXPECT_THAT(CheckRunnable(ReluAddTwice()), IsOk());
  GraphBuilder graph;
  const TensorIndex x = graph.Input(schema::TensorType_BOOL, {2});
  const TensorIndex y = graph.Tensor(schema::TensorType_BOOL, {2});
  graph.Op(schema::BuiltinOperator_EXP, {x}, {y}, schema::ExpOptionsT());
  graph.Output(y);
  const absl::Status status = CheckRunnable(graph.Build());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("EXP")));
  EXPECT_EQ(ReasonOf(status), "OP_UNSUPPORTED");
  EXPECT_THAT(std::string(*status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo")),
              AllOf(HasSubstr("tensor"), HasSubstr("t1")));
}

// Models have names of any length, and metadata goes into the headers of a reply.
TEST(CheckRunnable, ShortensNames) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(schema::TensorType_BOOL, {2});
  const TensorIndex y = graph.Tensor(schema::TensorType_BOOL, {2});
  graph.Op(schema::BuiltinOperator_EXP, {x}, {y}, schema::ExpOptionsT());
  graph.Output(y);
  Model model = graph.Build();
  model.tensor(y).name.assign(50'000, 'y');
  const absl::Status status = CheckRunnable(model);
  EXPECT_EQ(ReasonOf(status), "OP_UNSUPPORTED");
  EXPECT_LT(status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo")->size(), 1000);
}

TEST(Executor, RefusesTensorsWithoutAValue) {
  GraphBuilder graph;
  graph.Input(kFloat, {2});
  const TensorIndex nothing = graph.Tensor(kFloat, {2});
  const TensorIndex y = graph.Tensor(kFloat, {2});
  graph.Op(schema::BuiltinOperator_RELU, {nothing}, {y});
  graph.Output(y);
  EXPECT_THAT(Executor::Create(graph.Build(), {}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("'t1'")));
}

TEST(Executor, RefusesTensorsWithTwoValues) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {2});
  graph.Op(schema::BuiltinOperator_RELU, {x}, {x});
  graph.Output(x);
  EXPECT_THAT(Executor::Create(graph.Build(), {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'t0' has two values")));
}

TEST(Executor, RefusesTensorsWithoutASize) {
  GraphBuilder graph;
  graph.Output(graph.Input(schema::TensorType_STRING, {2}));
  EXPECT_EQ(ReasonOf(Executor::Create(graph.Build(), {}).status()), "OP_UNSUPPORTED");
}

TEST(Executor, HasNoMemoryForEndlessTensors) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {1 << 20, 1 << 20});
  graph.Output(x);
  EXPECT_THAT(Executor::Create(graph.Build(), {}).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// int8: pool (ours) between two operators of XNNPACK.
Model QuantizePoolDequantize() {
  const Quantization q{.scales = {0.5f}, .zero_point = -3};
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {1, 2, 2, 1});
  const TensorIndex codes = graph.Tensor(kInt8, {1, 2, 2, 1}, q);
  const TensorIndex pooled = graph.Tensor(kInt8, {1, 1, 1, 1}, q);
  const TensorIndex y = graph.Tensor(kFloat, {1, 1, 1, 1});
  schema::Pool2DOptionsT pool;
  pool.padding = schema::Padding_VALID;
  pool.filter_height = pool.filter_width = pool.stride_h = pool.stride_w = 2;
  graph.Op(schema::BuiltinOperator_QUANTIZE, {x}, {codes});
  graph.Op(schema::BuiltinOperator_AVERAGE_POOL_2D, {codes}, {pooled}, pool);
  graph.Op(schema::BuiltinOperator_DEQUANTIZE, {pooled}, {y});
  graph.Output(y);
  return graph.Build();
}

TEST(Executor, PutsKernelsBetweenSubgraphsAndSaysSo) {
  auto executor = Executor::Create(QuantizePoolDequantize(), {});
  ASSERT_THAT(executor, IsOk());
  EXPECT_EQ(executor->runtime(), "XNNPACK + own kernels (AVERAGE_POOL_2D)");
  const TensorValue x = ValueOf<float>(kFloat, {1, 2, 2, 1}, {1, 2, 3, 4});
  ASSERT_THAT(executor->Run({{x.view()}}), IsOk());
  EXPECT_THAT(OutputOfRun<float>(*executor), ElementsAre(2.5f));  // codes -1 1 3 5, mean 2
}

TEST(Executor, SaysWhoRunsTheModel) {
  EXPECT_EQ(Executor::Create(ReluAddTwice(), {})->runtime(), "XNNPACK");
  EXPECT_EQ(Executor::Create(ReluAddTwice(), {.backend = Backend::kReference})->runtime(),
            "own kernels");
}

// A fully connected layer with constants of `type` behind DEQUANTIZE.
Model WidenedWeights(schema::TensorType type, SharedBytes weights, Quantization quantization) {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {1, 2});
  const TensorIndex stored = graph.Tensor(type, {3, 2}, std::move(quantization));
  const TensorIndex filter = graph.Tensor(kFloat, {3, 2});
  const TensorIndex y = graph.Tensor(kFloat, {1, 3});
  graph.Op(schema::BuiltinOperator_DEQUANTIZE, {stored}, {filter});
  graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, filter}, {y},
           schema::FullyConnectedOptionsT());
  graph.Output(y);
  Model model = graph.Build();
  model.tensor(stored).buffer = model.AddBuffer(std::move(weights));
  return model;
}

std::vector<float> RunWidened(const Model& model) {
  auto executor = Executor::Create(model, {});
  EXPECT_THAT(executor, IsOk());
  if (!executor.ok()) return {};
  EXPECT_EQ(executor->runtime(), "XNNPACK");
  const TensorValue x = ValueOf<float>(kFloat, {1, 2}, {1, 10});
  EXPECT_THAT(executor->Run({{x.view()}}), IsOk());
  return OutputOfRun<float>(*executor);
}

TEST(Executor, WidensFloat16Constants) {
  // 1, -2, 0.5, 65504, the smallest subnormal, -0.
  const std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001, 0x8000};
  EXPECT_THAT(RunWidened(WidenedWeights(schema::TensorType_FLOAT16,
                                        SharedBytes::OwnValues<uint16_t>(halves), {})),
              ElementsAre(-19.0f, 655040.5f, 0x1p-24f));
}

TEST(Executor, WidensIntegerConstantsPerChannel) {
  const std::vector<int8_t> codes = {1, 2, -3, 4, 127, -128};
  EXPECT_THAT(RunWidened(WidenedWeights(kInt8, SharedBytes::OwnValues<int8_t>(codes),
                                        {.scales = {1.0f, 0.5f, 2.0f}, .axis = 0})),
              ElementsAre(21.0f, 18.5f, 254.0f - 2560.0f));
  EXPECT_THAT(RunWidened(WidenedWeights(kInt8, SharedBytes::OwnValues<int8_t>(codes),
                                        {.scales = {1.0f, 10.0f}, .axis = 1})),
              ElementsAre(201.0f, 397.0f, 127.0f - 12800.0f));
}

TEST(Executor, WidensInt4Constants) {
  const std::vector<uint8_t> packed = {0x21, 0x4d, 0x87};  // 1, 2, -3, 4, 7, -8: low nibble first
  EXPECT_THAT(
      RunWidened(WidenedWeights(schema::TensorType_INT4, SharedBytes::OwnValues<uint8_t>(packed),
                                {.scales = {0.5f}})),
      ElementsAre(10.5f, 18.5f, 3.5f - 40.0f));
}

// A fully connected layer of 2 outputs with int4 weights, two blocks of 32 a row: each row has the
// codes -8 to 7 four times over.
Model BlockWeights() {
  GraphBuilder graph;
  const TensorIndex x = graph.Input(kFloat, {1, 64});
  const TensorIndex filter = graph.Tensor(schema::TensorType_INT4, {2, 64});
  const TensorIndex scales = graph.Tensor(schema::TensorType_FLOAT16, {2, 2});
  const TensorIndex bias = graph.Constant<float>(kFloat, {2}, {100, 200});
  const TensorIndex y = graph.Tensor(kFloat, {1, 2});
  graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, filter, bias}, {y},
           schema::FullyConnectedOptionsT());
  graph.Output(y);
  Model model = graph.Build();
  std::vector<uint8_t> packed;
  for (int i = 0; i < 64; ++i) {
    const int low = (2 * i + 8) % 16;  // -8, -6 ... 6, each with its successor above it
    packed.push_back(static_cast<uint8_t>((low + 1) << 4 | low));
  }
  model.tensor(filter).buffer = model.AddBuffer(SharedBytes::OwnValues<uint8_t>(packed));
  // 1, 2, 0.5, 4.
  const std::vector<uint16_t> halves = {0x3c00, 0x4000, 0x3800, 0x4400};
  model.tensor(scales).buffer = model.AddBuffer(SharedBytes::OwnValues<uint16_t>(halves));
  schema::BlockwiseQuantizationT blocks;
  blocks.scales = static_cast<int32_t>(scales);
  blocks.zero_points = -1;
  blocks.block_size = 32;
  model.tensor(filter).quantization = std::make_unique<schema::QuantizationParametersT>();
  model.tensor(filter).quantization->details.Set(std::move(blocks));
  return model;
}

TEST(Executor, RunsWeightsInBlocks) {
  // 1 in each place of the first block, 2 in each of the second; the codes of a block add up to
  // -16.
  std::vector<float> values(64, 1);
  std::fill(values.begin() + 32, values.end(), 2.0f);
  const TensorValue x = ValueOf<float>(kFloat, {1, 64}, values);
  for (const Backend backend : {Backend::kXnnpack, Backend::kReference}) {
    auto executor = Executor::Create(BlockWeights(), {.backend = backend});
    ASSERT_THAT(executor, IsOk());
    ASSERT_THAT(executor->Run({{x.view()}}), IsOk());
    const std::vector<float> y = OutputOfRun<float>(*executor);
    ASSERT_EQ(y.size(), 2);
    EXPECT_NEAR(y[0], 100 - 16 * (1 + 2 * 2), 0.5);
    EXPECT_NEAR(y[1], 200 - 16 * (0.5 + 2 * 4), 0.7);
  }
}

TEST(Executor, LeavesTheModelAlone) {
  const Model model =
      WidenedWeights(kInt8, SharedBytes::OwnValues<int8_t>(std::vector<int8_t>{1, 2, 3, 4, 5, 6}),
                     {.scales = {1.0f}});
  RunWidened(model);
  EXPECT_EQ(model.graph().operators.size(), 2);
  EXPECT_EQ(model.buffers.size(), 2);
  EXPECT_THAT(model.ConstantValues<int8_t>(TensorIndex{1}), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Executor, GivesTheSameOnEveryThread) {
  const Model model = QuantizePoolDequantize();
  constexpr int kThreads = 4;
  std::vector<std::vector<float>> results(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&model, &result = results[thread]] {
      auto executor = Executor::Create(model, {});
      if (!executor.ok()) return;
      for (int run = 0; run < 200; ++run) {
        const float value = static_cast<float>(run % 7);
        const TensorValue x = ValueOf<float>(kFloat, {1, 2, 2, 1}, {value, 1, 2, value});
        if (executor->Run({{x.view()}}).ok()) result.push_back(OutputOfRun<float>(*executor)[0]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0].size(), 200);
  for (const auto& result : results) EXPECT_THAT(result, ElementsAreArray(results[0]));
}

TEST(Executor, MovesWithItsState) {
  auto made = Executor::Create(ReluAddTwice(), {});
  ASSERT_THAT(made, IsOk());
  Executor executor = *std::move(made);
  const TensorValue x = ValueOf<float>(kFloat, {1, 4}, {1, 2, 3, 4});
  ASSERT_THAT(executor.Run({{x.view()}}), IsOk());
  EXPECT_THAT(OutputOfRun<float>(executor), ElementsAre(4, 6, 8, 10));
}

// XNNPACK aborts where nothing is left between the bounds of an activation.
TEST(Executor, SurvivesActivationsThatLeaveNoCodes) {
  const Quantization q{.scales = {0.5f}, .zero_point = 127};
  GraphBuilder graph;
  const TensorIndex a = graph.Input(kInt8, {1, 4}, q);
  const TensorIndex b = graph.Input(kInt8, {1, 4}, q);
  const TensorIndex y = graph.Tensor(kInt8, {1, 4}, q);
  schema::AddOptionsT add;
  add.fused_activation_function = schema::ActivationFunctionType_RELU;
  graph.Op(schema::BuiltinOperator_ADD, {a, b}, {y}, add);
  graph.Output(y);
  auto executor = Executor::Create(graph.Build(), {});
  ASSERT_THAT(executor, IsOk());
  const TensorValue x = ValueOf<int8_t>(kInt8, {1, 4}, {0, 1, 2, 127});
  ASSERT_THAT(executor->Run({{x.view(), x.view()}}), IsOk());
  EXPECT_THAT(OutputOfRun<int8_t>(*executor), ElementsAre(127, 127, 127, 127));
}

// Scales that XNNPACK refuses or asserts against: the run is right, or there is none.
TEST(Executor, SurvivesAnyScale) {
  for (float scale :
       {0.0f, -1.0f, 1e-45f, 1e-38f, 1e-20f, 1e20f, 3e38f, std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    for (bool on_output : {false, true}) {
      const Quantization odd{.scales = {scale}};
      const Quantization one{.scales = {1.0f}};
      GraphBuilder graph;
      const TensorIndex x = graph.Input(kInt8, {1, 2, 2, 1}, on_output ? one : odd);
      const TensorIndex filter = graph.Constant<int8_t>(kInt8, {1, 1, 1, 1}, {3}, one);
      const TensorIndex bias =
          graph.Constant<int32_t>(schema::TensorType_INT32, {1}, {0}, on_output ? one : odd);
      const TensorIndex y = graph.Tensor(kInt8, {1, 2, 2, 1}, on_output ? odd : one);
      const TensorIndex sum = graph.Tensor(kInt8, {1, 2, 2, 1}, one);
      schema::Conv2DOptionsT conv;
      conv.stride_h = conv.stride_w = 1;
      graph.Op(schema::BuiltinOperator_CONV_2D, {x, filter, bias}, {y}, conv);
      graph.Op(schema::BuiltinOperator_ADD, {y, y}, {sum}, schema::AddOptionsT());
      graph.Output(sum);
      auto executor = Executor::Create(graph.Build(), {});
      if (!executor.ok()) continue;
      const TensorValue value = ValueOf<int8_t>(kInt8, {1, 2, 2, 1}, {1, 2, 3, 4});
      EXPECT_THAT(executor->Run({{value.view()}}), IsOk()) << scale;
    }
  }
}

}  // namespace
}  // namespace octavo
