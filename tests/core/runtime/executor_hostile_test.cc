// Nothing crashes: fixtures with random damage, as far as the reader and the shapes let them
// through, are made and run.
//
// More of it: core_runtime_tests --gtest_filter=ExecutorHostile.* --gtest_random_seed=N

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/graph/fix_shapes.h"
#include "core/runtime/executor.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "tests/core/runtime/executor_graph.h"
#include "tests/testing/long_run.h"

namespace octavo {
namespace {

const int kRounds = Rounds(400);  // a fixture
// What is damaged into something larger is not run: that would be slow, not wrong.
constexpr int64_t kMaxElements = 1 << 18;

template <typename T>
const T& AnyOf(const std::vector<T>& values, std::mt19937& random) {
  return values[random() % values.size()];
}

int32_t OddInteger(std::mt19937& random) {
  static const std::vector<int32_t> kOdd = {0,
                                            1,
                                            2,
                                            3,
                                            4,
                                            5,
                                            7,
                                            8,
                                            16,
                                            33,
                                            -1,
                                            -2,
                                            127,
                                            128,
                                            255,
                                            256,
                                            65536,
                                            1 << 20,
                                            1 << 24,
                                            std::numeric_limits<int32_t>::max(),
                                            std::numeric_limits<int32_t>::min()};
  return AnyOf(kOdd, random);
}

float OddFloat(std::mt19937& random) {
  static const std::vector<float> kOdd = {0.0f,
                                          1.0f,
                                          -1.0f,
                                          0.5f,
                                          1.0f / 256,
                                          255.0f,
                                          256.0f,
                                          1e-3f,
                                          1e-10f,
                                          1e-30f,
                                          1e-45f,
                                          1e10f,
                                          3e38f,
                                          std::numeric_limits<float>::infinity(),
                                          std::numeric_limits<float>::quiet_NaN()};
  return AnyOf(kOdd, random);
}

void DamageShape(schema::TensorT& tensor, std::mt19937& random) {
  if (tensor.shape.empty() || random() % 8 == 0) {
    tensor.shape.push_back(OddInteger(random) & 7);
  } else if (random() % 8 == 0) {
    tensor.shape.pop_back();
  } else {
    tensor.shape[random() % tensor.shape.size()] = OddInteger(random);
  }
}

void DamageQuantization(schema::TensorT& tensor, std::mt19937& random) {
  if (tensor.quantization == nullptr) {
    tensor.quantization = std::make_unique<schema::QuantizationParametersT>();
  }
  schema::QuantizationParametersT& quantization = *tensor.quantization;
  switch (random() % 6) {
    case 0:
      quantization.scale.push_back(OddFloat(random));
      break;
    case 1:
      if (!quantization.scale.empty()) quantization.scale.pop_back();
      break;
    case 2:
      quantization.zero_point.assign(quantization.scale.size(), OddInteger(random));
      break;
    case 3:
      quantization.quantized_dimension = OddInteger(random);
      break;
    case 4:
      tensor.quantization.reset();
      break;
    default:
      for (float& scale : quantization.scale) {
        if (random() % 2) scale = OddFloat(random);
      }
  }
}

void DamageType(schema::TensorT& tensor, std::mt19937& random) {
  static const std::vector<schema::TensorType> kTypes = {
      schema::TensorType_FLOAT32, schema::TensorType_FLOAT16, schema::TensorType_INT8,
      schema::TensorType_UINT8,   schema::TensorType_INT16,   schema::TensorType_INT32,
      schema::TensorType_INT64,   schema::TensorType_BOOL,    schema::TensorType_INT4};
  tensor.type = AnyOf(kTypes, random);
}

void DamageOptions(schema::OperatorT& op, std::mt19937& random) {
  const int32_t odd = OddInteger(random);
  const auto padding = static_cast<schema::Padding>(random() % 2);
  const auto activation = static_cast<schema::ActivationFunctionType>(random() % 6);
  const auto damage = [&](std::vector<int32_t*> integers) {
    *integers[random() % integers.size()] = odd;
  };
  if (auto* conv = op.builtin_options.AsConv2DOptions()) {
    damage({&conv->stride_h, &conv->stride_w, &conv->dilation_h_factor, &conv->dilation_w_factor});
    conv->padding = padding;
    conv->fused_activation_function = activation;
  } else if (auto* depthwise = op.builtin_options.AsDepthwiseConv2DOptions()) {
    damage({&depthwise->stride_h, &depthwise->stride_w, &depthwise->dilation_h_factor,
            &depthwise->dilation_w_factor, &depthwise->depth_multiplier});
    depthwise->padding = padding;
    depthwise->fused_activation_function = activation;
  } else if (auto* transposed = op.builtin_options.AsTransposeConvOptions()) {
    damage({&transposed->stride_h, &transposed->stride_w});
    transposed->padding = padding;
    transposed->fused_activation_function = activation;
  } else if (auto* pool = op.builtin_options.AsPool2DOptions()) {
    damage({&pool->stride_h, &pool->stride_w, &pool->filter_height, &pool->filter_width});
    pool->padding = padding;
    pool->fused_activation_function = activation;
  } else if (auto* full = op.builtin_options.AsFullyConnectedOptions()) {
    full->fused_activation_function = activation;
    full->keep_num_dims = random() % 2;
  } else if (auto* joined = op.builtin_options.AsConcatenationOptions()) {
    joined->axis = odd;
  } else if (auto* add = op.builtin_options.AsAddOptions()) {
    add->fused_activation_function = activation;
  } else if (auto* reducer = op.builtin_options.AsReducerOptions()) {
    reducer->keep_dims = random() % 2;
  } else if (auto* softmax = op.builtin_options.AsSoftmaxOptions()) {
    softmax->beta = OddFloat(random);
  } else if (auto* leaky = op.builtin_options.AsLeakyReluOptions()) {
    leaky->alpha = OddFloat(random);
  } else {
    op.builtin_options.Reset();
  }
}

void DamageConstant(Model& model, schema::TensorT& tensor, std::mt19937& random) {
  const std::span<const uint8_t> bytes = model.buffers[tensor.buffer].get();
  if (bytes.empty()) return;
  std::vector<uint8_t> damaged(bytes.begin(), bytes.end());
  if (tensor.type == schema::TensorType_INT32) {
    const int32_t odd = OddInteger(random);
    std::memcpy(damaged.data() + random() % (damaged.size() / 4) * 4, &odd, 4);
  } else {
    damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
  }
  tensor.buffer = model.AddBuffer(SharedBytes::Own(std::move(damaged)));
}

void Damage(Model& model, std::mt19937& random) {
  schema::SubGraphT& graph = model.graph();
  schema::OperatorT& op = *graph.operators[random() % graph.operators.size()];
  schema::TensorT& tensor = *graph.tensors[random() % graph.tensors.size()];
  switch (random() % 10) {
    case 0:
      return DamageShape(tensor, random);
    case 1:
    case 2:
      return DamageQuantization(tensor, random);
    case 3:
      return DamageType(tensor, random);
    case 4:
    case 5:
      return DamageOptions(op, random);
    case 6:
      return DamageConstant(model, tensor, random);
    case 7:  // another operator with these tensors and options
      op.opcode_index = random() % model.tables.operator_codes.size();
      return;
    case 8:
      if (op.inputs.empty()) return;
      op.inputs[random() % op.inputs.size()] =
          static_cast<int32_t>(random() % (graph.tensors.size() + 1)) - 1;
      return;
    default:
      if (random() % 2 == 0 && !op.inputs.empty()) {
        op.inputs.pop_back();
      } else {
        op.inputs.push_back(static_cast<int32_t>(random() % graph.tensors.size()));
      }
  }
}

bool IsSmall(const Model& model) {
  int64_t elements = 0;
  for (const auto& tensor : model.graph().tensors) {
    const std::optional<int64_t> count = NumElements(tensor->shape);
    if (!count || *count > kMaxElements) return false;
    elements += *count;
  }
  return elements < 8 * kMaxElements;
}

std::optional<Model> ReadFixture(const std::string& path) {
  std::ifstream file(absl::StrCat(std::getenv("OCTAVO_TEST_DATA"), "/", path), std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  auto bytes = std::make_shared<const std::vector<uint8_t>>(std::istreambuf_iterator<char>(file),
                                                            std::istreambuf_iterator<char>());
  absl::StatusOr<Model> model = ReadModel(bytes);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return std::nullopt;
  return *std::move(model);
}

// Nothing where the damage is found before the executor.
std::optional<Model> AsUploaded(const Model& damaged) {
  absl::StatusOr<std::vector<uint8_t>> bytes = WriteModel(damaged);
  if (!bytes.ok()) return std::nullopt;
  absl::StatusOr<Model> model =
      ReadModel(std::make_shared<const std::vector<uint8_t>>(*std::move(bytes)));
  if (!model.ok()) return std::nullopt;
  absl::StatusOr<Model> fixed = FixShapes(*model);
  if (!fixed.ok() || !IsSmall(*fixed)) return std::nullopt;
  return *std::move(fixed);
}

void MakeAndRun(const Model& model, const ExecutorOptions& options, std::mt19937& random) {
  absl::StatusOr<Executor> executor = Executor::Create(model, options);
  if (!executor.ok()) {
    EXPECT_THAT(executor.status().code(), ::testing::AnyOf(absl::StatusCode::kFailedPrecondition,
                                                           absl::StatusCode::kInvalidArgument,
                                                           absl::StatusCode::kResourceExhausted))
        << executor.status();
    return;
  }
  const std::vector<TensorValue> inputs = RandomInputs(model, random);
  EXPECT_TRUE(executor->Run(ViewsOf(inputs)).ok());
  for (int output = 0; output < executor->num_outputs(); ++output) executor->Output(output);
}

class ExecutorHostile : public ::testing::TestWithParam<std::string> {};

TEST_P(ExecutorHostile, SurvivesDamage) {
  const std::optional<Model> fixture = ReadFixture(GetParam());
  ASSERT_TRUE(fixture.has_value());
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  int reached = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", round " << round);
    std::mt19937 random(seed * kRounds + round);
    Model damaged = *fixture;
    for (int count = 1 + static_cast<int>(random() % 2); count > 0; --count)
      Damage(damaged, random);
    const std::optional<Model> model = AsUploaded(damaged);
    if (!model) continue;
    ++reached;
    MakeAndRun(*model,
               {.backend = random() % 4 ? Backend::kXnnpack : Backend::kReference,
                .tap_activations = random() % 2 == 0},
               random);
  }
  EXPECT_GT(reached, kRounds / 20);  // the damage does not all end at the reader
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ExecutorHostile,
                         ::testing::Values("models/mnist_cnn/float.tflite",
                                           "reference/mnist_cnn/dynamic_int8.tflite",
                                           "reference/mnist_cnn/int8_uint8_io.tflite",
                                           "reference/mnist_cnn/int16x8_float_io.tflite",
                                           "reference/hard_detect_grid/int8.tflite",
                                           "reference/hard_cle_mild/int8_per_tensor.tflite",
                                           "models/hard_swish_se/float.tflite",
                                           "models/qat_mobilenet/float.tflite"),
                         [](const auto& info) { return absl::StrCat("Fixture", info.index); });

}  // namespace
}  // namespace octavo
