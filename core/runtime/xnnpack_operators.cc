#include "core/runtime/xnnpack_operators.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/runtime/weighted_operators.h"
#include "core/runtime/xnnpack_view.h"

namespace octavo {
namespace {

using Op = XnnpackView;
using Range = ClampRange;
using Node = std::optional<XnnpackNode>;

// For operators that move values: one type of input and output, with one scale.
bool Moves(const Op& op, TensorIndex from, TensorIndex to) {
  return CommonType(op, {from, to}).has_value() && SameQuantization(op.tensor(from), op.tensor(to));
}

bool IsImage(const schema::TensorT& tensor) { return tensor.shape.size() == 4; }

// Operators with weights, and pools.

// The values of a weighted operator's node.
struct WeightedIds {
  uint32_t input;
  uint32_t filter;
  uint32_t bias;
  uint32_t output;
};

xnn_status DefineConvolution(xnn_subgraph_t graph, const WeightedPlan& plan,
                             const WeightedIds& ids) {
  const Window& window = plan.window;
  return xnn_define_convolution_2d(
      graph, plan.rows.before, plan.columns.after, plan.rows.after, plan.columns.before,
      window.kernel_height, window.kernel_width, window.stride_height, window.stride_width,
      window.dilation_height, window.dilation_width, plan.groups, plan.group_input_channels,
      plan.group_output_channels, plan.range.min, plan.range.max, ids.input, ids.filter, ids.bias,
      ids.output, window.flags);
}

xnn_status DefineDepthwise(xnn_subgraph_t graph, const WeightedPlan& plan, const WeightedIds& ids) {
  const Window& window = plan.window;
  return xnn_define_depthwise_convolution_2d(
      graph, plan.rows.before, plan.columns.after, plan.rows.after, plan.columns.before,
      window.kernel_height, window.kernel_width, window.stride_height, window.stride_width,
      window.dilation_height, window.dilation_width,
      static_cast<uint32_t>(plan.group_output_channels), plan.groups, plan.range.min,
      plan.range.max, ids.input, ids.filter, ids.bias, ids.output, window.flags);
}

xnn_status DefineTransposed(xnn_subgraph_t graph, const WeightedPlan& plan,
                            const WeightedIds& ids) {
  const Window& window = plan.window;
  return xnn_define_deconvolution_2d(
      graph, plan.rows.before, plan.columns.after, plan.rows.after, plan.columns.before,
      plan.rows.adjustment, plan.columns.adjustment, window.kernel_height, window.kernel_width,
      window.stride_height, window.stride_width, 1, 1, plan.groups, plan.group_input_channels,
      plan.group_output_channels, plan.range.min, plan.range.max, ids.input, ids.filter, ids.bias,
      ids.output, /*flags=*/0);
}

xnn_status DefineFullyConnected(xnn_subgraph_t graph, const WeightedPlan& plan,
                                const WeightedIds& ids) {
  return xnn_define_fully_connected(graph, plan.range.min, plan.range.max, ids.input, ids.filter,
                                    ids.bias, ids.output, /*flags=*/0);
}

// Dynamic ones are no nodes: dynamic_kernel.h says why.
Node PlanWeighted(const Op& op) {
  const auto plan = PlanWeightedOperator(op);
  if (!plan || plan->is_dynamic) return std::nullopt;
  return XnnpackNode{[plan = *plan, op](XnnpackBuilder& builder) {
    WeightedIds ids;
    ids.input = plan.input_dims == SizesOf(op.shape(plan.input))
                    ? builder.Value(plan.input)
                    : builder.Reshaped(plan.input, plan.input_dims);
    ids.filter = builder.Constant(plan.filter);
    ids.bias = plan.bias ? builder.Constant(*plan.bias) : XNN_INVALID_VALUE_ID;
    ids.output = builder.Value(plan.output);
    constexpr xnn_status (*kDefine[])(xnn_subgraph_t, const WeightedPlan&, const WeightedIds&) = {
        DefineConvolution, DefineDepthwise, DefineTransposed, DefineFullyConnected};
    builder.Check(kDefine[static_cast<int>(plan.kind)](builder.subgraph(), plan, ids));
  }};
}

// A pool's window, where it may be XNNPACK's: it has no larger steps than windows.
std::optional<Window> PlanPool(const Op& op, const schema::Pool2DOptionsT& options) {
  if (!op.HasInputs(1, 1)) return std::nullopt;
  const schema::TensorT& input = op.tensor(op.in(0));
  if (!IsImage(input) || !Moves(op, op.in(0), op.out())) return std::nullopt;
  const auto window = PlanWindow(options.padding, {.kernel_height = options.filter_height,
                                                   .kernel_width = options.filter_width,
                                                   .stride_height = options.stride_h,
                                                   .stride_width = options.stride_w});
  if (!window || window->stride_height > window->kernel_height ||
      window->stride_width > window->kernel_width) {
    return std::nullopt;
  }
  // Where a window reaches over both borders, XNNPACK's average pool sums wrong rows; and it keeps
  // a pointer for each element of each window.
  if (options.filter_height > input.shape[1] || options.filter_width > input.shape[2]) {
    return std::nullopt;
  }
  return window;
}

Node PlanClamp(const Op& op, Range range);

Node PlanMaxPool(const Op& op) {
  const auto options = op.options(op.op.builtin_options.AsPool2DOptions());
  const auto window = PlanPool(op, options);
  const auto range = window ? FusedRange(op, options.fused_activation_function) : std::nullopt;
  if (!range) return std::nullopt;
  if (window->kernel_height == 1 && window->kernel_width == 1) {
    Node clamp = PlanClamp(op, *range);
    if (clamp) clamp->as_litert = true;  // unlike an int8 RELU
    return clamp;
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    builder.Check(xnn_define_max_pooling_2d(
        builder.subgraph(), 0, 0, 0, 0, window->kernel_height, window->kernel_width,
        window->stride_height, window->stride_width, 1, 1, range->min, range->max,
        builder.Value(op.in(0)), builder.Value(op.out()), window->flags));
  }};
}

Node PlanAveragePool(const Op& op) {
  const auto options = op.options(op.op.builtin_options.AsPool2DOptions());
  const auto window = PlanPool(op, options);
  const auto range = window ? FusedRange(op, options.fused_activation_function) : std::nullopt;
  if (!range || XnnpackType(op.tensor(op.in(0))) != xnn_datatype_fp32) return std::nullopt;
  if (window->kernel_height == 1 && window->kernel_width == 1) return PlanClamp(op, *range);
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    builder.Check(xnn_define_average_pooling_2d(
        builder.subgraph(), 0, 0, 0, 0, window->kernel_height, window->kernel_width,
        window->stride_height, window->stride_width, range->min, range->max,
        builder.Value(op.in(0)), builder.Value(op.out()), window->flags));
  }};
}

// Elementwise.

XnnpackNode UnaryNode(const Op& op, xnn_unary_operator type, xnn_unary_params params = {}) {
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input = builder.Value(op.in(0));
    builder.Check(xnn_define_unary(builder.subgraph(), type, &params, input,
                                   builder.Value(op.out()), /*flags=*/0));
  }};
}

// Input and output of one type and as many elements.
std::optional<xnn_datatype> UnaryType(const Op& op) {
  if (!op.HasInputs(1, 1)) return std::nullopt;
  if (op.tensor(op.in(0)).shape != op.tensor(op.out()).shape) return std::nullopt;
  return CommonType(op, {op.in(0), op.out()});
}

Node PlanClamp(const Op& op, Range range) {
  const auto type = UnaryType(op);
  if (!type || !SameQuantization(op.tensor(op.in(0)), op.tensor(op.out())) ||
      !LeavesCodes(op.tensor(op.out()), range)) {
    return std::nullopt;
  }
  xnn_unary_params params = {};
  params.clamp.min = range.min;
  params.clamp.max = range.max;
  XnnpackNode node = UnaryNode(op, xnn_unary_clamp, params);
  node.as_litert = *type == xnn_datatype_fp32;
  return node;
}

template <schema::ActivationFunctionType activation>
Node PlanRelu(const Op& op) {
  return PlanClamp(op, *ActivationRange(activation));
}

// Operators that LiteRT's delegate takes in float only; XNNPACK has a table of 256 codes for int8.
template <xnn_unary_operator type>
Node PlanFloatUnary(const Op& op) {
  const auto data_type = UnaryType(op);
  if (!data_type) return std::nullopt;
  XnnpackNode node = UnaryNode(op, type);
  node.as_litert = *data_type == xnn_datatype_fp32;
  return node;
}

template <xnn_unary_operator type>
Node PlanUnary(const Op& op) {
  if (!UnaryType(op)) return std::nullopt;
  return UnaryNode(op, type);
}

Node PlanElu(const Op& op) {
  if (!UnaryType(op)) return std::nullopt;
  xnn_unary_params params = {};
  params.elu.alpha = 1.0f;
  return UnaryNode(op, xnn_unary_elu, params);
}

Node PlanGelu(const Op& op) {
  if (op.options(op.op.builtin_options.AsGeluOptions()).approximate) return std::nullopt;
  return PlanFloatUnary<xnn_unary_gelu>(op);
}

bool Between(float value, float least, float most) { return value >= least && value <= most; }

Node PlanLeakyRelu(const Op& op) {
  const auto type = UnaryType(op);
  const float alpha = op.options(op.op.builtin_options.AsLeakyReluOptions()).alpha;
  if (!type || !std::isnormal(alpha)) return std::nullopt;
  if (IsQuantized(type)) {
    const float positive = ScaleOf(op.tensor(op.in(0))) / ScaleOf(op.tensor(op.out()));
    const float negative = positive * alpha;
    if (!Between(positive, 1.0f / 256, 128) || !Between(negative, -127.99f, 128) ||
        std::fabs(negative) < 1.0f / 256) {
      return std::nullopt;
    }
  }
  xnn_unary_params params = {};
  params.leaky_relu.negative_slope = alpha;
  return UnaryNode(op, xnn_unary_leaky_relu, params);
}

Node PlanQuantize(const Op& op) {
  if (!op.HasInputs(1, 1)) return std::nullopt;
  const schema::TensorT& input = op.tensor(op.in(0));
  const schema::TensorT& output = op.tensor(op.out());
  const auto from = XnnpackType(input);
  const auto to = XnnpackType(output);
  if (!from || !IsQuantized(to) || input.shape != output.shape) return std::nullopt;
  if (*from == xnn_datatype_fp32) return UnaryNode(op, xnn_unary_convert);
  if (*from == *to) {
    if (!Between(ScaleOf(input) / ScaleOf(output), 1.0f / 256, 128)) return std::nullopt;
    return UnaryNode(op, xnn_unary_convert);
  }
  // uint8 inputs and outputs: a shift by 128, exact in whatever kernel.
  const int64_t shift = *from == xnn_datatype_quint8 ? 128 : -128;
  if (ScaleOf(input) != ScaleOf(output) || ZeroPointOf(input) - ZeroPointOf(output) != shift) {
    return std::nullopt;
  }
  return UnaryNode(op, xnn_unary_convert);
}

Node PlanDequantize(const Op& op) {
  if (!op.HasInputs(1, 1)) return std::nullopt;
  const schema::TensorT& input = op.tensor(op.in(0));
  const schema::TensorT& output = op.tensor(op.out());
  if (!IsQuantized(XnnpackType(input)) || XnnpackType(output) != xnn_datatype_fp32 ||
      input.shape != output.shape) {
    return std::nullopt;
  }
  return UnaryNode(op, xnn_unary_convert);
}

Node PlanBinary(const Op& op, xnn_binary_operator type, Range range) {
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    xnn_binary_params params = {range.min, range.max};
    const uint32_t a = builder.Value(op.in(0));
    const uint32_t b = builder.Value(op.in(1));
    builder.Check(xnn_define_binary(builder.subgraph(), type, &params, a, b,
                                    builder.Value(op.out()), /*flags=*/0));
  }};
}

// The type of both inputs and the output, of which one input at least is no constant.
std::optional<xnn_datatype> BinaryType(const Op& op) {
  if (!op.HasInputs(2, 2)) return std::nullopt;
  if (op.model.IsConstant(op.in(0)) && op.model.IsConstant(op.in(1))) return std::nullopt;
  return CommonType(op, {op.in(0), op.in(1), op.out()});
}

template <typename Options>
Node PlanSum(const Op& op, const Options* given, xnn_binary_operator type) {
  const auto data_type = BinaryType(op);
  if (!data_type) return std::nullopt;
  const auto range = FusedRange(op, op.options(given).fused_activation_function);
  if (!range) return std::nullopt;
  if (IsQuantized(data_type)) {
    const float output_scale = ScaleOf(op.tensor(op.out()));
    for (int input : {0, 1}) {
      const float ratio = ScaleOf(op.tensor(op.in(input))) / output_scale;
      if (!(ratio >= 0x1.0p-10f && ratio < 0x1.0p+8f)) return std::nullopt;
    }
  }
  return PlanBinary(op, type, *range);
}

Node PlanAdd(const Op& op) {
  return PlanSum(op, op.op.builtin_options.AsAddOptions(), xnn_binary_add);
}

Node PlanSub(const Op& op) {
  return PlanSum(op, op.op.builtin_options.AsSubOptions(), xnn_binary_subtract);
}

Node PlanMul(const Op& op) {
  const auto type = BinaryType(op);
  if (!type) return std::nullopt;
  const auto options = op.options(op.op.builtin_options.AsMulOptions());
  const auto range = FusedRange(op, options.fused_activation_function);
  if (!range) return std::nullopt;
  if (IsQuantized(type)) {
    const float ratio =
        ScaleOf(op.tensor(op.in(0))) * ScaleOf(op.tensor(op.in(1))) / ScaleOf(op.tensor(op.out()));
    if (!(ratio >= 0x1.0p-16f && ratio < 0x1.0p+8f)) return std::nullopt;
  }
  return PlanBinary(op, xnn_binary_multiply, *range);
}

Node PlanDiv(const Op& op) {
  const auto options = op.options(op.op.builtin_options.AsDivOptions());
  const auto range = ActivationRange(options.fused_activation_function);
  if (!range || BinaryType(op) != xnn_datatype_fp32) return std::nullopt;
  return PlanBinary(op, xnn_binary_divide, *range);
}

template <xnn_binary_operator type>
Node PlanFloatBinary(const Op& op) {
  if (BinaryType(op) != xnn_datatype_fp32) return std::nullopt;
  return PlanBinary(op, type, Range{});
}

// Softmax and reductions.

Node PlanSoftmax(const Op& op) {
  if (UnaryType(op) != xnn_datatype_fp32 || op.tensor(op.in(0)).shape.empty()) return std::nullopt;
  if (op.options(op.op.builtin_options.AsSoftmaxOptions()).beta != 1.0f) return std::nullopt;
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input = builder.Value(op.in(0));
    builder.Check(xnn_define_softmax(builder.subgraph(), input, builder.Value(op.out()), 0));
  }};
}

// Axes from 0 on, each once, ascending; nothing where one is out of range or there is none.
std::optional<std::vector<int64_t>> Axes(std::optional<std::vector<int64_t>> axes, int64_t rank) {
  if (!axes || axes->empty()) return std::nullopt;
  for (int64_t& axis : *axes) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return std::nullopt;
  }
  std::ranges::sort(*axes);
  axes->erase(std::unique(axes->begin(), axes->end()), axes->end());
  return axes;
}

template <xnn_reduce_operator type>
Node PlanReduce(const Op& op) {
  if (!op.HasInputs(2, 2)) return std::nullopt;
  const schema::TensorT& input = op.tensor(op.in(0));
  const auto data_type = CommonType(op, {op.in(0), op.out()});
  const auto axes = Axes(op.Integers(op.in(1)), static_cast<int64_t>(input.shape.size()));
  if (!data_type || !axes || op.tensor(op.out()).shape.empty()) return std::nullopt;
  if (IsQuantized(data_type)) {
    float ratio = ScaleOf(input) / ScaleOf(op.tensor(op.out()));
    if (type == xnn_reduce_mean) {
      for (int64_t axis : *axes) ratio /= static_cast<float>(input.shape[axis]);
    }
    if (!(ratio >= kMinRequantization && ratio < kMaxRequantization)) return std::nullopt;
  }
  const bool keep_dims = op.options(op.op.builtin_options.AsReducerOptions()).keep_dims;
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input_id = builder.Value(op.in(0));
    builder.Check(xnn_define_static_reduce_v2(builder.subgraph(), type, axes->size(), axes->data(),
                                              input_id, builder.Value(op.out()),
                                              keep_dims ? XNN_FLAG_KEEP_DIMS : 0));
  }};
}

// Operators that move values.

Node PlanReshape(const Op& op) {
  if (!op.HasInputs(1, 2) || !Moves(op, op.in(0), op.out())) return std::nullopt;
  const std::vector<size_t> dims = SizesOf(op.tensor(op.out()).shape);
  if (dims.empty()) return std::nullopt;
  if (NumElements(op.tensor(op.in(0)).shape) != NumElements(op.tensor(op.out()).shape)) {
    return std::nullopt;
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input = builder.Value(op.in(0));
    builder.Check(xnn_define_static_reshape(builder.subgraph(), dims.size(), dims.data(), input,
                                            builder.Value(op.out()), /*flags=*/0));
  }};
}

Node PlanTranspose(const Op& op) {
  if (!op.HasInputs(2, 2) || !Moves(op, op.in(0), op.out())) return std::nullopt;
  const auto permutation = op.Integers(op.in(1));
  const size_t rank = op.tensor(op.in(0)).shape.size();
  if (!permutation || permutation->size() != rank || rank == 0) return std::nullopt;
  // Negative axes, which LiteRT allows, count from the end.
  std::vector<size_t> perm;
  for (int64_t axis : *permutation) {
    if (axis < 0) axis += static_cast<int64_t>(rank);
    if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
    if (std::ranges::find(perm, static_cast<size_t>(axis)) != perm.end()) return std::nullopt;
    perm.push_back(static_cast<size_t>(axis));
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input = builder.Value(op.in(0));
    builder.Check(xnn_define_static_transpose(builder.subgraph(), perm.size(), perm.data(), input,
                                              builder.Value(op.out()), /*flags=*/0));
  }};
}

Node PlanPad(const Op& op) {
  if (!op.HasInputs(2, 2) || !Moves(op, op.in(0), op.out())) return std::nullopt;
  const auto paddings = op.Integers(op.in(1));
  const std::vector<int32_t>& input = op.tensor(op.in(0)).shape;
  const std::vector<int32_t>& output = op.tensor(op.out()).shape;
  if (!paddings || paddings->size() != 2 * input.size() || output.size() != input.size()) {
    return std::nullopt;
  }
  std::vector<size_t> before;
  std::vector<size_t> after;
  for (size_t dim = 0; dim < input.size(); ++dim) {
    const int64_t pre = (*paddings)[2 * dim];
    const int64_t post = (*paddings)[2 * dim + 1];
    // Each is checked alone first, so that the sum cannot overflow.
    if (pre < 0 || post < 0 || pre > output[dim] || post > output[dim] ||
        pre + input[dim] + post != output[dim]) {
      return std::nullopt;
    }
    before.push_back(static_cast<size_t>(pre));
    after.push_back(static_cast<size_t>(post));
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input_id = builder.Value(op.in(0));
    builder.Check(xnn_define_static_constant_pad(builder.subgraph(), before.data(), after.data(),
                                                 /*padding_value=*/0.0f, input_id,
                                                 builder.Value(op.out()), /*flags=*/0));
  }};
}

Node PlanConcatenation(const Op& op) {
  if (!op.HasInputs(2, 5)) return std::nullopt;
  const auto options = op.options(op.op.builtin_options.AsConcatenationOptions());
  if (options.fused_activation_function != schema::ActivationFunctionType_NONE) return std::nullopt;
  const int count = static_cast<int>(op.op.inputs.size());
  const std::vector<int32_t>& output = op.tensor(op.out()).shape;
  const int rank = static_cast<int>(output.size());
  const int axis = options.axis < 0 ? options.axis + rank : options.axis;
  if (axis < 0 || axis >= rank) return std::nullopt;
  for (int position = 0; position < count; ++position) {
    const TensorIndex input = op.in(position);
    if (input == kNoTensor || !Moves(op, input, op.out())) return std::nullopt;
    std::vector<int32_t> shape = op.tensor(input).shape;
    if (static_cast<int>(shape.size()) != rank) return std::nullopt;
    shape[axis] = output[axis];
    if (shape != output) return std::nullopt;
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    std::vector<uint32_t> in;
    for (int position = 0; position < count; ++position) {
      in.push_back(builder.Value(op.in(position)));
    }
    const uint32_t out = builder.Value(op.out());
    xnn_subgraph_t graph = builder.subgraph();
    if (count == 2) {
      builder.Check(xnn_define_concatenate2(graph, axis, in[0], in[1], out, 0));
    } else if (count == 3) {
      builder.Check(xnn_define_concatenate3(graph, axis, in[0], in[1], in[2], out, 0));
    } else if (count == 4) {
      builder.Check(xnn_define_concatenate4(graph, axis, in[0], in[1], in[2], in[3], out, 0));
    } else {
      builder.Check(
          xnn_define_concatenate5(graph, axis, in[0], in[1], in[2], in[3], in[4], out, 0));
    }
  }};
}

Node PlanSplit(const Op& op) {
  if (!op.HasInputs(2, 2)) return std::nullopt;
  const size_t count = op.op.outputs.size();
  const auto axes = Axes(op.Integers(op.in(0)), op.tensor(op.in(1)).shape.size());
  if (count < 2 || count > 4 || !axes || axes->size() != 1) return std::nullopt;
  const int axis = static_cast<int>(axes->front());
  std::vector<int32_t> part = op.tensor(op.in(1)).shape;
  if (part[axis] % static_cast<int>(count) != 0) return std::nullopt;
  part[axis] /= static_cast<int>(count);
  for (size_t position = 0; position < count; ++position) {
    const TensorIndex output = op.out(static_cast<int>(position));
    if (output == kNoTensor || !Moves(op, op.in(1), output)) return std::nullopt;
    if (op.tensor(output).shape != part) return std::nullopt;
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t in = builder.Value(op.in(1));
    std::vector<uint32_t> out;
    for (size_t position = 0; position < count; ++position) {
      out.push_back(builder.Value(op.out(static_cast<int>(position))));
    }
    xnn_subgraph_t graph = builder.subgraph();
    if (count == 2) {
      builder.Check(xnn_define_even_split2(graph, axis, in, out[0], out[1], 0));
    } else if (count == 3) {
      builder.Check(xnn_define_even_split3(graph, axis, in, out[0], out[1], out[2], 0));
    } else {
      builder.Check(xnn_define_even_split4(graph, axis, in, out[0], out[1], out[2], out[3], 0));
    }
  }};
}

// A box out of a tensor: offsets that leave room for the output's shape.
Node SliceNode(const Op& op, const std::vector<int64_t>& offsets) {
  const std::vector<int32_t>& input = op.tensor(op.in(0)).shape;
  const std::vector<int32_t>& output = op.tensor(op.out()).shape;
  if (input.empty() || output.size() != input.size() || offsets.size() != input.size() ||
      !Moves(op, op.in(0), op.out())) {
    return std::nullopt;
  }
  std::vector<size_t> begin;
  for (size_t dim = 0; dim < input.size(); ++dim) {
    if (offsets[dim] < 0 || offsets[dim] > input[dim] - output[dim]) return std::nullopt;
    begin.push_back(static_cast<size_t>(offsets[dim]));
  }
  const std::vector<size_t> sizes = SizesOf(output);
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input_id = builder.Value(op.in(0));
    builder.Check(xnn_define_static_slice(builder.subgraph(), begin.size(), begin.data(),
                                          sizes.data(), input_id, builder.Value(op.out()),
                                          /*flags=*/0));
  }};
}

Node PlanSlice(const Op& op) {
  if (!op.HasInputs(3, 3)) return std::nullopt;
  const auto begin = op.Integers(op.in(1));
  return begin ? SliceNode(op, *begin) : std::nullopt;
}

Node PlanStridedSlice(const Op& op) {
  if (!op.HasInputs(4, 4)) return std::nullopt;
  const auto options = op.options(op.op.builtin_options.AsStridedSliceOptions());
  const auto begin = op.Integers(op.in(1));
  const auto strides = op.Integers(op.in(3));
  const std::vector<int32_t>& input = op.tensor(op.in(0)).shape;
  if (!begin || !strides || begin->size() != input.size() || options.ellipsis_mask != 0 ||
      options.new_axis_mask != 0 || options.shrink_axis_mask != 0) {
    return std::nullopt;
  }
  if (std::ranges::any_of(*strides, [](int64_t stride) { return stride != 1; })) {
    return std::nullopt;
  }
  std::vector<int64_t> offsets = *begin;
  for (size_t dim = 0; dim < offsets.size(); ++dim) {
    const int64_t size = input[dim];
    if (offsets[dim] < 0) offsets[dim] += size;
    offsets[dim] = std::clamp<int64_t>(offsets[dim], 0, size);
    if (options.begin_mask & (1 << dim)) offsets[dim] = 0;
  }
  return SliceNode(op, offsets);
}

Node PlanResizeBilinear(const Op& op) {
  if (!op.HasInputs(2, 2) || !Moves(op, op.in(0), op.out())) return std::nullopt;
  const std::vector<int32_t>& input = op.tensor(op.in(0)).shape;
  const std::vector<int32_t>& output = op.tensor(op.out()).shape;
  if (input.size() != 4 || output.size() != 4) return std::nullopt;
  // XNNPACK refuses images of 2^24 rows; far less is enough here.
  for (int dim : {1, 2}) {
    if (input[dim] > kMaxExtent || output[dim] > kMaxExtent) return std::nullopt;
  }
  const auto options = op.options(op.op.builtin_options.AsResizeBilinearOptions());
  uint32_t flags = 0;
  if (options.align_corners) {
    flags = XNN_FLAG_ALIGN_CORNERS;
  } else if (!options.half_pixel_centers) {
    flags = XNN_FLAG_TENSORFLOW_LEGACY_MODE;
  }
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input_id = builder.Value(op.in(0));
    const std::vector<int32_t>& shape = op.tensor(op.out()).shape;
    builder.Check(xnn_define_static_resize_bilinear_2d(builder.subgraph(), shape[1], shape[2],
                                                       input_id, builder.Value(op.out()), flags));
  }};
}

// Blocks of pixels to channels and back.
template <typename Options, typename Define>
Node PlanBlocks(const Op& op, const Options* given, Define define) {
  const int block = op.options(given).block_size;
  if (!op.HasInputs(1, 1) || !Moves(op, op.in(0), op.out()) || block < 2) return std::nullopt;
  if (!IsImage(op.tensor(op.in(0))) || block > kMaxExtent) return std::nullopt;
  return XnnpackNode{[=](XnnpackBuilder& builder) {
    const uint32_t input = builder.Value(op.in(0));
    builder.Check(define(builder.subgraph(), block, input, builder.Value(op.out()), /*flags=*/0));
  }};
}

Node PlanDepthToSpace(const Op& op) {
  return PlanBlocks(op, op.op.builtin_options.AsDepthToSpaceOptions(),
                    xnn_define_depth_to_space_2d);
}

Node PlanSpaceToDepth(const Op& op) {
  return PlanBlocks(op, op.op.builtin_options.AsSpaceToDepthOptions(),
                    xnn_define_space_to_depth_2d);
}

struct Row {
  schema::BuiltinOperator type;
  Node (*plan)(const Op& op);
};

constexpr Row kRows[] = {
    {schema::BuiltinOperator_ABS, PlanFloatUnary<xnn_unary_abs>},
    {schema::BuiltinOperator_ADD, PlanAdd},
    {schema::BuiltinOperator_AVERAGE_POOL_2D, PlanAveragePool},
    {schema::BuiltinOperator_CEIL, PlanFloatUnary<xnn_unary_ceiling>},
    {schema::BuiltinOperator_CONCATENATION, PlanConcatenation},
    {schema::BuiltinOperator_CONV_2D, PlanWeighted},
    {schema::BuiltinOperator_DEPTH_TO_SPACE, PlanDepthToSpace},
    {schema::BuiltinOperator_DEPTHWISE_CONV_2D, PlanWeighted},
    {schema::BuiltinOperator_DEQUANTIZE, PlanDequantize},
    {schema::BuiltinOperator_DIV, PlanDiv},
    {schema::BuiltinOperator_ELU, PlanElu},
    {schema::BuiltinOperator_EXP, PlanFloatUnary<xnn_unary_exp>},
    {schema::BuiltinOperator_EXPAND_DIMS, PlanReshape},
    {schema::BuiltinOperator_FLOOR, PlanFloatUnary<xnn_unary_floor>},
    {schema::BuiltinOperator_FULLY_CONNECTED, PlanWeighted},
    {schema::BuiltinOperator_GELU, PlanGelu},
    {schema::BuiltinOperator_HARD_SWISH, PlanFloatUnary<xnn_unary_hardswish>},
    {schema::BuiltinOperator_LEAKY_RELU, PlanLeakyRelu},
    {schema::BuiltinOperator_LOG, PlanFloatUnary<xnn_unary_log>},
    {schema::BuiltinOperator_LOGISTIC, PlanUnary<xnn_unary_sigmoid>},
    {schema::BuiltinOperator_MAX_POOL_2D, PlanMaxPool},
    {schema::BuiltinOperator_MAXIMUM, PlanFloatBinary<xnn_binary_maximum>},
    {schema::BuiltinOperator_MEAN, PlanReduce<xnn_reduce_mean>},
    {schema::BuiltinOperator_MINIMUM, PlanFloatBinary<xnn_binary_minimum>},
    {schema::BuiltinOperator_MUL, PlanMul},
    {schema::BuiltinOperator_NEG, PlanFloatUnary<xnn_unary_negate>},
    {schema::BuiltinOperator_PAD, PlanPad},
    {schema::BuiltinOperator_PRELU, PlanFloatBinary<xnn_binary_prelu>},
    {schema::BuiltinOperator_QUANTIZE, PlanQuantize},
    {schema::BuiltinOperator_RELU, PlanRelu<schema::ActivationFunctionType_RELU>},
    {schema::BuiltinOperator_RELU6, PlanRelu<schema::ActivationFunctionType_RELU6>},
    {schema::BuiltinOperator_RELU_N1_TO_1, PlanRelu<schema::ActivationFunctionType_RELU_N1_TO_1>},
    {schema::BuiltinOperator_RESHAPE, PlanReshape},
    {schema::BuiltinOperator_RESIZE_BILINEAR, PlanResizeBilinear},
    {schema::BuiltinOperator_ROUND, PlanFloatUnary<xnn_unary_bankers_rounding>},
    {schema::BuiltinOperator_RSQRT, PlanFloatUnary<xnn_unary_reciprocal_square_root>},
    {schema::BuiltinOperator_SLICE, PlanSlice},
    {schema::BuiltinOperator_SOFTMAX, PlanSoftmax},
    {schema::BuiltinOperator_SPACE_TO_DEPTH, PlanSpaceToDepth},
    {schema::BuiltinOperator_SPLIT, PlanSplit},
    {schema::BuiltinOperator_SQRT, PlanFloatUnary<xnn_unary_square_root>},
    {schema::BuiltinOperator_SQUARE, PlanFloatUnary<xnn_unary_square>},
    {schema::BuiltinOperator_SQUARED_DIFFERENCE, PlanFloatBinary<xnn_binary_squared_difference>},
    {schema::BuiltinOperator_SQUEEZE, PlanReshape},
    {schema::BuiltinOperator_STRIDED_SLICE, PlanStridedSlice},
    {schema::BuiltinOperator_SUB, PlanSub},
    {schema::BuiltinOperator_SUM, PlanReduce<xnn_reduce_sum>},
    {schema::BuiltinOperator_TANH, PlanUnary<xnn_unary_tanh>},
    {schema::BuiltinOperator_TRANSPOSE, PlanTranspose},
    {schema::BuiltinOperator_TRANSPOSE_CONV, PlanWeighted},
};

}  // namespace

std::optional<XnnpackNode> PlanXnnpackNode(const Model& model, const schema::OperatorT& op) {
  const bool computes = std::ranges::any_of(op.inputs, [&](int32_t input) {
    return input >= 0 && !model.IsConstant(TensorIndex{input});
  });
  if (!computes) return std::nullopt;
  const schema::BuiltinOperator type = model.OperatorType(op);
  for (const Row& row : kRows) {
    if (row.type == type) return row.plan(Op{model, op});
  }
  return std::nullopt;
}

}  // namespace octavo
