#include "tests/testing/random_graph.h"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <span>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "core/graph/shape_inference.h"
#include "core/tflite/operator_table.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using Type = schema::BuiltinOperator;
constexpr auto kFloat = schema::TensorType_FLOAT32;
constexpr auto kInt32 = schema::TensorType_INT32;
constexpr auto kBool = schema::TensorType_BOOL;
constexpr Range kUsualRange = {-4, 4};
constexpr Range kPositiveRange = {0.1f, 4};

// What an operator's first input must be like.
enum class Layout {
  kAny,
  kScalar,
  kMatrix,     // two axes or more
  kRows,       // [batch, values]
  kSteps,      // [batch, steps, values], or steps first
  kImage,      // [batch, height, width, channels]
  kEvenImage,  // height and width are even
  kDeepImage,  // the channels are a multiple of 4
  kBatches,    // an image of a batch that is a multiple of 4
};

bool Fits(Layout layout, const Shape& shape) {
  if (layout == Layout::kScalar) return shape.empty();
  if (layout == Layout::kAny) return !shape.empty();
  if (layout == Layout::kMatrix) return shape.size() >= 2;
  if (layout == Layout::kRows) return shape.size() == 2;
  if (layout == Layout::kSteps) return shape.size() == 3;
  if (shape.size() != 4) return false;
  if (layout == Layout::kEvenImage) return shape[1] % 2 == 0 && shape[2] % 2 == 0;
  if (layout == Layout::kDeepImage) return shape[3] % 4 == 0;
  return layout != Layout::kBatches || shape[0] % 4 == 0;
}

// A graph that grows.
class GraphMaker {
 public:
  GraphMaker(Range range, bool joins, std::mt19937& random)
      : range_(range), joins_(joins), random_(random) {}

  int Pick(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  bool Flip() { return Pick(0, 1) == 1; }
  template <typename T>
  T OneOf(std::initializer_list<T> values) {
    return values.begin()[Pick(0, static_cast<int>(values.size()) - 1)];
  }
  float Uniform(float least, float most) {
    return std::uniform_real_distribution<float>(least, most)(random_);
  }
  schema::Padding Padding() { return OneOf({schema::Padding_SAME, schema::Padding_VALID}); }
  schema::ActivationFunctionType FusedActivation() {
    return OneOf({schema::ActivationFunctionType_NONE, schema::ActivationFunctionType_RELU,
                  schema::ActivationFunctionType_RELU6,
                  schema::ActivationFunctionType_RELU_N1_TO_1});
  }
  // As axes are given: from the front or from the back.
  int Axis(int rank) { return Pick(-rank, rank - 1); }
  std::vector<int32_t> Permutation(int size) {
    std::vector<int32_t> permutation(size);
    std::iota(permutation.begin(), permutation.end(), 0);
    std::ranges::shuffle(permutation, random_);
    return permutation;
  }
  // LiteRT refuses float convolutions without a bias, or ends the process: graphs have one.
  bool HasBias() { return joins_ || Pick(0, 3) != 0; }
  // Now and then so many that weights are enough for a dynamic form.
  int Channels(int usual, int many) { return Flip() ? Pick(1, usual) : Pick(many, many + 8); }
  Shape ShapeOf(Layout layout);

  const Shape& shape(TensorIndex tensor) { return builder_.model().tensor(tensor).shape; }
  int rank(TensorIndex tensor) { return static_cast<int>(shape(tensor).size()); }
  std::span<const TensorIndex> activations() const { return activations_; }
  int num_operators() { return static_cast<int>(builder_.model().graph().operators.size()); }
  // Of the values of constants.
  void set_range(Range range) { range_ = range; }

  TensorIndex Input(Shape shape, schema::TensorType type = kFloat);
  // Now and then one that is there already.
  TensorIndex Activation(const Shape& shape, schema::TensorType type = kFloat);
  // An activation or a constant.
  TensorIndex Operand(const Shape& shape);
  TensorIndex Weights(Shape shape, float size = 1);
  // A variable tensor, zeros when a run begins.
  TensorIndex State(Shape shape);
  // A constant of the range's values.
  TensorIndex Values(Shape shape);
  TensorIndex Ints(std::vector<int32_t> values) { return builder_.Ints(Name("ints"), values); }
  TensorIndex IntsOf(Shape shape, const std::vector<int32_t>& values) {
    return builder_.Constant(Name("ints"), std::move(shape), kInt32, values);
  }
  TensorIndex Scalar(int32_t value) { return IntsOf({}, {value}); }
  // Some shape that broadcasts to this one.
  Shape Narrowed(Shape shape);

  // Adds an operator whose outputs are of these types, their shapes inferred.
  template <typename Options = WithoutOptions>
  TensorIndex Add(Type type, const std::vector<TensorIndex>& inputs, Options options = {},
                  const std::vector<schema::TensorType>& output_types = {kFloat}) {
    std::vector<TensorIndex> outputs;
    for (const schema::TensorType output_type : output_types) {
      outputs.push_back(builder_.Tensor(Name("t"), {}, output_type));
    }
    Finish(builder_.Op(type, inputs, outputs, std::move(options)), type, outputs);
    return outputs[0];
  }
  // What nothing takes becomes an output.
  RandomModel Build();

 private:
  std::string Name(absl::string_view kind) { return absl::StrCat(kind, next_++); }
  void Finish(schema::OperatorT& op, Type type, const std::vector<TensorIndex>& outputs);

  ModelBuilder builder_;
  Range range_;
  bool joins_;
  std::mt19937& random_;
  int next_ = 0;
  // FLOAT32, inputs and outputs of operators.
  std::vector<TensorIndex> activations_;
};

Shape GraphMaker::ShapeOf(Layout layout) {
  const auto dim = [&] { return Pick(1, 8); };
  switch (layout) {
    case Layout::kScalar:
      return {};
    case Layout::kAny:
    case Layout::kMatrix: {
      Shape shape(Pick(layout == Layout::kAny ? 1 : 2, 4));
      for (int32_t& size : shape) size = Pick(0, 4) == 0 ? 1 : dim();
      return shape;
    }
    case Layout::kRows:
      return {Pick(1, 3), Channels(8, 24)};
    case Layout::kSteps:
      return {Pick(1, 4), Pick(1, 4), Channels(8, 24)};
    case Layout::kImage:
      return {Pick(1, 2), Pick(2, 9), Pick(2, 9), Channels(10, 40)};
    case Layout::kEvenImage:
      return {Pick(1, 2), 2 * Pick(1, 4), 2 * Pick(1, 4), dim()};
    case Layout::kDeepImage:
      return {Pick(1, 2), dim(), dim(), 4 * Pick(1, 3)};
    case Layout::kBatches:
      return {4 * Pick(1, 2), Pick(2, 5), Pick(2, 5), dim()};
  }
  return {};
}

TensorIndex GraphMaker::Input(Shape shape, schema::TensorType type) {
  const TensorIndex tensor = builder_.Input(Name("x"), std::move(shape), type);
  if (type == kFloat) activations_.push_back(tensor);
  return tensor;
}

TensorIndex GraphMaker::Activation(const Shape& wanted, schema::TensorType type) {
  if (joins_ && type == kFloat) {
    for (size_t i = activations_.size(); i-- > 0;) {
      if (shape(activations_[i]) == wanted && Flip()) return activations_[i];
    }
  }
  return Input(wanted, type);
}

TensorIndex GraphMaker::Operand(const Shape& shape) {
  const bool must_be_positive = joins_ && range_.min > 0;
  return must_be_positive || Flip() ? Values(shape) : Activation(shape);
}

TensorIndex GraphMaker::Weights(Shape shape, float size) {
  std::normal_distribution<float> normal(0, size);
  std::vector<float> values(*NumElements(shape));
  for (float& value : values) value = normal(random_);
  return builder_.Floats(Name("w"), std::move(shape), values);
}

TensorIndex GraphMaker::State(Shape shape) {
  const TensorIndex state = builder_.Tensor(Name("state"), std::move(shape), kFloat);
  builder_.model().tensor(state).is_variable = true;
  return state;
}

TensorIndex GraphMaker::Values(Shape shape) {
  std::vector<float> values(*NumElements(shape));
  for (float& value : values) value = Uniform(range_.min, range_.max);
  return builder_.Floats(Name("c"), std::move(shape), values);
}

Shape GraphMaker::Narrowed(Shape shape) {
  const int kind = Pick(0, 3);
  if (kind == 0 && !shape.empty()) return {shape.back()};
  if (kind == 1) shape.assign(shape.size(), 1);
  if (kind == 2 && !shape.empty()) shape[Pick(0, static_cast<int>(shape.size()) - 1)] = 1;
  return shape;
}

void GraphMaker::Finish(schema::OperatorT& op, Type type, const std::vector<TensorIndex>& outputs) {
  Model& model = builder_.model();
  op.opcode_index = model.OperatorCodeIndex(type, FindOperator(type)->float_version);
  const auto shapes = InferShapes(model, op);
  CHECK_OK(shapes.status()) << schema::EnumNameBuiltinOperator(type);
  for (size_t i = 0; i < outputs.size(); ++i) {
    schema::TensorT& tensor = model.tensor(outputs[i]);
    tensor.shape = (*shapes)[i];
    if (tensor.type == kFloat) activations_.push_back(outputs[i]);
  }
}

RandomModel GraphMaker::Build() {
  std::vector<bool> is_taken(builder_.model().graph().tensors.size());
  for (const auto& op : builder_.model().graph().operators) {
    for (const int32_t input : op->inputs) {
      if (input >= 0) is_taken[input] = true;
    }
  }
  for (const auto& op : builder_.model().graph().operators) {
    for (const int32_t output : op->outputs) {
      if (!is_taken[output]) builder_.Output(TensorIndex{output});
    }
  }
  return {builder_.Build(), range_};
}

// How the operators are made, on `x` and what else they take.

template <typename Options = WithoutOptions>
Options OptionsOf(GraphMaker& graph) {
  Options options;
  if constexpr (requires { options.fused_activation_function; }) {
    options.fused_activation_function = graph.FusedActivation();
  }
  return options;
}

template <typename Options = WithoutOptions>
void Unary(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x}, Options());
}

template <typename Options, schema::TensorType output_type = kFloat>
void Binary(GraphMaker& graph, Type type, TensorIndex x) {
  const TensorIndex y = graph.Operand(graph.Narrowed(graph.shape(x)));
  const bool swapped = graph.Flip();
  graph.Add(type, {swapped ? y : x, swapped ? x : y}, OptionsOf<Options>(graph), {output_type});
}

template <typename Options>
void Logical(GraphMaker& graph, Type type, TensorIndex x) {
  const auto is_above = [&](TensorIndex tensor) {
    return graph.Add(schema::BuiltinOperator_GREATER,
                     {tensor, graph.Values({graph.shape(tensor).back()})},
                     schema::GreaterOptionsT(), {kBool});
  };
  std::vector<TensorIndex> inputs = {is_above(x)};
  if (FindOperator(type)->min_inputs == 2) inputs.push_back(is_above(x));
  graph.Add(type, inputs, Options(), {kBool});
}

void Conv2D(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  schema::Conv2DOptionsT options = OptionsOf<schema::Conv2DOptionsT>(graph);
  options.padding = graph.Padding();
  options.stride_h = graph.Pick(1, 3);
  options.stride_w = graph.Pick(1, 3);
  int height = graph.Pick(1, std::min(3, shape[1]));
  int width = graph.Pick(1, std::min(4, shape[2]));
  if (graph.Flip()) {
    options.dilation_h_factor = height > 1 && 2 * (height - 1) < shape[1] ? 2 : 1;
    options.dilation_w_factor = width > 1 && 2 * (width - 1) < shape[2] ? 2 : 1;
  }
  const int outputs = graph.Channels(12, 40);
  std::vector<TensorIndex> inputs = {
      x, graph.Weights({outputs, height, width, shape[3]}, graph.Uniform(0.1f, 1))};
  if (graph.HasBias()) inputs.push_back(graph.Weights({outputs}));
  graph.Add(type, inputs, options);
}

void DepthwiseConv2D(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  auto options = OptionsOf<schema::DepthwiseConv2DOptionsT>(graph);
  options.padding = graph.Padding();
  options.stride_h = options.stride_w = graph.Pick(1, 2);
  options.depth_multiplier = graph.Pick(1, 3);
  const int least = graph.Flip() ? 1 : 5;
  const int height = std::min(graph.Pick(least, 5), shape[1]);
  const int width = std::min(graph.Pick(least, 5), shape[2]);
  const int outputs = shape[3] * options.depth_multiplier;
  std::vector<TensorIndex> inputs = {
      x, graph.Weights({1, height, width, outputs}, graph.Uniform(0.1f, 1))};
  if (graph.HasBias()) inputs.push_back(graph.Weights({outputs}));
  graph.Add(type, inputs, options);
}

void TransposeConv(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  schema::TransposeConvOptionsT options;
  options.padding = graph.Padding();
  options.stride_h = graph.Pick(1, 3);
  options.stride_w = graph.Pick(1, 3);
  const int kernel = graph.Pick(3, 4);
  const auto size = [&](int input, int stride) {
    return options.padding == schema::Padding_SAME ? input * stride - graph.Pick(0, stride - 1)
                                                   : (input - 1) * stride + kernel;
  };
  const int outputs = graph.Channels(8, 24);
  const TensorIndex output_shape = graph.Ints(
      {shape[0], size(shape[1], options.stride_h), size(shape[2], options.stride_w), outputs});
  std::vector<TensorIndex> inputs = {
      output_shape, graph.Weights({outputs, kernel, kernel, shape[3]}, graph.Uniform(0.1f, 1)), x};
  if (graph.Flip()) inputs.push_back(graph.Weights({outputs}));
  graph.Add(type, inputs, options);
}

void FullyConnected(GraphMaker& graph, Type type, TensorIndex x) {
  auto options = OptionsOf<schema::FullyConnectedOptionsT>(graph);
  options.keep_num_dims = graph.Flip();
  const int outputs = graph.Channels(16, 256);
  std::vector<TensorIndex> inputs = {
      x, graph.Weights({outputs, graph.shape(x).back()}, graph.Uniform(0.1f, 1))};
  if (graph.HasBias()) inputs.push_back(graph.Weights({outputs}));
  graph.Add(type, inputs, options);
}

void BatchMatMul(GraphMaker& graph, Type type, TensorIndex x) {
  schema::BatchMatMulOptionsT options;
  options.adj_x = graph.Flip();
  options.adj_y = graph.Flip();
  Shape other = graph.shape(x);
  const size_t rows = other.size() - 2;
  const int depth = other[options.adj_x ? rows : rows + 1];
  const int columns = graph.Pick(1, 8);
  other[rows] = options.adj_y ? columns : depth;
  other[rows + 1] = options.adj_y ? depth : columns;
  graph.Add(type, {x, graph.Operand(other)}, options);
}

schema::ActivationFunctionType RecurrentActivation(GraphMaker& graph) {
  return graph.Flip() ? schema::ActivationFunctionType_TANH : graph.FusedActivation();
}

// The parts of an LSTM that may be left out.
struct LstmParts {
  bool input_gate;
  bool peephole;
  bool norm;
  bool projection;
  bool diagonal;
};

// All inputs behind the first.
void AddLstmInputs(GraphMaker& graph, const LstmParts& parts, int batch,
                   std::vector<TensorIndex>& inputs) {
  const int depth = graph.shape(inputs[0]).back();
  // Two cells may differ by their rounding alone, which normalization makes large.
  const int cells = parts.norm ? graph.Pick(4, 24) : graph.Channels(8, 20);
  // To more outputs than cells, LiteRT writes behind its memory.
  const int outputs = parts.projection ? graph.Pick(1, cells) : cells;
  const auto weights = [&](bool is_there, Shape shape, float size) {
    inputs.push_back(is_there ? graph.Weights(std::move(shape), size) : kNoTensor);
  };
  const auto of_gates = [&](bool is_there, const Shape& shape, float size) {
    for (int gate = 0; gate < 4; ++gate) {
      weights(is_there && (gate > 0 || parts.input_gate), shape, size);
    }
  };
  of_gates(true, {cells, depth}, graph.Uniform(0.1f, 0.5f));
  of_gates(true, parts.diagonal ? Shape{cells} : Shape{cells, outputs}, 0.3f);
  weights(parts.peephole && parts.input_gate, {cells}, 0.5f);
  weights(parts.peephole, {cells}, 0.5f);
  weights(parts.peephole, {cells}, 0.5f);
  of_gates(true, {cells}, 0.5f);
  weights(parts.projection, {outputs, cells}, 0.5f);
  weights(parts.projection && graph.Flip(), {outputs}, 0.5f);
  inputs.push_back(graph.State({batch, outputs}));
  inputs.push_back(graph.State({batch, cells}));
  if (parts.norm || graph.Flip()) of_gates(parts.norm, {cells}, 1);
}

template <typename Options>
void Lstm(GraphMaker& graph, Type type, TensorIndex x) {
  Options options;
  do {
    options.fused_activation_function = RecurrentActivation(graph);
  } while (options.fused_activation_function == schema::ActivationFunctionType_NONE);
  if (graph.Flip()) options.cell_clip = graph.Uniform(0.1f, 2);
  if (graph.Flip()) options.proj_clip = graph.Uniform(0.1f, 2);
  LstmParts parts = {.input_gate = graph.Pick(0, 3) != 0,
                     .peephole = graph.Flip(),
                     .norm = graph.Pick(0, 3) == 0,
                     .projection = graph.Flip(),
                     .diagonal = false};
  int batch = graph.shape(x)[0];
  if constexpr (requires { options.time_major; }) {
    options.time_major = graph.Flip();
    options.diagonal_recurrent_tensors = parts.diagonal =
        !parts.projection && graph.Pick(0, 3) == 0;
    batch = graph.shape(x)[options.time_major ? 1 : 0];
  }
  std::vector<TensorIndex> inputs = {x};
  AddLstmInputs(graph, parts, batch, inputs);
  graph.Add(type, inputs, options);
}

template <typename Options>
void Rnn(GraphMaker& graph, Type type, TensorIndex x) {
  Options options;
  options.fused_activation_function = RecurrentActivation(graph);
  int batch = graph.shape(x)[0];
  if constexpr (requires { options.time_major; }) {
    options.time_major = graph.Flip();
    batch = graph.shape(x)[options.time_major ? 1 : 0];
  }
  const int units = graph.Channels(8, 20);
  graph.Add(
      type,
      {x, graph.Weights({units, graph.shape(x).back()}, graph.Uniform(0.1f, 0.5f)),
       graph.Weights({units, units}, 0.2f), graph.Weights({units}), graph.State({batch, units})},
      options);
}

void Svdf(GraphMaker& graph, Type type, TensorIndex x) {
  schema::SVDFOptionsT options;
  options.fused_activation_function = graph.FusedActivation();
  options.rank = graph.Pick(1, 3);
  const int units = graph.Channels(8, 20);
  const int filters = units * options.rank;
  const int memory = graph.Pick(1, 8);
  const TensorIndex bias = graph.Flip() ? graph.Weights({units}) : kNoTensor;
  graph.Add(
      type,
      {x, graph.Weights({filters, graph.shape(x).back()}, graph.Uniform(0.1f, 0.5f)),
       graph.Weights({filters, memory}), bias, graph.State({graph.shape(x)[0], memory * filters})},
      options);
}

void Pool2D(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  auto options = OptionsOf<schema::Pool2DOptionsT>(graph);
  options.padding = graph.Padding();
  options.filter_height = graph.Pick(1, std::min(4, shape[1]));
  options.filter_width = graph.Pick(1, std::min(4, shape[2]));
  options.stride_h = graph.Pick(1, 3);
  options.stride_w = graph.Pick(1, 3);
  graph.Add(type, {x}, options);
}

template <typename Options>
void Resize(GraphMaker& graph, Type type, TensorIndex x) {
  Options options;
  const int form = graph.Pick(0, 2);
  options.align_corners = form == 1;
  options.half_pixel_centers = form == 2;
  graph.Add(type, {x, graph.Ints({graph.Pick(1, 12), graph.Pick(1, 12)})}, options);
}

template <typename Options>
void Blocks(GraphMaker& graph, Type type, TensorIndex x) {
  Options options;
  options.block_size = 2;
  graph.Add(type, {x}, options);
}

void SpaceToBatch(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  const std::vector<int32_t> blocks = {graph.Pick(1, 2), graph.Pick(1, 2)};
  std::vector<int32_t> paddings;
  for (int i = 0; i < 2; ++i) {
    paddings.push_back(graph.Pick(0, 2));
    const int size = shape[i + 1] + paddings.back();
    paddings.push_back((blocks[i] - size % blocks[i]) % blocks[i]);
  }
  graph.Add(type, {x, graph.Ints(blocks), graph.IntsOf({2, 2}, paddings)},
            schema::SpaceToBatchNDOptionsT());
}

void BatchToSpace(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<int32_t> crops;
  for (int i = 0; i < 4; ++i) crops.push_back(graph.Pick(0, 1));
  if (graph.shape(x)[1] == 1 || graph.shape(x)[2] == 1) crops.assign(4, 0);
  graph.Add(type, {x, graph.Ints({2, 2}), graph.IntsOf({2, 2}, crops)},
            schema::BatchToSpaceNDOptionsT());
}

void L2Normalization(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x}, schema::L2NormOptionsT());
}

void LocalResponseNormalization(GraphMaker& graph, Type type, TensorIndex x) {
  schema::LocalResponseNormalizationOptionsT options;
  options.radius = graph.Pick(1, 4);
  options.bias = graph.Uniform(0.5f, 2);
  options.alpha = graph.Uniform(0.1f, 1);
  options.beta = graph.OneOf({0.5f, 0.75f, 1.0f});
  graph.Add(type, {x}, options);
}

void Softmax(GraphMaker& graph, Type type, TensorIndex x) {
  schema::SoftmaxOptionsT options;
  options.beta = graph.OneOf({1.0f, 0.5f, 2.0f});
  graph.Add(type, {x}, options);
}

void LeakyRelu(GraphMaker& graph, Type type, TensorIndex x) {
  schema::LeakyReluOptionsT options;
  options.alpha = graph.Uniform(0.01f, 0.6f);
  graph.Add(type, {x}, options);
}

void Gelu(GraphMaker& graph, Type type, TensorIndex x) {
  schema::GeluOptionsT options;
  options.approximate = graph.Flip();
  graph.Add(type, {x}, options);
}

void Prelu(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  Shape slopes(shape.begin() + (shape.size() > 1), shape.end());
  for (size_t axis = 0; axis + 1 < slopes.size(); ++axis) slopes[axis] = 1;
  graph.Add(type, {x, graph.Weights(slopes, 0.3f)});
}

void AddN(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<TensorIndex> inputs = {x};
  const int more = graph.Pick(1, 3);
  for (int i = 0; i < more; ++i) inputs.push_back(graph.Operand(graph.shape(x)));
  graph.Add(type, inputs, schema::AddNOptionsT());
}

void Cast(GraphMaker& graph, Type type, TensorIndex x) {
  schema::CastOptionsT options;
  options.in_data_type = kFloat;
  options.out_data_type = graph.OneOf({kInt32, schema::TensorType_INT64, kBool});
  const TensorIndex codes = graph.Add(type, {x}, options, {options.out_data_type});
  if (graph.Flip()) return;
  std::swap(options.in_data_type, options.out_data_type);
  graph.Add(type, {codes}, options);
}

template <typename Options>
void ArgReduce(GraphMaker& graph, Type type, TensorIndex x) {
  Options options;
  options.output_type = graph.OneOf({kInt32, schema::TensorType_INT64});
  graph.Add(type, {x, graph.Scalar(graph.Axis(graph.rank(x)))}, options, {options.output_type});
}

void Reduce(GraphMaker& graph, Type type, TensorIndex x) {
  schema::ReducerOptionsT options;
  options.keep_dims = graph.Flip();
  std::vector<int32_t> axes = graph.Permutation(graph.rank(x));
  axes.resize(graph.Pick(1, graph.rank(x)));
  if (graph.rank(x) == 4 && graph.Flip()) axes = {1, 2};
  // Products leave every range; those of one axis less so.
  if (type == schema::BuiltinOperator_REDUCE_PROD) axes.resize(1);
  graph.Add(type, {x, graph.Ints(axes)}, options);
}

void TopK(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, graph.Scalar(graph.Pick(1, graph.shape(x).back()))}, schema::TopKV2OptionsT(),
            {kFloat, kInt32});
}

void Select(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  const TensorIndex condition = graph.Add(schema::BuiltinOperator_GREATER, {x, graph.Values({1})},
                                          schema::GreaterOptionsT(), {kBool});
  const TensorIndex other = graph.Operand(shape);
  if (type == schema::BuiltinOperator_SELECT) {
    graph.Add(type, {condition, x, other}, schema::SelectOptionsT());
  } else {
    graph.Add(type, {condition, graph.Operand(graph.Narrowed(shape)), other},
              schema::SelectV2OptionsT());
  }
}

void ShapeOperator(GraphMaker& graph, Type type, TensorIndex x) {
  schema::ShapeOptionsT options;
  options.out_type = graph.OneOf({kInt32, schema::TensorType_INT64});
  graph.Add(type, {x}, options, {options.out_type});
}

void Reshape(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<int32_t> wanted = graph.shape(x);
  std::ranges::reverse(wanted);
  if (graph.Flip()) wanted = {1, -1};
  schema::ReshapeOptionsT options;
  options.new_shape = wanted;
  graph.Add(type, {x, graph.Ints(wanted)}, options);
}

void Squeeze(GraphMaker& graph, Type type, TensorIndex x) {
  schema::SqueezeOptionsT options;
  const Shape shape = graph.shape(x);
  for (int axis = 0; axis < graph.rank(x); ++axis) {
    if (shape[axis] == 1 && graph.Flip()) options.squeeze_dims.push_back(axis);
  }
  graph.Add(type, {x}, options);
}

void ExpandDims(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, graph.Scalar(graph.Axis(graph.rank(x) + 1))}, schema::ExpandDimsOptionsT());
}

void Transpose(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, graph.Ints(graph.Permutation(graph.rank(x)))}, schema::TransposeOptionsT());
}

void Concatenation(GraphMaker& graph, Type type, TensorIndex x) {
  auto options = OptionsOf<schema::ConcatenationOptionsT>(graph);
  options.fused_activation_function = schema::ActivationFunctionType_NONE;
  options.axis = graph.Axis(graph.rank(x));
  const int axis = (options.axis + graph.rank(x)) % graph.rank(x);
  std::vector<TensorIndex> inputs = {x};
  const int more = graph.Pick(1, 5);
  for (int i = 0; i < more; ++i) {
    Shape shape = graph.shape(x);
    shape[axis] = graph.Pick(1, 5);
    inputs.push_back(graph.Pick(0, 3) == 0 ? graph.Values(shape) : graph.Activation(shape));
  }
  graph.Add(type, inputs, options);
}

void Pack(GraphMaker& graph, Type type, TensorIndex x) {
  schema::PackOptionsT options;
  options.axis = graph.Axis(graph.rank(x) + 1);
  options.values_count = graph.Pick(1, 3);
  std::vector<TensorIndex> inputs = {x};
  while (static_cast<int>(inputs.size()) < options.values_count) {
    inputs.push_back(graph.Activation(graph.shape(x)));
  }
  graph.Add(type, inputs, options);
}

void Unpack(GraphMaker& graph, Type type, TensorIndex x) {
  schema::UnpackOptionsT options;
  options.axis = graph.Axis(graph.rank(x));
  options.num = graph.shape(x)[(options.axis + graph.rank(x)) % graph.rank(x)];
  graph.Add(type, {x}, options, std::vector<schema::TensorType>(options.num, kFloat));
}

void Split(GraphMaker& graph, Type type, TensorIndex x) {
  const int axis = graph.Axis(graph.rank(x));
  const int size = graph.shape(x)[(axis + graph.rank(x)) % graph.rank(x)];
  schema::SplitOptionsT options;
  options.num_splits = graph.OneOf({1, 2, 3, 4});
  while (size % options.num_splits != 0) --options.num_splits;
  graph.Add(type, {graph.Scalar(axis), x}, options,
            std::vector<schema::TensorType>(options.num_splits, kFloat));
}

void SplitV(GraphMaker& graph, Type type, TensorIndex x) {
  const int axis = graph.Axis(graph.rank(x));
  int left = graph.shape(x)[(axis + graph.rank(x)) % graph.rank(x)];
  std::vector<int32_t> sizes;
  while (left > 0 && sizes.size() < 3) {
    sizes.push_back(graph.Pick(1, left));
    left -= sizes.back();
  }
  if (left > 0) sizes.push_back(graph.Flip() ? -1 : left);
  schema::SplitVOptionsT options;
  options.num_splits = static_cast<int32_t>(sizes.size());
  graph.Add(type, {x, graph.Ints(sizes), graph.Scalar(axis)}, options,
            std::vector<schema::TensorType>(sizes.size(), kFloat));
}

TensorIndex Paddings(GraphMaker& graph, TensorIndex x, int most) {
  std::vector<int32_t> paddings;
  for (const int32_t size : graph.shape(x)) {
    for (int i = 0; i < 2; ++i) paddings.push_back(graph.Pick(0, std::min(most, size - 1)));
  }
  return graph.IntsOf({graph.rank(x), 2}, paddings);
}

void Pad(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, Paddings(graph, x, 3)}, schema::PadOptionsT());
}

void PadV2(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, Paddings(graph, x, 3), graph.Values({})}, schema::PadV2OptionsT());
}

void MirrorPad(GraphMaker& graph, Type type, TensorIndex x) {
  schema::MirrorPadOptionsT options;
  options.mode = graph.OneOf({schema::MirrorPadMode_REFLECT, schema::MirrorPadMode_SYMMETRIC});
  graph.Add(type, {x, Paddings(graph, x, 3)}, options);
}

void Slice(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<int32_t> begin;
  std::vector<int32_t> size;
  for (const int32_t dim : graph.shape(x)) {
    begin.push_back(graph.Pick(0, dim - 1));
    size.push_back(graph.Flip() ? -1 : graph.Pick(1, dim - begin.back()));
  }
  graph.Add(type, {x, graph.Ints(begin), graph.Ints(size)}, schema::SliceOptionsT());
}

void StridedSlice(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<int32_t> begin;
  std::vector<int32_t> end;
  std::vector<int32_t> strides;
  schema::StridedSliceOptionsT options;
  for (int axis = 0; axis < graph.rank(x); ++axis) {
    const int32_t dim = graph.shape(x)[axis];
    const bool back = graph.Pick(0, 3) == 0;
    const int32_t first = graph.Pick(0, dim - 1);
    begin.push_back(graph.Flip() ? first : first - dim);
    strides.push_back(back ? -graph.Pick(1, 2) : graph.Pick(1, 3));
    end.push_back(back ? -dim - 1 : graph.Pick(first + 1, dim));
    if (graph.Pick(0, 3) == 0) options.begin_mask |= 1 << axis;
    if (!back && graph.Pick(0, 3) == 0) options.end_mask |= 1 << axis;
  }
  // One axis of one element may go.
  const int axis = graph.Pick(0, graph.rank(x) - 1);
  if (graph.rank(x) > 1 && graph.Flip() && (options.begin_mask >> axis & 1) == 0) {
    strides[axis] = 1;
    end[axis] = begin[axis] + 1 == 0 ? graph.shape(x)[axis] : begin[axis] + 1;
    options.end_mask &= ~(1 << axis);
    options.shrink_axis_mask = 1 << axis;
  }
  graph.Add(type, {x, graph.Ints(begin), graph.Ints(end), graph.Ints(strides)}, options);
}

void Gather(GraphMaker& graph, Type type, TensorIndex x) {
  schema::GatherOptionsT options;
  options.axis = graph.Axis(graph.rank(x));
  const int size = graph.shape(x)[(options.axis + graph.rank(x)) % graph.rank(x)];
  std::vector<int32_t> indices(graph.Pick(1, 6));
  for (int32_t& index : indices) index = graph.Pick(0, size - 1);
  graph.Add(type, {x, graph.Ints(indices)}, options);
}

// Rows of places in the leading axes of a shape.
TensorIndex IndexRows(GraphMaker& graph, const Shape& shape, int rows, int depth) {
  std::vector<int32_t> indices;
  for (int row = 0; row < rows; ++row) {
    for (int axis = 0; axis < depth; ++axis) indices.push_back(graph.Pick(0, shape[axis] - 1));
  }
  return graph.IntsOf({rows, depth}, indices);
}

void GatherNd(GraphMaker& graph, Type type, TensorIndex x) {
  const Shape shape = graph.shape(x);
  graph.Add(type, {x, IndexRows(graph, shape, graph.Pick(1, 5), graph.Pick(1, graph.rank(x)))},
            schema::GatherNdOptionsT());
}

// The rows of `x` go to places of their own: of equal ones their sum would overflow its range.
void ScatterNd(GraphMaker& graph, Type type, TensorIndex x) {
  Shape target = graph.shape(x);
  const int rows = target[0];
  target[0] += graph.Pick(0, 4);
  std::vector<int32_t> places = graph.Permutation(target[0]);
  places.resize(rows);
  graph.Add(type, {graph.IntsOf({rows, 1}, places), x, graph.Ints(target)},
            schema::ScatterNdOptionsT());
}

void Tile(GraphMaker& graph, Type type, TensorIndex x) {
  std::vector<int32_t> multiples(graph.rank(x));
  for (int32_t& multiple : multiples) multiple = graph.Pick(1, 2);
  graph.Add(type, {x, graph.Ints(multiples)}, schema::TileOptionsT());
}

void ReverseV2(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {x, graph.Ints({graph.Pick(0, graph.rank(x) - 1)})}, schema::ReverseV2OptionsT());
}

void Fill(GraphMaker& graph, Type type, TensorIndex x) {
  graph.Add(type, {graph.Ints(graph.ShapeOf(Layout::kAny)), x}, schema::FillOptionsT());
}

void BroadcastTo(GraphMaker& graph, Type type, TensorIndex x) {
  Shape target = graph.shape(x);
  for (int32_t& dim : target) {
    if (dim == 1) dim = graph.Pick(1, 4);
  }
  if (graph.Flip()) target.insert(target.begin(), graph.Pick(1, 3));
  graph.Add(type, {x, graph.Ints(target)}, schema::BroadcastToOptionsT());
}

void DynamicUpdateSlice(GraphMaker& graph, Type type, TensorIndex x) {
  Shape update = graph.shape(x);
  std::vector<int32_t> start;
  for (int32_t& dim : update) {
    const int32_t size = graph.Pick(1, dim);
    start.push_back(graph.Pick(0, dim - size));
    dim = size;
  }
  graph.Add(type, {x, graph.Operand(update), graph.Ints(start)},
            schema::DynamicUpdateSliceOptionsT());
}

struct NodeRow {
  Type type;
  Layout layout;
  void (*add)(GraphMaker& graph, Type type, TensorIndex x);
  Range range = kUsualRange;
};

// In the order of the operators' numbers.
constexpr NodeRow kRows[] = {
    {schema::BuiltinOperator_ADD, Layout::kAny, Binary<schema::AddOptionsT>},
    {schema::BuiltinOperator_AVERAGE_POOL_2D, Layout::kImage, Pool2D},
    {schema::BuiltinOperator_CONCATENATION, Layout::kAny, Concatenation},
    {schema::BuiltinOperator_CONV_2D, Layout::kImage, Conv2D},
    {schema::BuiltinOperator_DEPTHWISE_CONV_2D, Layout::kImage, DepthwiseConv2D},
    {schema::BuiltinOperator_DEPTH_TO_SPACE, Layout::kDeepImage,
     Blocks<schema::DepthToSpaceOptionsT>},
    {schema::BuiltinOperator_FLOOR, Layout::kAny, Unary},
    {schema::BuiltinOperator_FULLY_CONNECTED, Layout::kMatrix, FullyConnected},
    {schema::BuiltinOperator_L2_NORMALIZATION, Layout::kMatrix, L2Normalization},
    {schema::BuiltinOperator_LOCAL_RESPONSE_NORMALIZATION, Layout::kImage,
     LocalResponseNormalization},
    {schema::BuiltinOperator_LOGISTIC, Layout::kAny, Unary},
    {schema::BuiltinOperator_LSTM, Layout::kRows, Lstm<schema::LSTMOptionsT>},
    {schema::BuiltinOperator_MAX_POOL_2D, Layout::kImage, Pool2D},
    {schema::BuiltinOperator_MUL, Layout::kAny, Binary<schema::MulOptionsT>},
    {schema::BuiltinOperator_RELU, Layout::kAny, Unary},
    {schema::BuiltinOperator_RELU_N1_TO_1, Layout::kAny, Unary},
    {schema::BuiltinOperator_RELU6, Layout::kAny, Unary},
    {schema::BuiltinOperator_RESHAPE, Layout::kAny, Reshape},
    {schema::BuiltinOperator_RESIZE_BILINEAR, Layout::kImage,
     Resize<schema::ResizeBilinearOptionsT>},
    {schema::BuiltinOperator_RNN, Layout::kRows, Rnn<schema::RNNOptionsT>},
    {schema::BuiltinOperator_SOFTMAX, Layout::kAny, Softmax},
    {schema::BuiltinOperator_SPACE_TO_DEPTH, Layout::kEvenImage,
     Blocks<schema::SpaceToDepthOptionsT>},
    {schema::BuiltinOperator_SVDF, Layout::kRows, Svdf},
    {schema::BuiltinOperator_TANH, Layout::kAny, Unary},
    {schema::BuiltinOperator_PAD, Layout::kAny, Pad},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_RNN, Layout::kSteps,
     Rnn<schema::SequenceRNNOptionsT>},
    {schema::BuiltinOperator_GATHER, Layout::kAny, Gather},
    {schema::BuiltinOperator_BATCH_TO_SPACE_ND, Layout::kBatches, BatchToSpace},
    {schema::BuiltinOperator_SPACE_TO_BATCH_ND, Layout::kImage, SpaceToBatch},
    {schema::BuiltinOperator_TRANSPOSE, Layout::kAny, Transpose},
    {schema::BuiltinOperator_MEAN, Layout::kAny, Reduce},
    {schema::BuiltinOperator_SUB, Layout::kAny, Binary<schema::SubOptionsT>},
    {schema::BuiltinOperator_DIV, Layout::kAny, Binary<schema::DivOptionsT>, kPositiveRange},
    {schema::BuiltinOperator_SQUEEZE, Layout::kAny, Squeeze},
    {schema::BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, Layout::kSteps,
     Lstm<schema::UnidirectionalSequenceLSTMOptionsT>},
    {schema::BuiltinOperator_STRIDED_SLICE, Layout::kAny, StridedSlice},
    {schema::BuiltinOperator_EXP, Layout::kAny, Unary<schema::ExpOptionsT>},
    {schema::BuiltinOperator_TOPK_V2, Layout::kAny, TopK},
    {schema::BuiltinOperator_SPLIT, Layout::kAny, Split},
    {schema::BuiltinOperator_LOG_SOFTMAX, Layout::kAny, Unary<schema::LogSoftmaxOptionsT>},
    {schema::BuiltinOperator_CAST, Layout::kAny, Cast},
    {schema::BuiltinOperator_PRELU, Layout::kMatrix, Prelu},
    {schema::BuiltinOperator_MAXIMUM, Layout::kAny, Binary<schema::MaximumMinimumOptionsT>},
    {schema::BuiltinOperator_ARG_MAX, Layout::kAny, ArgReduce<schema::ArgMaxOptionsT>},
    {schema::BuiltinOperator_MINIMUM, Layout::kAny, Binary<schema::MaximumMinimumOptionsT>},
    {schema::BuiltinOperator_LESS, Layout::kAny, Binary<schema::LessOptionsT, kBool>},
    {schema::BuiltinOperator_NEG, Layout::kAny, Unary<schema::NegOptionsT>},
    {schema::BuiltinOperator_PADV2, Layout::kAny, PadV2},
    {schema::BuiltinOperator_GREATER, Layout::kAny, Binary<schema::GreaterOptionsT, kBool>},
    {schema::BuiltinOperator_GREATER_EQUAL, Layout::kAny,
     Binary<schema::GreaterEqualOptionsT, kBool>},
    {schema::BuiltinOperator_LESS_EQUAL, Layout::kAny, Binary<schema::LessEqualOptionsT, kBool>},
    {schema::BuiltinOperator_SELECT, Layout::kAny, Select},
    {schema::BuiltinOperator_SLICE, Layout::kAny, Slice},
    {schema::BuiltinOperator_SIN, Layout::kAny, Unary},
    {schema::BuiltinOperator_TRANSPOSE_CONV, Layout::kImage, TransposeConv},
    {schema::BuiltinOperator_TILE, Layout::kAny, Tile},
    {schema::BuiltinOperator_EXPAND_DIMS, Layout::kAny, ExpandDims},
    {schema::BuiltinOperator_EQUAL, Layout::kAny, Binary<schema::EqualOptionsT, kBool>},
    {schema::BuiltinOperator_NOT_EQUAL, Layout::kAny, Binary<schema::NotEqualOptionsT, kBool>},
    {schema::BuiltinOperator_LOG, Layout::kAny, Unary, kPositiveRange},
    {schema::BuiltinOperator_SUM, Layout::kAny, Reduce},
    {schema::BuiltinOperator_SQRT, Layout::kAny, Unary, kPositiveRange},
    {schema::BuiltinOperator_RSQRT, Layout::kAny, Unary, kPositiveRange},
    {schema::BuiltinOperator_SHAPE, Layout::kAny, ShapeOperator},
    {schema::BuiltinOperator_POW, Layout::kAny, Binary<schema::PowOptionsT>, kPositiveRange},
    {schema::BuiltinOperator_ARG_MIN, Layout::kAny, ArgReduce<schema::ArgMinOptionsT>},
    {schema::BuiltinOperator_REDUCE_PROD, Layout::kAny, Reduce},
    {schema::BuiltinOperator_REDUCE_MAX, Layout::kAny, Reduce},
    {schema::BuiltinOperator_PACK, Layout::kAny, Pack},
    {schema::BuiltinOperator_LOGICAL_OR, Layout::kAny, Logical<schema::LogicalOrOptionsT>},
    {schema::BuiltinOperator_LOGICAL_AND, Layout::kAny, Logical<schema::LogicalAndOptionsT>},
    {schema::BuiltinOperator_LOGICAL_NOT, Layout::kAny, Logical<schema::LogicalNotOptionsT>},
    {schema::BuiltinOperator_UNPACK, Layout::kAny, Unpack},
    {schema::BuiltinOperator_REDUCE_MIN, Layout::kAny, Reduce},
    {schema::BuiltinOperator_FLOOR_DIV, Layout::kAny, Binary<schema::FloorDivOptionsT>,
     kPositiveRange},
    {schema::BuiltinOperator_SQUARE, Layout::kAny, Unary<schema::SquareOptionsT>},
    {schema::BuiltinOperator_FILL, Layout::kScalar, Fill},
    {schema::BuiltinOperator_FLOOR_MOD, Layout::kAny, Binary<schema::FloorModOptionsT>,
     kPositiveRange},
    {schema::BuiltinOperator_RESIZE_NEAREST_NEIGHBOR, Layout::kImage,
     Resize<schema::ResizeNearestNeighborOptionsT>},
    {schema::BuiltinOperator_LEAKY_RELU, Layout::kAny, LeakyRelu},
    {schema::BuiltinOperator_SQUARED_DIFFERENCE, Layout::kAny,
     Binary<schema::SquaredDifferenceOptionsT>},
    {schema::BuiltinOperator_MIRROR_PAD, Layout::kAny, MirrorPad},
    {schema::BuiltinOperator_ABS, Layout::kAny, Unary<schema::AbsOptionsT>},
    {schema::BuiltinOperator_SPLIT_V, Layout::kAny, SplitV},
    {schema::BuiltinOperator_CEIL, Layout::kAny, Unary},
    {schema::BuiltinOperator_REVERSE_V2, Layout::kAny, ReverseV2},
    {schema::BuiltinOperator_ADD_N, Layout::kAny, AddN},
    {schema::BuiltinOperator_GATHER_ND, Layout::kAny, GatherNd},
    {schema::BuiltinOperator_COS, Layout::kAny, Unary<schema::CosOptionsT>},
    {schema::BuiltinOperator_ELU, Layout::kAny, Unary},
    {schema::BuiltinOperator_ROUND, Layout::kAny, Unary},
    {schema::BuiltinOperator_HARD_SWISH, Layout::kAny, Unary<schema::HardSwishOptionsT>},
    {schema::BuiltinOperator_SCATTER_ND, Layout::kAny, ScatterNd},
    {schema::BuiltinOperator_SELECT_V2, Layout::kAny, Select},
    {schema::BuiltinOperator_BATCH_MATMUL, Layout::kMatrix, BatchMatMul},
    {schema::BuiltinOperator_BROADCAST_TO, Layout::kAny, BroadcastTo},
    {schema::BuiltinOperator_GELU, Layout::kAny, Gelu},
    {schema::BuiltinOperator_DYNAMIC_UPDATE_SLICE, Layout::kAny, DynamicUpdateSlice},
};
static_assert(std::ranges::is_sorted(kRows, {}, &NodeRow::type));

constexpr Type kDelegated[] = {schema::BuiltinOperator_ADD,
                               schema::BuiltinOperator_CONCATENATION,
                               schema::BuiltinOperator_CONV_2D,
                               schema::BuiltinOperator_DEPTHWISE_CONV_2D,
                               schema::BuiltinOperator_FULLY_CONNECTED,
                               schema::BuiltinOperator_LEAKY_RELU,
                               schema::BuiltinOperator_LOGISTIC,
                               schema::BuiltinOperator_MAX_POOL_2D,
                               schema::BuiltinOperator_MUL,
                               schema::BuiltinOperator_PAD,
                               schema::BuiltinOperator_RESIZE_BILINEAR,
                               schema::BuiltinOperator_SUB,
                               schema::BuiltinOperator_TANH,
                               schema::BuiltinOperator_TRANSPOSE,
                               schema::BuiltinOperator_TRANSPOSE_CONV};

// An activation that a row takes; kNoTensor where there is none.
TensorIndex FittingActivation(GraphMaker& graph, Layout layout) {
  constexpr int64_t kMostElements = 8192;
  constexpr int kMostAxes = 4;
  std::vector<TensorIndex> fitting;
  for (const TensorIndex tensor : graph.activations()) {
    const Shape& shape = graph.shape(tensor);
    if (Fits(layout, shape) && *NumElements(shape) <= kMostElements &&
        graph.rank(tensor) <= kMostAxes) {
      fitting.push_back(tensor);
    }
  }
  if (fitting.empty()) return kNoTensor;
  // Chains rather than stars.
  const int last = static_cast<int>(fitting.size()) - 1;
  return fitting[graph.Pick(std::max(0, last - 2), last)];
}

// For operators that are not defined everywhere.
TensorIndex MadePositive(GraphMaker& graph, TensorIndex x) {
  const TensorIndex share = graph.Add(schema::BuiltinOperator_LOGISTIC, {x});
  return graph.Add(schema::BuiltinOperator_ADD, {share, graph.Values({1})}, schema::AddOptionsT());
}

}  // namespace

std::vector<schema::BuiltinOperator> RandomOperatorTypes() {
  std::vector<schema::BuiltinOperator> types;
  for (const NodeRow& row : kRows) types.push_back(row.type);
  return types;
}

RandomModel RandomOperator(schema::BuiltinOperator type, std::mt19937& random) {
  const NodeRow& row = *std::ranges::find(kRows, type, &NodeRow::type);
  GraphMaker graph(row.range, /*joins=*/false, random);
  row.add(graph, type, graph.Input(graph.ShapeOf(row.layout)));
  return graph.Build();
}

RandomModel RandomGraph(int max_operators, GraphOperators operators, std::mt19937& random) {
  GraphMaker graph(kUsualRange, /*joins=*/true, random);
  graph.Input(graph.ShapeOf(Layout::kImage));
  constexpr int kMostAtOnce = 3;
  const int wanted = graph.Pick(2, max_operators - kMostAtOnce + 1);
  while (graph.num_operators() < wanted) {
    const NodeRow& row = kRows[graph.Pick(0, static_cast<int>(std::size(kRows)) - 1)];
    if (operators == GraphOperators::kDelegated && !std::ranges::count(kDelegated, row.type)) {
      continue;
    }
    TensorIndex x = FittingActivation(graph, row.layout);
    if (x == kNoTensor) continue;
    graph.set_range(row.range);
    if (row.range.min > 0) x = MadePositive(graph, x);
    row.add(graph, row.type, x);
  }
  graph.set_range(kUsualRange);
  return graph.Build();
}

std::vector<TensorValue> RandomExample(const RandomModel& random_model, std::mt19937& random) {
  const Model& model = random_model.model;
  std::vector<TensorValue> example;
  std::uniform_real_distribution<float> any(random_model.range.min, random_model.range.max);
  for (const int32_t input : model.graph().inputs) {
    const schema::TensorT& tensor = model.tensor(TensorIndex{input});
    TensorValue& value = example.emplace_back(TensorValue{tensor.type, tensor.shape, {}});
    value.bytes.resize(*TensorBytes(tensor.type, tensor.shape));
    for (float& element : value.mutable_values<float>()) element = any(random);
  }
  return example;
}

}  // namespace octavo
