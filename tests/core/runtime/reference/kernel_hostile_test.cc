// What NewKernel refuses, and that what it takes cannot be brought to crash.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/model_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/runtime/reference/golden_cases.h"
#include "tests/core/runtime/reference/model_run.h"
#include "tests/core/runtime/reference/operator_model.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

absl::Status Refusal(const Model& model) {
  return NewKernel(model, *model.graph().operators[0]).status();
}

void ExpectRefused(const Model& model, const std::string& why) {
  const absl::Status status = Refusal(model);
  EXPECT_THAT(status,
              absl_testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(why)));
  EXPECT_EQ(ReasonOf(status), "OP_UNSUPPORTED");
}

Operand Int8(Shape shape, float scale = 0.1f, int64_t zero_point = 0) {
  return {.type = schema::TensorType_INT8,
          .shape = std::move(shape),
          .scales = {scale},
          .zero_points = {zero_point}};
}

Operand Int8Weights(Shape shape, std::vector<float> scales = {0.1f}) {
  Operand operand =
      Constant(schema::TensorType_INT8, shape, std::vector<int8_t>(*NumElements(shape), 1));
  operand.scales = std::move(scales);
  return operand;
}

schema::Conv2DOptionsT Conv2DOptions() {
  schema::Conv2DOptionsT options;
  options.stride_h = options.stride_w = 1;
  return options;
}

Model Conv2D(const schema::Conv2DOptionsT& options, const std::vector<Operand>& inputs,
             const Operand& output) {
  return OperatorModel(schema::BuiltinOperator_CONV_2D, options, inputs, {output});
}

const Operand kImage = Int8({1, 4, 4, 2});
const Operand kWeights = Int8Weights({3, 1, 1, 2});
const Operand kResult = Int8({1, 4, 4, 3});

TEST(NewKernel, NamesTheOperatorAndItsTypes) {
  const Model model =
      OperatorModel(schema::BuiltinOperator_ADD,
                    {Float({2}), {.type = schema::TensorType_INT32, .shape = {2}}}, {Float({2})});
  ExpectRefused(model, "ADD (FLOAT32, INT32 -> FLOAT32): ");
}

TEST(NewKernel, RefusesAnOperatorWithoutAKernel) {
  ExpectRefused(OperatorModel(schema::BuiltinOperator_SKIP_GRAM, {Float({1})}, {Float({1})}),
                "SKIP_GRAM (FLOAT32 -> FLOAT32): no kernel for this operator");
}

TEST(NewKernel, RefusesScalesThatAreNone) {
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Operand image = kImage;
    image.scales = {scale};
    ExpectRefused(Conv2D(Conv2DOptions(), {image, kWeights}, kResult), "has the scale");
  }
  Operand image = kImage;
  image.scales = {};
  ExpectRefused(Conv2D(Conv2DOptions(), {image, kWeights}, kResult), "has no scale of its own");
  // A channel whose weights are all 0 may have the scale 0.
  EXPECT_THAT(Refusal(Conv2D(Conv2DOptions(),
                             {kImage, Int8Weights({3, 1, 1, 2}, {0.1f, 0.0f, 0.2f})}, kResult)),
              absl_testing::IsOk());
}

TEST(NewKernel, RefusesFactorsThatOverflow) {
  Operand image = kImage;
  image.scales = {1e30f};
  ExpectRefused(Conv2D(Conv2DOptions(), {image, kWeights}, kResult), "its scales give the factor");
  ExpectRefused(
      OperatorModel(schema::BuiltinOperator_RELU, {Int8({2}, 1e20f)}, {Int8({2}, 1e-20f)}),
      "its scales give the factor");
}

TEST(NewKernel, RefusesZeroPointsThatTheTypeCannotHold) {
  ExpectRefused(OperatorModel(schema::BuiltinOperator_RELU, {Int8({2}, 0.1f, 1000)}, {Int8({2})}),
                "has the zero point 1000");
  Operand weights = kWeights;
  weights.zero_points = {3};
  ExpectRefused(Conv2D(Conv2DOptions(), {kImage, weights}, kResult),
                "weights with a zero point other than 0");
}

TEST(NewKernel, RefusesShapesThatDoNotFit) {
  ExpectRefused(Conv2D(Conv2DOptions(), {kImage, kWeights}, Int8({1, 4, 5, 3})),
                "an output of 5 pixels, expected 4");
  ExpectRefused(Conv2D(Conv2DOptions(), {kImage, Int8Weights({3, 1, 1, 5})}, kResult),
                "the weights' depth does not divide the input's");
  ExpectRefused(Conv2D(Conv2DOptions(), {Int8({4, 4, 2}), kWeights}, kResult),
                "expected 4 dimensions");
  ExpectRefused(OperatorModel(schema::BuiltinOperator_RELU, {Float({2, 3})}, {Float({6})}),
                "output 0 has the shape [6], expected [2, 3]");
  ExpectRefused(OperatorModel(schema::BuiltinOperator_RELU, {Float({-1})}, {Float({-1})}),
                "has no fixed size");
}

TEST(NewKernel, RefusesStepsThatAreNone) {
  schema::Conv2DOptionsT options = Conv2DOptions();
  options.stride_h = 0;
  ExpectRefused(Conv2D(options, {kImage, kWeights}, kResult), "stride 0");
  options = Conv2DOptions();
  options.dilation_w_factor = -1;
  ExpectRefused(Conv2D(options, {kImage, kWeights}, kResult), "dilation -1");
  schema::Pool2DOptionsT pool;
  pool.stride_h = pool.stride_w = 1;
  ExpectRefused(OperatorModel(schema::BuiltinOperator_MAX_POOL_2D, pool, {kImage}, {kImage}),
                "a window of size 0");
}

TEST(NewKernel, RefusesWeightsThatAreNoConstant) {
  Operand weights = kWeights;
  weights.constant.clear();
  ExpectRefused(Conv2D(Conv2DOptions(), {kImage, weights}, kResult), "must be a constant");
}

TEST(NewKernel, RefusesAxesOutsideTheShape) {
  schema::ReducerOptionsT options;
  for (const int axis : {2, -3, INT32_MAX, INT32_MIN}) {
    ExpectRefused(OperatorModel(schema::BuiltinOperator_SUM, options,
                                {Float({2, 3}), Integers({axis})}, {Float({2})}),
                  "of a tensor of 2 dimensions");
  }
}

TEST(NewKernel, RefusesInt16WithAZeroPoint) {
  const Operand shifted = {
      .type = schema::TensorType_INT16, .shape = {2}, .scales = {0.1f}, .zero_points = {5}};
  ExpectRefused(OperatorModel(schema::BuiltinOperator_MUL, {shifted, shifted}, {shifted}),
                "INT16 needs zero points of 0");
}

TEST(NewKernel, RefusesMovingCodesBetweenScales) {
  schema::ConcatenationOptionsT options;
  ExpectRefused(OperatorModel(schema::BuiltinOperator_CONCATENATION, options,
                              {Int8({2}, 0.1f), Int8({2}, 0.2f)}, {Int8({4}, 0.1f)}),
                "input 1 has another scale than the output");
}

TEST(NewKernel, RefusesASliceOutsideTheInput) {
  schema::SliceOptionsT options;
  ExpectRefused(OperatorModel(schema::BuiltinOperator_SLICE, options,
                              {Float({3}), Integers({2}), Integers({5})}, {Float({5})}),
                "a size that reaches outside the input");
  schema::StridedSliceOptionsT strided;
  ExpectRefused(
      OperatorModel(schema::BuiltinOperator_STRIDED_SLICE, strided,
                    {Float({3}), Integers({0}), Integers({3}), Integers({0})}, {Float({3})}),
      "a stride of 0");
}

// The whole numbers among an operator's options.
std::vector<int32_t*> OptionNumbers(schema::OperatorT* op) {
  auto& options = op->builtin_options;
  if (auto* conv = options.AsConv2DOptions()) {
    return {&conv->stride_h, &conv->stride_w, &conv->dilation_h_factor, &conv->dilation_w_factor};
  }
  if (auto* conv = options.AsDepthwiseConv2DOptions()) {
    return {&conv->stride_h, &conv->stride_w, &conv->dilation_h_factor, &conv->dilation_w_factor,
            &conv->depth_multiplier};
  }
  if (auto* conv = options.AsTransposeConvOptions()) return {&conv->stride_h, &conv->stride_w};
  if (auto* pool = options.AsPool2DOptions()) {
    return {&pool->stride_h, &pool->stride_w, &pool->filter_height, &pool->filter_width};
  }
  if (auto* slice = options.AsStridedSliceOptions()) {
    return {&slice->begin_mask, &slice->end_mask, &slice->ellipsis_mask, &slice->new_axis_mask,
            &slice->shrink_axis_mask};
  }
  if (auto* gather = options.AsGatherOptions()) return {&gather->axis, &gather->batch_dims};
  if (auto* concatenation = options.AsConcatenationOptions()) return {&concatenation->axis};
  if (auto* pack = options.AsPackOptions()) return {&pack->axis};
  if (auto* unpack = options.AsUnpackOptions()) return {&unpack->axis};
  if (auto* deep = options.AsSpaceToDepthOptions()) return {&deep->block_size};
  if (auto* wide = options.AsDepthToSpaceOptions()) return {&wide->block_size};
  return {};
}

// The real numbers among them.
std::vector<float*> OptionReals(schema::OperatorT* op) {
  if (auto* softmax = op->builtin_options.AsSoftmaxOptions()) return {&softmax->beta};
  if (auto* relu = op->builtin_options.AsLeakyReluOptions()) return {&relu->alpha};
  return {};
}

// Changes one thing of a model's operator: a size, a type, a scale, an option's or a constant's
// bits.
void Mutate(std::mt19937& random, Model* model) {
  auto& tensors = model->graph().tensors;
  schema::TensorT& tensor = *tensors[random() % tensors.size()];
  const float nasty_scales[] = {0, -1, 1e-38f, 1e38f, 1e-6f, 100, std::nanf("")};
  const int32_t nasty_numbers[] = {0, 1, -1, 2, 3, 7, 255, INT32_MAX, INT32_MIN, 1 << 30};
  schema::OperatorT& op = *model->graph().operators[0];
  switch (random() % 9) {
    case 0:
      if (!tensor.shape.empty()) {
        tensor.shape[random() % tensor.shape.size()] = static_cast<int32_t>(random() % 9);
      }
      return;
    case 1:
      tensor.type = static_cast<schema::TensorType>(random() % 18);
      return;
    case 2:
      if (tensor.quantization != nullptr && !tensor.quantization->scale.empty()) {
        auto& scales = tensor.quantization->scale;
        scales[random() % scales.size()] = nasty_scales[random() % std::size(nasty_scales)];
      }
      return;
    case 3:
      if (tensor.quantization != nullptr && !tensor.quantization->zero_point.empty()) {
        tensor.quantization->zero_point[0] = nasty_numbers[random() % std::size(nasty_numbers)];
      }
      return;
    case 4: {
      // Constants of integers: axes, paddings, begins ...
      Bytes bytes(model->buffers[tensor.buffer].get().begin(),
                  model->buffers[tensor.buffer].get().end());
      if (bytes.size() < 4 || tensor.type != schema::TensorType_INT32) return;
      const int32_t number = nasty_numbers[random() % std::size(nasty_numbers)];
      std::memcpy(bytes.data() + random() % (bytes.size() / 4) * 4, &number, 4);
      model->buffers[tensor.buffer] = SharedBytes::Own(bytes);
      return;
    }
    case 5:
      if (random() % 2 == 0 && !op.inputs.empty()) {
        // The reader refuses an operator that reads what it writes.
        const int32_t index = static_cast<int32_t>(random() % tensors.size());
        if (std::find(op.outputs.begin(), op.outputs.end(), index) != op.outputs.end()) return;
        op.inputs[random() % op.inputs.size()] = index;
      } else {
        tensor.shape.resize(random() % 6, 2);
      }
      return;
    case 6:
    case 7: {
      const std::vector<int32_t*> numbers = OptionNumbers(&op);
      const std::vector<float*> reals = OptionReals(&op);
      if (!numbers.empty()) {
        *numbers[random() % numbers.size()] = nasty_numbers[random() % std::size(nasty_numbers)];
      } else if (!reals.empty()) {
        *reals[random() % reals.size()] = nasty_scales[random() % std::size(nasty_scales)];
      }
      return;
    }
    default:
      op.builtin_options.Reset();
      return;
  }
}

bool IsSmall(const Model& model) {
  for (const auto& tensor : model.graph().tensors) {
    const auto bytes = TensorBytes(tensor->type, tensor->shape);
    if (!bytes.has_value() || *bytes > 1 << 16) return false;
  }
  return true;
}

// Runs the model, if it can be run, on random bytes: any code, NaN, index.
bool RunOnNoise(std::mt19937& random, const Model& model) {
  if (!IsSmall(model)) return false;
  auto run = ModelRun::Create(model);
  if (!run.ok()) {
    EXPECT_EQ(run.status().code(), absl::StatusCode::kFailedPrecondition) << run.status();
    return false;
  }
  std::vector<Bytes> inputs;
  for (const int32_t index : model.graph().inputs) {
    const schema::TensorT& tensor = *model.graph().tensors[index];
    Bytes bytes(*TensorBytes(tensor.type, tensor.shape));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    if (tensor.type == schema::TensorType_BOOL) {
      for (uint8_t& byte : bytes) byte &= 1;
    }
    inputs.push_back(std::move(bytes));
  }
  run->Run(inputs);
  return true;
}

class HostileModels : public testing::TestWithParam<const char*> {};

TEST_P(HostileModels, AreRefusedOrRun) {
  constexpr uint32_t kSeed = 5;
  std::mt19937 random(kSeed);
  RecordProperty("seed", kSeed);
  int ran = 0;
  for (const GoldenCase& golden : ReadGoldens(GetParam())) {
    SCOPED_TRACE(testing::Message() << golden.name << ", seed " << kSeed);
    const auto model = ReadModel(std::make_shared<const Bytes>(golden.model));
    ASSERT_THAT(model, absl_testing::IsOk());
    for (int round = 0; round < 150; ++round) {
      Model mutant = *model;
      for (uint32_t i = 0; i <= random() % 3; ++i) Mutate(random, &mutant);
      ran += RunOnNoise(random, mutant) ? 1 : 0;
    }
  }
  EXPECT_GT(ran, 100) << "too few mutants ran to say much";
}

INSTANTIATE_TEST_SUITE_P(Families, HostileModels,
                         testing::Values("conv_2d", "depthwise_conv_2d", "transpose_conv",
                                         "fully_connected", "batch_matmul", "arithmetic", "unary",
                                         "normalization", "reduce", "movers", "conversions"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace octavo
