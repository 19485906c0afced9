// Each operator in XNNPACK against our own kernel, which is the plain reading of the specification,
// on random shapes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "absl/status/status_matchers.h"
#include "core/runtime/executor.h"
#include "tests/core/runtime/executor_graph.h"
#include "tests/testing/long_run.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;

constexpr auto kFloat = schema::TensorType_FLOAT32;
constexpr auto kInt8 = schema::TensorType_INT8;
constexpr auto kInt32 = schema::TensorType_INT32;
const int kRounds = Rounds(12);

// A random model of one operator.
using MakeModel = std::function<Model(std::mt19937& random)>;

int Pick(std::mt19937& random, int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random);
}

std::vector<float> Floats(std::mt19937& random, int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<int8_t> Weights(std::mt19937& random, int64_t count) {
  std::vector<int8_t> values(count);
  for (int8_t& value : values) value = static_cast<int8_t>(Pick(random, -127, 127));
  return values;
}

// What an activation is: its type, and how it is quantized.
struct Activation {
  schema::TensorType type = kFloat;
  Quantization quantization = {};
};

Activation FloatActivation() { return {}; }
Activation Int8Activation(float scale, int64_t zero_point) {
  return {kInt8, {.scales = {scale}, .zero_point = zero_point}};
}

TensorIndex AddInput(GraphBuilder& graph, const Activation& activation, Shape shape) {
  return graph.Input(activation.type, std::move(shape), activation.quantization);
}
TensorIndex AddTensor(GraphBuilder& graph, const Activation& activation, Shape shape) {
  return graph.Tensor(activation.type, std::move(shape), activation.quantization);
}

schema::ActivationFunctionType AnyActivation(std::mt19937& random) {
  constexpr schema::ActivationFunctionType kAll[] = {
      schema::ActivationFunctionType_NONE, schema::ActivationFunctionType_RELU,
      schema::ActivationFunctionType_RELU6, schema::ActivationFunctionType_RELU_N1_TO_1};
  return kAll[random() % 4];
}

int OutputSize(schema::Padding padding, int input, int kernel, int stride, int dilation) {
  const int effective = (kernel - 1) * dilation + 1;
  return padding == schema::Padding_SAME ? (input + stride - 1) / stride
                                         : (input - effective + stride) / stride;
}

// How weights are stored beside the activations.
enum class Form { kFloat, kInt8PerTensor, kInt8PerChannel, kDynamicPerTensor, kDynamicPerChannel };

bool IsDynamic(Form form) {
  return form == Form::kDynamicPerTensor || form == Form::kDynamicPerChannel;
}

struct Weighted {
  Activation input;
  Activation output;
  TensorIndex filter;
  TensorIndex bias;
};

Weighted AddWeights(GraphBuilder& graph, Form form, const Shape& shape, int axis, int fan_in,
                    std::mt19937& random) {
  Weighted weighted;
  const int channels = shape[axis];
  const int64_t count = *NumElements(shape);
  if (form == Form::kFloat) {
    weighted.filter = graph.Constant<float>(kFloat, shape, Floats(random, count));
    weighted.bias = graph.Constant<float>(kFloat, {channels}, Floats(random, channels));
    return weighted;
  }
  const bool per_channel = form == Form::kInt8PerChannel || form == Form::kDynamicPerChannel;
  Quantization quantization{.scales = std::vector<float>(per_channel ? channels : 1), .axis = axis};
  for (float& scale : quantization.scales) scale = 0.001f * static_cast<float>(Pick(random, 1, 9));
  weighted.filter = graph.Constant<int8_t>(kInt8, shape, Weights(random, count), quantization);
  if (IsDynamic(form)) {
    weighted.bias = graph.Constant<float>(kFloat, {channels}, Floats(random, channels));
    return weighted;
  }
  const float input_scale = 0.02f;
  weighted.input = Int8Activation(input_scale, Pick(random, -20, 20));
  // About as wide as the sums are.
  weighted.output =
      Int8Activation(0.01f * std::sqrt(static_cast<float>(fan_in)), Pick(random, -9, 9));
  Quantization bias_quantization = quantization;
  bias_quantization.axis = 0;
  for (float& scale : bias_quantization.scales) scale *= input_scale;
  std::vector<int32_t> bias(channels);
  for (int32_t& value : bias) value = Pick(random, -5000, 5000);
  weighted.bias = graph.Constant<int32_t>(kInt32, {channels}, bias, bias_quantization);
  return weighted;
}

Model RandomConv2D(Form form, std::mt19937& random) {
  const int rows = Pick(random, 1, 3);
  // Dynamic forms have no bound that holds for every model: theirs stay those that it was found on.
  const int columns = IsDynamic(form) ? rows : Pick(random, 1, 3);
  const int most_step = IsDynamic(form) ? 2 : 3;
  schema::Conv2DOptionsT options;
  options.padding = random() % 2 ? schema::Padding_SAME : schema::Padding_VALID;
  options.stride_h = Pick(random, 1, most_step);
  options.stride_w = Pick(random, 1, most_step);
  options.dilation_h_factor = options.dilation_w_factor = Pick(random, 1, 2);
  options.fused_activation_function = AnyActivation(random);
  const int channels = Pick(random, 1, 9);
  const int outputs = Pick(random, 1, 9);
  const int height = Pick(random, 6, 11);
  const int width = Pick(random, 6, 11);
  const int batch = Pick(random, 1, 2);
  GraphBuilder graph;
  const Weighted weighted = AddWeights(graph, form, {outputs, rows, columns, channels}, 0,
                                       rows * columns * channels, random);
  const TensorIndex x = AddInput(graph, weighted.input, {batch, height, width, channels});
  const TensorIndex y = AddTensor(
      graph, weighted.output,
      {batch,
       OutputSize(options.padding, height, rows, options.stride_h, options.dilation_h_factor),
       OutputSize(options.padding, width, columns, options.stride_w, options.dilation_w_factor),
       outputs});
  graph.Op(schema::BuiltinOperator_CONV_2D, {x, weighted.filter, weighted.bias}, {y}, options);
  graph.Output(y);
  return graph.Build();
}

Model RandomDepthwise(Form form, std::mt19937& random) {
  const int kernel = Pick(random, 1, 3);
  schema::DepthwiseConv2DOptionsT options;
  options.padding = random() % 2 ? schema::Padding_SAME : schema::Padding_VALID;
  options.stride_h = options.stride_w = Pick(random, 1, 4);
  options.depth_multiplier = Pick(random, 1, 2);
  options.fused_activation_function = AnyActivation(random);
  const int channels = Pick(random, 1, 9);
  const int outputs = channels * options.depth_multiplier;
  const int height = Pick(random, 5, 9);
  const int width = Pick(random, 5, 9);
  GraphBuilder graph;
  const Weighted weighted =
      AddWeights(graph, form, {1, kernel, kernel, outputs}, 3, kernel * kernel, random);
  const TensorIndex x = AddInput(graph, weighted.input, {1, height, width, channels});
  const TensorIndex y =
      AddTensor(graph, weighted.output,
                {1, OutputSize(options.padding, height, kernel, options.stride_h, 1),
                 OutputSize(options.padding, width, kernel, options.stride_w, 1), outputs});
  graph.Op(schema::BuiltinOperator_DEPTHWISE_CONV_2D, {x, weighted.filter, weighted.bias}, {y},
           options);
  graph.Output(y);
  return graph.Build();
}

Model RandomTransposeConv(Form form, std::mt19937& random) {
  schema::TransposeConvOptionsT options;
  options.padding = random() % 2 ? schema::Padding_SAME : schema::Padding_VALID;
  options.stride_h = options.stride_w = Pick(random, 1, 3);
  const int kernel = Pick(random, options.stride_h, 4);
  const int channels = Pick(random, 1, 8);
  const int outputs = Pick(random, 1, 8);
  // Strides beyond the output's size among them.
  const int input = Pick(random, 1, 6);
  int output = options.padding == schema::Padding_SAME ? input * options.stride_h
                                                       : (input - 1) * options.stride_h + kernel;
  if (options.padding == schema::Padding_SAME) output -= Pick(random, 0, options.stride_h - 1);
  GraphBuilder graph;
  const Weighted weighted = AddWeights(graph, form, {outputs, kernel, kernel, channels}, 0,
                                       kernel * kernel * channels, random);
  const TensorIndex x = AddInput(graph, weighted.input, {1, input, input, channels});
  const TensorIndex shape = graph.Constant<int32_t>(kInt32, {4}, {1, output, output, outputs});
  const TensorIndex y = AddTensor(graph, weighted.output, {1, output, output, outputs});
  graph.Op(schema::BuiltinOperator_TRANSPOSE_CONV, {shape, weighted.filter, x, weighted.bias}, {y},
           options);
  graph.Output(y);
  return graph.Build();
}

Model RandomFullyConnected(Form form, std::mt19937& random) {
  schema::FullyConnectedOptionsT options;
  options.fused_activation_function = AnyActivation(random);
  const int inputs = Pick(random, 1, 40);
  const int outputs = Pick(random, 1, 12);
  const int batch = Pick(random, 1, 3);
  GraphBuilder graph;
  const Weighted weighted = AddWeights(graph, form, {outputs, inputs}, 0, inputs, random);
  // Of more dimensions than two, and flattened on the way in.
  const Shape shape = random() % 2 ? Shape{batch, inputs} : Shape{batch, 1, 1, inputs};
  const TensorIndex x = AddInput(graph, weighted.input, shape);
  const TensorIndex y = AddTensor(graph, weighted.output, {batch, outputs});
  graph.Op(schema::BuiltinOperator_FULLY_CONNECTED, {x, weighted.filter, weighted.bias}, {y},
           options);
  graph.Output(y);
  return graph.Build();
}

Shape AnyShape(std::mt19937& random) {
  Shape shape(Pick(random, 1, 4));
  for (int32_t& dim : shape) dim = Pick(random, 1, 7);
  return shape;
}

template <typename Options>
Model Unary(schema::BuiltinOperator type, const Activation& in, const Activation& out,
            Options options, std::mt19937& random) {
  const Shape shape = AnyShape(random);
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, in, shape);
  const TensorIndex y = AddTensor(graph, out, shape);
  graph.Op(type, {x}, {y}, std::move(options));
  graph.Output(y);
  return graph.Build();
}

// One side may be a constant, or of fewer elements.
template <typename Options>
Model Binary(schema::BuiltinOperator type, bool quantized, Options options, std::mt19937& random) {
  const Shape shape = AnyShape(random);
  Shape other = shape;
  if (random() % 2) other = {shape.back()};
  const Activation a = quantized ? Int8Activation(0.03f, Pick(random, -9, 9)) : FloatActivation();
  const Activation b = quantized ? Int8Activation(0.02f, Pick(random, -9, 9)) : FloatActivation();
  const Activation out = quantized ? Int8Activation(0.04f, Pick(random, -9, 9)) : FloatActivation();
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, a, shape);
  TensorIndex z;
  if (random() % 2) {
    z = AddInput(graph, b, other);
  } else if (quantized) {
    z = graph.Constant<int8_t>(kInt8, other, Weights(random, *NumElements(other)), b.quantization);
  } else {
    z = graph.Constant<float>(kFloat, other, Floats(random, *NumElements(other)));
  }
  const TensorIndex y = AddTensor(graph, out, shape);
  graph.Op(type, {x, z}, {y}, std::move(options));
  graph.Output(y);
  return graph.Build();
}

template <typename Options>
Model BinaryWithActivation(schema::BuiltinOperator type, bool quantized, std::mt19937& random) {
  Options options;
  options.fused_activation_function = AnyActivation(random);
  return Binary(type, quantized, options, random);
}

Model RandomPool(schema::BuiltinOperator type, bool quantized, std::mt19937& random) {
  schema::Pool2DOptionsT options;
  options.padding = random() % 2 ? schema::Padding_SAME : schema::Padding_VALID;
  options.filter_height = Pick(random, 1, 3);
  options.filter_width = Pick(random, 2, 3);
  options.stride_h = Pick(random, 1, options.filter_height);
  options.stride_w = Pick(random, 1, options.filter_width);
  options.fused_activation_function = AnyActivation(random);
  const int height = Pick(random, 4, 9);
  const int width = Pick(random, 4, 9);
  const int channels = Pick(random, 1, 9);
  const Activation activation =
      quantized ? Int8Activation(0.05f, Pick(random, -9, 9)) : FloatActivation();
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, {1, height, width, channels});
  const TensorIndex y = AddTensor(
      graph, activation,
      {1, OutputSize(options.padding, height, options.filter_height, options.stride_h, 1),
       OutputSize(options.padding, width, options.filter_width, options.stride_w, 1), channels});
  graph.Op(type, {x}, {y}, options);
  graph.Output(y);
  return graph.Build();
}

Model RandomMean(bool quantized, std::mt19937& random) {
  const int height = Pick(random, 1, 7);
  const int width = Pick(random, 1, 7);
  const int channels = Pick(random, 1, 20);
  schema::ReducerOptionsT options;
  options.keep_dims = random() % 2;
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, quantized ? Int8Activation(0.05f, 3) : FloatActivation(),
                                 {1, height, width, channels});
  const TensorIndex axes = graph.Constant<int32_t>(kInt32, {2}, {2, -3});
  const TensorIndex y =
      AddTensor(graph, quantized ? Int8Activation(0.03f, -5) : FloatActivation(),
                options.keep_dims ? Shape{1, 1, 1, channels} : Shape{1, channels});
  graph.Op(schema::BuiltinOperator_MEAN, {x, axes}, {y}, options);
  graph.Output(y);
  return graph.Build();
}

Activation AnyMoved(std::mt19937& random) {
  return random() % 2 ? Int8Activation(0.1f, 7) : FloatActivation();
}

Model RandomPad(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const Shape shape = AnyShape(random);
  std::vector<int32_t> paddings;
  Shape padded = shape;
  for (int32_t& dim : padded) {
    paddings.push_back(Pick(random, 0, 2));
    paddings.push_back(Pick(random, 0, 2));
    dim += paddings[paddings.size() - 2] + paddings.back();
  }
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, shape);
  const TensorIndex by =
      graph.Constant<int32_t>(kInt32, {static_cast<int32_t>(shape.size()), 2}, paddings);
  const TensorIndex y = AddTensor(graph, activation, padded);
  graph.Op(schema::BuiltinOperator_PAD, {x, by}, {y}, schema::PadOptionsT());
  graph.Output(y);
  return graph.Build();
}

Model RandomTranspose(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const Shape shape = AnyShape(random);
  std::vector<int32_t> permutation(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) permutation[axis] = static_cast<int32_t>(axis);
  std::shuffle(permutation.begin(), permutation.end(), random);
  Shape moved;
  for (int32_t axis : permutation) moved.push_back(shape[axis]);
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, shape);
  const TensorIndex by =
      graph.Constant<int32_t>(kInt32, {static_cast<int32_t>(shape.size())}, permutation);
  const TensorIndex y = AddTensor(graph, activation, moved);
  graph.Op(schema::BuiltinOperator_TRANSPOSE, {x, by}, {y}, schema::TransposeOptionsT());
  graph.Output(y);
  return graph.Build();
}

Model RandomConcatenation(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  Shape shape = AnyShape(random);
  const int axis = Pick(random, 0, static_cast<int>(shape.size()) - 1);
  const int count = Pick(random, 2, 6);
  GraphBuilder graph;
  std::vector<TensorIndex> inputs;
  Shape joined = shape;
  joined[axis] = 0;
  for (int input = 0; input < count; ++input) {
    shape[axis] = Pick(random, 1, 4);
    joined[axis] += shape[axis];
    inputs.push_back(AddInput(graph, activation, shape));
  }
  const TensorIndex y = AddTensor(graph, activation, joined);
  schema::ConcatenationOptionsT options;
  options.axis = random() % 2 ? axis : axis - static_cast<int>(shape.size());
  graph.Op(schema::BuiltinOperator_CONCATENATION, inputs, {y}, options);
  graph.Output(y);
  return graph.Build();
}

Model RandomSlice(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const Shape shape = AnyShape(random);
  const int32_t rank = static_cast<int32_t>(shape.size());
  std::vector<int32_t> begin;
  std::vector<int32_t> size;
  Shape cut;
  for (int32_t dim : shape) {
    begin.push_back(Pick(random, 0, dim - 1));
    cut.push_back(Pick(random, 1, dim - begin.back()));
    size.push_back(begin.back() + cut.back() == dim && random() % 2 ? -1 : cut.back());
  }
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, shape);
  const TensorIndex from = graph.Constant<int32_t>(kInt32, {rank}, begin);
  const TensorIndex by = graph.Constant<int32_t>(kInt32, {rank}, size);
  const TensorIndex y = AddTensor(graph, activation, cut);
  graph.Op(schema::BuiltinOperator_SLICE, {x, from, by}, {y}, schema::SliceOptionsT());
  graph.Output(y);
  return graph.Build();
}

Model RandomStridedSlice(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const Shape shape = AnyShape(random);
  const int32_t rank = static_cast<int32_t>(shape.size());
  std::vector<int32_t> begin;
  std::vector<int32_t> end;
  Shape cut;
  for (int32_t dim : shape) {
    const int32_t first = Pick(random, 0, dim - 1);
    cut.push_back(Pick(random, 1, dim - first));
    begin.push_back(random() % 2 ? first : first - dim);
    end.push_back(first + cut.back());
  }
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, shape);
  const TensorIndex from = graph.Constant<int32_t>(kInt32, {rank}, begin);
  const TensorIndex to = graph.Constant<int32_t>(kInt32, {rank}, end);
  const TensorIndex by = graph.Constant<int32_t>(kInt32, {rank}, std::vector<int32_t>(rank, 1));
  const TensorIndex y = AddTensor(graph, activation, cut);
  graph.Op(schema::BuiltinOperator_STRIDED_SLICE, {x, from, to, by}, {y},
           schema::StridedSliceOptionsT());
  graph.Output(y);
  return graph.Build();
}

Model RandomSplit(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  Shape shape = AnyShape(random);
  const int axis = Pick(random, 0, static_cast<int>(shape.size()) - 1);
  const int count = Pick(random, 2, 4);
  const Shape part = shape;
  shape[axis] *= count;
  GraphBuilder graph;
  const TensorIndex by = graph.Constant<int32_t>(kInt32, {}, {axis});
  const TensorIndex x = AddInput(graph, activation, shape);
  std::vector<TensorIndex> outputs;
  for (int output = 0; output < count; ++output) {
    outputs.push_back(AddTensor(graph, activation, part));
    graph.Output(outputs.back());
  }
  schema::SplitOptionsT options;
  options.num_splits = count;
  graph.Op(schema::BuiltinOperator_SPLIT, {by, x}, outputs, options);
  return graph.Build();
}

Model RandomReshape(std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const Shape shape = AnyShape(random);
  const int32_t count = static_cast<int32_t>(*NumElements(shape));
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, shape);
  const TensorIndex to = graph.Constant<int32_t>(kInt32, {2}, {1, -1});
  const TensorIndex y = AddTensor(graph, activation, {1, count});
  graph.Op(schema::BuiltinOperator_RESHAPE, {x, to}, {y}, schema::ReshapeOptionsT());
  graph.Output(y);
  return graph.Build();
}

Model RandomResize(bool quantized, std::mt19937& random) {
  schema::ResizeBilinearOptionsT options;
  const int form = Pick(random, 0, 2);
  options.align_corners = form == 1;
  options.half_pixel_centers = form == 2;
  const int height = Pick(random, 2, 9);
  const int width = Pick(random, 2, 9);
  const int channels = Pick(random, 1, 9);
  const Activation activation = quantized ? Int8Activation(0.1f, 7) : FloatActivation();
  GraphBuilder graph;
  const TensorIndex x =
      AddInput(graph, activation, {1, Pick(random, 2, 6), Pick(random, 2, 6), channels});
  const TensorIndex size = graph.Constant<int32_t>(kInt32, {2}, {height, width});
  const TensorIndex y = AddTensor(graph, activation, {1, height, width, channels});
  graph.Op(schema::BuiltinOperator_RESIZE_BILINEAR, {x, size}, {y}, options);
  graph.Output(y);
  return graph.Build();
}

Model RandomBlocks(bool to_depth, std::mt19937& random) {
  const Activation activation = AnyMoved(random);
  const int height = Pick(random, 1, 4);
  const int width = Pick(random, 1, 4);
  const int channels = Pick(random, 1, 4);
  const int block = Pick(random, 2, 3);
  const Shape wide = {1, height * block, width * block, channels};
  const Shape deep = {1, height, width, channels * block * block};
  GraphBuilder graph;
  const TensorIndex x = AddInput(graph, activation, to_depth ? wide : deep);
  const TensorIndex y = AddTensor(graph, activation, to_depth ? deep : wide);
  if (to_depth) {
    schema::SpaceToDepthOptionsT options;
    options.block_size = block;
    graph.Op(schema::BuiltinOperator_SPACE_TO_DEPTH, {x}, {y}, options);
  } else {
    schema::DepthToSpaceOptionsT options;
    options.block_size = block;
    graph.Op(schema::BuiltinOperator_DEPTH_TO_SPACE, {x}, {y}, options);
  }
  graph.Output(y);
  return graph.Build();
}

struct Case {
  std::string name;
  MakeModel make;
  // How far XNNPACK may be from the reference: codes for int8, else a part of the values' size.
  float tolerance = 1e-5f;
  // Less than all: where XNNPACK does not take some of the random models.
  bool always_xnnpack = true;
  // Where the tolerance says what is usual, and no bound holds for every model.
  int most_rounds = std::numeric_limits<int>::max();
};

void PrintTo(const Case& test_case, std::ostream* out) { *out << test_case.name; }

template <typename T>
void ExpectCodesNear(const TensorView& got, const TensorView& want, float tolerance) {
  const auto a = got.values<T>();
  const auto b = want.values<T>();
  ASSERT_EQ(a.size(), b.size());
  for (size_t index = 0; index < a.size(); ++index) {
    ASSERT_LE(std::abs(a[index] - b[index]), tolerance) << "element " << index;
  }
}

void ExpectFloatsNear(const TensorView& got, const TensorView& want, float tolerance) {
  const auto a = got.values<float>();
  const auto b = want.values<float>();
  ASSERT_EQ(a.size(), b.size());
  float size = 1e-3f;
  for (float value : b) size = std::max(size, std::fabs(value));
  for (size_t index = 0; index < a.size(); ++index) {
    // Terms near one may cancel: what remains is as exact as they were.
    ASSERT_LE(std::fabs(a[index] - b[index]), std::max(tolerance * size, 1e-6f))
        << "element " << index;
  }
}

class ExecutorOperator : public ::testing::TestWithParam<Case> {};

TEST_P(ExecutorOperator, IsInXnnpackWhatTheReferenceSays) {
  const Case& test_case = GetParam();
  for (int round = 0; round < std::min(kRounds, test_case.most_rounds); ++round) {
    SCOPED_TRACE(testing::Message() << test_case.name << ", seed " << round);
    std::mt19937 random(round);
    const Model model = test_case.make(random);
    auto xnnpack = Executor::Create(model, {});
    auto reference = Executor::Create(model, {.backend = Backend::kReference});
    ASSERT_THAT(xnnpack, IsOk());
    ASSERT_THAT(reference, IsOk());
    if (test_case.always_xnnpack) {
      EXPECT_EQ(xnnpack->runtime(), "XNNPACK");
    }
    const std::vector<TensorValue> inputs = RandomInputs(model, random);
    ASSERT_THAT(xnnpack->Run(ViewsOf(inputs)), IsOk());
    ASSERT_THAT(reference->Run(ViewsOf(inputs)), IsOk());
    for (int output = 0; output < xnnpack->num_outputs(); ++output) {
      const TensorView got = xnnpack->Output(output);
      const TensorView want = reference->Output(output);
      ASSERT_EQ(got.type, want.type);
      if (got.type == kFloat) {
        ExpectFloatsNear(got, want, test_case.tolerance);
      } else if (got.type == kInt8) {
        ExpectCodesNear<int8_t>(got, want, test_case.tolerance);
      } else {
        ExpectCodesNear<uint8_t>(got, want, test_case.tolerance);
      }
    }
  }
}

MakeModel With(Model (*make)(Form, std::mt19937&), Form form) {
  return [=](std::mt19937& random) { return make(form, random); };
}

void AddWeightedCases(std::vector<Case>& cases) {
  struct Operator {
    std::string name;
    Model (*make)(Form, std::mt19937&);
    bool always_xnnpack;
    bool has_dynamic = true;
  };
  for (const Operator& op :
       {Operator{"Conv2D", RandomConv2D, true},
        Operator{"DepthwiseConv2D", RandomDepthwise, true, /*has_dynamic=*/false},
        Operator{"TransposeConv", RandomTransposeConv, false},
        Operator{"FullyConnected", RandomFullyConnected, true}}) {
    const auto add = [&](std::string name, Form form, float tolerance) {
      cases.push_back(
          {op.name + std::move(name), With(op.make, form), tolerance, op.always_xnnpack});
    };
    add("Float", Form::kFloat, 1e-5f);
    add("Int8PerTensor", Form::kInt8PerTensor, 1);
    add("Int8PerChannel", Form::kInt8PerChannel, 1);
    if (!op.has_dynamic) continue;  // XNNPACK has none: nothing to compare with
    // Both round activations to 8 bits, for a pixel, a row or an image each: some codes of the
    // input's range apart.
    add("DynamicPerTensor", Form::kDynamicPerTensor, 0.05f);
    cases.back().most_rounds = 12;
    add("DynamicPerChannel", Form::kDynamicPerChannel, 0.05f);
    cases.back().most_rounds = 12;
  }
}

template <typename Options>
MakeModel FloatUnary(schema::BuiltinOperator type, Options options) {
  return [=](std::mt19937& random) { return Unary(type, {}, {}, options, random); };
}

void AddElementwiseCases(std::vector<Case>& cases) {
  const auto add = [&](std::string name, schema::BuiltinOperator type, auto options, Activation in,
                       Activation out, float tolerance, bool always_xnnpack = true) {
    cases.push_back({std::move(name),
                     [=](std::mt19937& random) { return Unary(type, in, out, options, random); },
                     tolerance, always_xnnpack});
  };
  const Activation real = FloatActivation();
  add("Abs", schema::BuiltinOperator_ABS, schema::AbsOptionsT(), real, real, 0);
  add("Ceil", schema::BuiltinOperator_CEIL, NoOptions(), real, real, 0);
  add("Elu", schema::BuiltinOperator_ELU, NoOptions(), real, real, 1e-5f);
  add("Exp", schema::BuiltinOperator_EXP, schema::ExpOptionsT(), real, real, 1e-5f);
  add("Floor", schema::BuiltinOperator_FLOOR, NoOptions(), real, real, 0);
  add("Gelu", schema::BuiltinOperator_GELU, schema::GeluOptionsT(), real, real, 1e-5f);
  add("HardSwish", schema::BuiltinOperator_HARD_SWISH, schema::HardSwishOptionsT(), real, real,
      1e-5f);
  add("Logistic", schema::BuiltinOperator_LOGISTIC, NoOptions(), real, real, 1e-5f);
  add("Neg", schema::BuiltinOperator_NEG, schema::NegOptionsT(), real, real, 0);
  add("Relu", schema::BuiltinOperator_RELU, NoOptions(), real, real, 0);
  add("Relu6", schema::BuiltinOperator_RELU6, NoOptions(), real, real, 0);
  add("ReluN1To1", schema::BuiltinOperator_RELU_N1_TO_1, NoOptions(), real, real, 0);
  add("Round", schema::BuiltinOperator_ROUND, NoOptions(), real, real, 0);
  add("Square", schema::BuiltinOperator_SQUARE, schema::SquareOptionsT(), real, real, 1e-6f);
  add("Tanh", schema::BuiltinOperator_TANH, NoOptions(), real, real, 1e-5f);
  schema::LeakyReluOptionsT leaky;
  leaky.alpha = 0.2f;
  add("LeakyRelu", schema::BuiltinOperator_LEAKY_RELU, leaky, real, real, 1e-6f);
  schema::SoftmaxOptionsT softmax;
  softmax.beta = 1.0f;
  add("Softmax", schema::BuiltinOperator_SOFTMAX, softmax, real, real, 1e-5f);

  const Activation codes = Int8Activation(0.05f, 4);
  const Activation probability = Int8Activation(1.0f / 256, -128);
  add("EluInt8", schema::BuiltinOperator_ELU, NoOptions(), codes, Int8Activation(0.04f, -90), 1);
  add("LogisticInt8", schema::BuiltinOperator_LOGISTIC, NoOptions(), codes, probability, 1);
  add("TanhInt8", schema::BuiltinOperator_TANH, NoOptions(), codes, Int8Activation(1.0f / 128, 0),
      1);
  add("LeakyReluInt8", schema::BuiltinOperator_LEAKY_RELU, leaky, codes, Int8Activation(0.04f, -7),
      1);
  add("Quantize", schema::BuiltinOperator_QUANTIZE, schema::QuantizeOptionsT(), real, codes, 1);
  add("Dequantize", schema::BuiltinOperator_DEQUANTIZE, schema::DequantizeOptionsT(), codes, real,
      1e-6f);
  add("Requantize", schema::BuiltinOperator_QUANTIZE, schema::QuantizeOptionsT(), codes,
      Int8Activation(0.07f, -2), 1);
  const Activation bytes = {schema::TensorType_UINT8, {.scales = {0.05f}, .zero_point = 132}};
  add("QuantizeFromUint8", schema::BuiltinOperator_QUANTIZE, schema::QuantizeOptionsT(), bytes,
      codes, 0);
  add("QuantizeToUint8", schema::BuiltinOperator_QUANTIZE, schema::QuantizeOptionsT(), codes, bytes,
      0);
}

void AddBinaryCases(std::vector<Case>& cases) {
  for (bool quantized : {false, true}) {
    const std::string type = quantized ? "Int8" : "";
    const float tolerance = quantized ? 1 : 1e-6f;
    cases.push_back({"Add" + type,
                     [=](std::mt19937& random) {
                       return BinaryWithActivation<schema::AddOptionsT>(schema::BuiltinOperator_ADD,
                                                                        quantized, random);
                     },
                     tolerance});
    cases.push_back({"Sub" + type,
                     [=](std::mt19937& random) {
                       return BinaryWithActivation<schema::SubOptionsT>(schema::BuiltinOperator_SUB,
                                                                        quantized, random);
                     },
                     tolerance});
    cases.push_back({"Mul" + type,
                     [=](std::mt19937& random) {
                       return BinaryWithActivation<schema::MulOptionsT>(schema::BuiltinOperator_MUL,
                                                                        quantized, random);
                     },
                     tolerance});
  }
  const auto add = [&](std::string name, schema::BuiltinOperator type, auto options) {
    cases.push_back({std::move(name), [=](std::mt19937& random) {
                       return Binary(type, /*quantized=*/false, options, random);
                     }});
  };
  add("Div", schema::BuiltinOperator_DIV, schema::DivOptionsT());
  add("Maximum", schema::BuiltinOperator_MAXIMUM, schema::MaximumMinimumOptionsT());
  add("Minimum", schema::BuiltinOperator_MINIMUM, schema::MaximumMinimumOptionsT());
  add("SquaredDifference", schema::BuiltinOperator_SQUARED_DIFFERENCE,
      schema::SquaredDifferenceOptionsT());
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  AddWeightedCases(cases);
  AddElementwiseCases(cases);
  AddBinaryCases(cases);
  const auto add = [&](std::string name, MakeModel make, float tolerance,
                       bool always_xnnpack = true) {
    cases.push_back({std::move(name), std::move(make), tolerance, always_xnnpack});
  };
  for (bool quantized : {false, true}) {
    const std::string type = quantized ? "Int8" : "";
    add(
        "MaxPool" + type,
        [=](std::mt19937& random) {
          return RandomPool(schema::BuiltinOperator_MAX_POOL_2D, quantized, random);
        },
        0);
    add(
        "Mean" + type, [=](std::mt19937& random) { return RandomMean(quantized, random); },
        quantized ? 1 : 1e-5f);
    add(
        "ResizeBilinear" + type,
        [=](std::mt19937& random) { return RandomResize(quantized, random); },
        quantized ? 1 : 1e-5f);
  }
  add(
      "AveragePool",
      [](std::mt19937& random) {
        return RandomPool(schema::BuiltinOperator_AVERAGE_POOL_2D, /*quantized=*/false, random);
      },
      1e-5f, /*always_xnnpack=*/false);
  add("Concatenation", RandomConcatenation, 0, /*always_xnnpack=*/false);
  add("Pad", RandomPad, 0);
  add("Reshape", RandomReshape, 0);
  add("Slice", RandomSlice, 0);
  add("Split", RandomSplit, 0);
  add("StridedSlice", RandomStridedSlice, 0);
  add("Transpose", RandomTranspose, 0);
  add("SpaceToDepth", [](std::mt19937& random) { return RandomBlocks(true, random); }, 0);
  add("DepthToSpace", [](std::mt19937& random) { return RandomBlocks(false, random); }, 0);
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, ExecutorOperator, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace octavo
