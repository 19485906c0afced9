#include "core/runtime/weighted_operators.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/tflite/block_scales.h"

namespace octavo {
namespace {

bool IsConstantOf(const XnnpackView& op, TensorIndex index, schema::TensorType type) {
  return op.tensor(index).type == type && op.model.IsConstant(index) &&
         op.tensor(index).sparsity == nullptr;
}

// The filter's scales, one or one a channel, all symmetric.
std::optional<std::vector<float>> FilterScales(const schema::TensorT& filter, size_t channel_axis) {
  const schema::QuantizationParametersT* quantization = filter.quantization.get();
  if (quantization == nullptr || quantization->details.value != nullptr) return std::nullopt;
  const std::vector<float>& scales = quantization->scale;
  const size_t channels = filter.shape[channel_axis];
  if (scales.size() != 1 && scales.size() != channels) return std::nullopt;
  if (scales.size() > 1 && quantization->quantized_dimension != static_cast<int>(channel_axis)) {
    return std::nullopt;
  }
  for (float scale : scales) {
    if (!std::isnormal(scale) || scale < 0) return std::nullopt;
  }
  for (int64_t zero_point : quantization->zero_point) {
    if (zero_point != 0) return std::nullopt;
  }
  return scales;
}

bool RequantizationFits(const XnnpackView& op, TensorIndex input,
                        std::span<const float> filter_scales) {
  const float input_scale = ScaleOf(op.tensor(input));
  const float output_scale = ScaleOf(op.tensor(op.out()));
  return std::ranges::all_of(filter_scales, [&](float filter_scale) {
    const float ratio = input_scale * filter_scale / output_scale;
    return ratio >= kMinRequantization && ratio < kMaxRequantization;
  });
}

struct WeightedTensors {
  WeightedKind kind;
  TensorIndex input;
  TensorIndex filter;
  TensorIndex bias;  // may be kNoTensor
  size_t channel_axis = 0;
};

// Types and scales of weights and bias.

std::optional<WeightedPlan> PlanFloat(const XnnpackView& op, const WeightedTensors& tensors) {
  if (!IsConstantOf(op, tensors.filter, schema::TensorType_FLOAT32)) return std::nullopt;
  WeightedPlan plan;
  plan.filter.type = xnn_datatype_fp32;
  if (tensors.bias != kNoTensor) plan.bias = PackedConstant{.type = xnn_datatype_fp32};
  return plan;
}

// Int4 codes, widened to int8, with a scale a block.
std::optional<WeightedPlan> PlanBlocks(const XnnpackView& op, const WeightedTensors& tensors) {
  const auto blocks = ReadBlockScales(op.model, tensors.filter);
  if (!blocks || tensors.kind != WeightedKind::kFullyConnected) return std::nullopt;
  const auto codes = op.model.ConstantValues<int8_t>(tensors.filter);
  if (std::ranges::any_of(codes, [](int8_t code) { return code < -8 || code > 7; })) {
    return std::nullopt;
  }
  WeightedPlan plan;
  plan.is_dynamic = true;
  plan.filter.type = xnn_datatype_qbint4;
  plan.filter.scales = blocks->scales;
  plan.filter.block_size = static_cast<size_t>(blocks->block_size);
  if (tensors.bias != kNoTensor) plan.bias = PackedConstant{.type = xnn_datatype_fp32};
  return plan;
}

std::optional<WeightedPlan> PlanDynamic(const XnnpackView& op, const WeightedTensors& tensors) {
  if (tensors.kind == WeightedKind::kDepthwise ||
      !IsConstantOf(op, tensors.filter, schema::TensorType_INT8)) {
    return std::nullopt;
  }
  auto scales = FilterScales(op.tensor(tensors.filter), tensors.channel_axis);
  if (!scales) return PlanBlocks(op, tensors);
  scales->resize(op.shape(tensors.filter)[tensors.channel_axis], scales->front());
  // The bound of the transposed convolution; no real scale is near it.
  if (std::ranges::any_of(*scales, [](float scale) { return scale >= kMaxRequantization; })) {
    return std::nullopt;
  }
  WeightedPlan plan;
  plan.is_dynamic = true;
  plan.filter.type = xnn_datatype_qcint8;
  plan.filter.scales = *std::move(scales);
  if (tensors.bias != kNoTensor) plan.bias = PackedConstant{.type = xnn_datatype_fp32};
  return plan;
}

std::optional<WeightedPlan> PlanInt8(const XnnpackView& op, const WeightedTensors& tensors) {
  if (!IsConstantOf(op, tensors.filter, schema::TensorType_INT8)) return std::nullopt;
  auto scales = FilterScales(op.tensor(tensors.filter), tensors.channel_axis);
  if (!scales || !RequantizationFits(op, tensors.input, *scales)) return std::nullopt;
  WeightedPlan plan;
  const bool per_channel = scales->size() > 1;
  plan.filter.type = per_channel ? xnn_datatype_qcint8 : xnn_datatype_qint8;
  plan.filter.scales = *std::move(scales);
  if (tensors.bias != kNoTensor) {
    plan.bias = PackedConstant{.type = per_channel ? xnn_datatype_qcint32 : xnn_datatype_qint32,
                               .scales = plan.filter.scales};  // XNNPACK only wants normal ones
  }
  return plan;
}

// Dimensions, bytes and the bias' fit, which are the same for all types.
bool AddConstants(const XnnpackView& op, const WeightedTensors& tensors, WeightedPlan& plan) {
  const schema::TensorT& filter = op.tensor(tensors.filter);
  plan.filter.dims = SizesOf(filter.shape);
  plan.filter.bytes = op.model.ConstantBytes(tensors.filter);
  plan.filter.channel_axis = tensors.channel_axis;
  if (TensorBytes(filter.type, filter.shape) != static_cast<int64_t>(plan.filter.bytes.size())) {
    return false;
  }
  if (!plan.bias) return true;
  const bool is_float = plan.bias->type == xnn_datatype_fp32;
  const auto type = is_float ? schema::TensorType_FLOAT32 : schema::TensorType_INT32;
  if (!IsConstantOf(op, tensors.bias, type)) return false;
  const size_t channels = filter.shape[tensors.channel_axis];
  plan.bias->dims = {channels};
  plan.bias->bytes = op.model.ConstantBytes(tensors.bias);
  return plan.bias->bytes.size() == channels * sizeof(int32_t);
}

std::optional<WeightedPlan> PlanOperands(const XnnpackView& op, const WeightedTensors& tensors) {
  const auto type = CommonType(op, {tensors.input, op.out()});
  const Shape& filter = op.shape(tensors.filter);
  if (!type || op.model.IsConstant(tensors.input)) return std::nullopt;
  if (filter.size() <= tensors.channel_axis) return std::nullopt;
  if (std::ranges::any_of(filter, [](int32_t dim) { return dim < 1; })) return std::nullopt;
  std::optional<WeightedPlan> plan;
  if (*type == xnn_datatype_qint8) {
    plan = PlanInt8(op, tensors);
  } else if (*type == xnn_datatype_fp32) {
    plan = PlanFloat(op, tensors);
    if (!plan) plan = PlanDynamic(op, tensors);
  }
  if (!plan || !AddConstants(op, tensors, *plan)) return std::nullopt;
  plan->kind = tensors.kind;
  plan->input = tensors.input;
  plan->output = op.out();
  plan->input_dims = SizesOf(op.shape(tensors.input));
  return plan;
}

// Activation and window; false where XNNPACK does not take them.
template <typename Options>
bool AddWindow(const XnnpackView& op, const Options& options, const WindowExtents& extents,
               WeightedPlan& plan) {
  const auto range = FusedRange(op, options.fused_activation_function);
  const auto window = PlanWindow(options.padding, extents);
  if (!range || !window) return false;
  plan.range = *range;
  plan.window = *window;
  return true;
}

AxisPadding SamePadding(int64_t input, int64_t kernel, int64_t stride, int64_t dilation) {
  const int64_t covered = (input - 1) / stride * stride + (kernel - 1) * dilation + 1;
  const int64_t padding = std::max<int64_t>(0, covered - input);
  return {.before = static_cast<uint32_t>(padding / 2),
          .after = static_cast<uint32_t>(padding - padding / 2)};
}

// XNNPACK's own SAME padding wraps where steps are so large that the last window ends before the
// border: paddings are given to it in numbers.
void PadInNumbers(const Shape& input, WeightedPlan& plan) {
  Window& window = plan.window;
  if (window.flags == 0) return;
  window.flags = 0;
  plan.rows =
      SamePadding(input[1], window.kernel_height, window.stride_height, window.dilation_height);
  plan.columns =
      SamePadding(input[2], window.kernel_width, window.stride_width, window.dilation_width);
}

// Conv2DOptionsT or DepthwiseConv2DOptionsT.
template <typename Options>
WindowExtents DilatedExtents(const Shape& filter, const Options& options) {
  return {.kernel_height = filter[1],
          .kernel_width = filter[2],
          .stride_height = options.stride_h,
          .stride_width = options.stride_w,
          .dilation_height = options.dilation_h_factor,
          .dilation_width = options.dilation_w_factor};
}

bool AreImages(const XnnpackView& op, const WeightedTensors& tensors) {
  return op.shape(tensors.input).size() == 4 && op.shape(tensors.filter).size() == 4 &&
         op.shape(op.out()).size() == 4;
}

// LiteRT's XNNPACK makes such a convolution a fully connected operator: quantized dynamically, it
// has a scale for each pixel then, not for each image.
bool IsPointwise(const WeightedPlan& plan) {
  return plan.groups == 1 && plan.window.kernel_height == 1 && plan.window.kernel_width == 1 &&
         plan.window.stride_height == 1 && plan.window.stride_width == 1 &&
         plan.group_input_channels + plan.group_output_channels > 2;
}

std::optional<WeightedPlan> PlanConv2D(const XnnpackView& op) {
  if (!op.HasInputs(2, 3)) return std::nullopt;
  const WeightedTensors tensors{WeightedKind::kConvolution, op.in(0), op.in(1), op.in(2)};
  if (!AreImages(op, tensors)) return std::nullopt;
  auto plan = PlanOperands(op, tensors);
  const auto options = op.options(op.op.builtin_options.AsConv2DOptions());
  const Shape& filter = op.shape(tensors.filter);
  const int channels = op.shape(tensors.input)[3];
  if (!plan || !AddWindow(op, options, DilatedExtents(filter, options), *plan)) return std::nullopt;
  if (channels % filter[3] != 0 || filter[0] % (channels / filter[3]) != 0) return std::nullopt;
  PadInNumbers(op.shape(tensors.input), *plan);
  plan->groups = channels / filter[3];
  plan->group_input_channels = filter[3];
  plan->group_output_channels = filter[0] / plan->groups;
  if (plan->is_dynamic && IsPointwise(*plan)) {
    plan->kind = WeightedKind::kFullyConnected;
    plan->filter.dims = {plan->group_output_channels, plan->group_input_channels};
  }
  return plan;
}

std::optional<WeightedPlan> PlanDepthwise(const XnnpackView& op) {
  if (!op.HasInputs(2, 3)) return std::nullopt;
  const WeightedTensors tensors{WeightedKind::kDepthwise, op.in(0), op.in(1), op.in(2),
                                /*channel_axis=*/3};
  if (!AreImages(op, tensors)) return std::nullopt;
  auto plan = PlanOperands(op, tensors);
  const auto options = op.options(op.op.builtin_options.AsDepthwiseConv2DOptions());
  const Shape& filter = op.shape(tensors.filter);
  const int channels = op.shape(tensors.input)[3];
  if (!plan || !AddWindow(op, options, DilatedExtents(filter, options), *plan)) return std::nullopt;
  if (filter[0] != 1 || filter[3] % channels != 0) return std::nullopt;
  PadInNumbers(op.shape(tensors.input), *plan);
  plan->groups = channels;
  plan->group_input_channels = 1;
  plan->group_output_channels = filter[3] / channels;
  return plan;
}

std::optional<AxisPadding> PlanTransposedAxis(schema::Padding padding, int64_t input,
                                              int64_t output, int64_t kernel, int64_t stride) {
  AxisPadding axis;
  if (padding == schema::Padding_VALID) {
    if (kernel > output) return std::nullopt;
    axis.adjustment = static_cast<uint32_t>((output - kernel) % stride);
    return axis;
  }
  if ((output + stride - 1) / stride != input || kernel < stride) return std::nullopt;
  // XNNPACK starts a part of the convolution at each position below the stride, and does not look
  // whether the output has one there.
  if (output < stride) return std::nullopt;
  const int64_t total = std::max<int64_t>((input - 1) * stride + kernel - output, 0);
  axis.before = static_cast<uint32_t>(total / 2);
  axis.after = static_cast<uint32_t>(total - total / 2);
  return axis;
}

std::optional<WeightedPlan> PlanTransposed(const XnnpackView& op) {
  if (!op.HasInputs(3, 4)) return std::nullopt;
  const WeightedTensors tensors{WeightedKind::kTransposed, op.in(2), op.in(1), op.in(3)};
  if (!AreImages(op, tensors)) return std::nullopt;
  auto plan = PlanOperands(op, tensors);
  const auto options = op.options(op.op.builtin_options.AsTransposeConvOptions());
  const Shape& input = op.shape(tensors.input);
  const Shape& output = op.shape(op.out());
  const Shape& filter = op.shape(tensors.filter);
  if (filter[3] != input[3] || filter[0] != output[3] || input[0] != output[0]) return std::nullopt;
  if (!plan || !AddWindow(op, options,
                          {.kernel_height = filter[1],
                           .kernel_width = filter[2],
                           .stride_height = options.stride_h,
                           .stride_width = options.stride_w},
                          *plan)) {
    return std::nullopt;
  }
  const auto rows =
      PlanTransposedAxis(options.padding, input[1], output[1], filter[1], options.stride_h);
  const auto columns =
      PlanTransposedAxis(options.padding, input[2], output[2], filter[2], options.stride_w);
  if (!rows || !columns) return std::nullopt;
  plan->rows = *rows;
  plan->columns = *columns;
  plan->group_input_channels = filter[3];
  plan->group_output_channels = filter[0];
  return plan;
}

std::optional<WeightedPlan> PlanFullyConnected(const XnnpackView& op) {
  if (!op.HasInputs(2, 3)) return std::nullopt;
  auto plan = PlanOperands(op, {WeightedKind::kFullyConnected, op.in(0), op.in(1), op.in(2)});
  const auto options = op.options(op.op.builtin_options.AsFullyConnectedOptions());
  const Shape& input = op.shape(op.in(0));
  const Shape& filter = op.shape(op.in(1));
  const auto range = FusedRange(op, options.fused_activation_function);
  if (!plan || !range || input.empty() || filter.size() != 2) return std::nullopt;
  if (options.weights_format != schema::FullyConnectedOptionsWeightsFormat_DEFAULT) {
    return std::nullopt;
  }
  const int64_t elements = *NumElements(input);
  if (elements % filter[1] != 0 || (options.keep_num_dims && input.back() != filter[1])) {
    return std::nullopt;
  }
  plan->range = *range;
  plan->group_input_channels = filter[1];
  plan->group_output_channels = filter[0];
  if (!options.keep_num_dims) {
    plan->input_dims = {static_cast<size_t>(elements / filter[1]), static_cast<size_t>(filter[1])};
  }
  return plan;
}

}  // namespace

std::optional<WeightedPlan> PlanWeightedOperator(const XnnpackView& op) {
  switch (op.model.OperatorType(op.op)) {
    case schema::BuiltinOperator_CONV_2D:
      return PlanConv2D(op);
    case schema::BuiltinOperator_DEPTHWISE_CONV_2D:
      return PlanDepthwise(op);
    case schema::BuiltinOperator_TRANSPOSE_CONV:
      return PlanTransposed(op);
    case schema::BuiltinOperator_FULLY_CONNECTED:
      return PlanFullyConnected(op);
    default:
      return std::nullopt;
  }
}

}  // namespace octavo
