#include "core/tflite/operator_validator.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/tflite/fake_quant.h"
#include "core/tflite/operator_table.h"

namespace octavo {
namespace {

constexpr int kAny = std::numeric_limits<int>::max();
// Windows, strides, dilations and blocks beyond this are nothing that a net has, and would overflow
// arithmetic.
constexpr int64_t kMaxStep = 1 << 15;

absl::Status Wrong(absl::string_view what, int64_t value) {
  return absl::InvalidArgumentError(absl::StrCat("the ", what, " is ", value));
}

absl::Status CheckSteps(std::initializer_list<std::pair<absl::string_view, int64_t>> steps) {
  for (const auto& [what, value] : steps) {
    if (value < 1 || value > kMaxStep) return Wrong(what, value);
  }
  return absl::OkStatus();
}

absl::Status CheckPadding(schema::Padding padding) {
  if (padding >= schema::Padding_MIN && padding <= schema::Padding_MAX) return absl::OkStatus();
  return Wrong("padding", padding);
}

absl::Status CheckActivation(schema::ActivationFunctionType type) {
  if (type >= schema::ActivationFunctionType_MIN && type <= schema::ActivationFunctionType_MAX) {
    return absl::OkStatus();
  }
  return Wrong("fused activation", type);
}

absl::Status CheckType(schema::TensorType type) {
  if (type >= schema::TensorType_MIN && type <= schema::TensorType_MAX) return absl::OkStatus();
  return Wrong("element type", type);
}

absl::Status CheckConv2D(const schema::OperatorT& op) {
  const schema::Conv2DOptionsT& options = *op.builtin_options.AsConv2DOptions();
  RETURN_IF_ERROR(CheckPadding(options.padding));
  RETURN_IF_ERROR(CheckActivation(options.fused_activation_function));
  RETURN_IF_ERROR(CheckType(options.quantized_bias_type));
  return CheckSteps({{"stride", options.stride_h},
                     {"stride", options.stride_w},
                     {"dilation", options.dilation_h_factor},
                     {"dilation", options.dilation_w_factor}});
}

absl::Status CheckDepthwiseConv2D(const schema::OperatorT& op) {
  const schema::DepthwiseConv2DOptionsT& options = *op.builtin_options.AsDepthwiseConv2DOptions();
  RETURN_IF_ERROR(CheckPadding(options.padding));
  RETURN_IF_ERROR(CheckActivation(options.fused_activation_function));
  return CheckSteps({{"stride", options.stride_h},
                     {"stride", options.stride_w},
                     {"dilation", options.dilation_h_factor},
                     {"dilation", options.dilation_w_factor},
                     {"depth multiplier", options.depth_multiplier}});
}

absl::Status CheckTransposeConv(const schema::OperatorT& op) {
  const schema::TransposeConvOptionsT& options = *op.builtin_options.AsTransposeConvOptions();
  RETURN_IF_ERROR(CheckPadding(options.padding));
  RETURN_IF_ERROR(CheckActivation(options.fused_activation_function));
  RETURN_IF_ERROR(CheckType(options.quantized_bias_type));
  return CheckSteps({{"stride", options.stride_h}, {"stride", options.stride_w}});
}

absl::Status CheckPool2D(const schema::OperatorT& op) {
  const schema::Pool2DOptionsT& options = *op.builtin_options.AsPool2DOptions();
  RETURN_IF_ERROR(CheckPadding(options.padding));
  RETURN_IF_ERROR(CheckActivation(options.fused_activation_function));
  return CheckSteps({{"stride", options.stride_h},
                     {"stride", options.stride_w},
                     {"filter height", options.filter_height},
                     {"filter width", options.filter_width}});
}

absl::Status CheckFullyConnected(const schema::OperatorT& op) {
  const schema::FullyConnectedOptionsT& options = *op.builtin_options.AsFullyConnectedOptions();
  RETURN_IF_ERROR(CheckType(options.quantized_bias_type));
  return CheckActivation(options.fused_activation_function);
}

absl::Status CheckSpaceToDepth(const schema::OperatorT& op) {
  return CheckSteps({{"block size", op.builtin_options.AsSpaceToDepthOptions()->block_size}});
}

absl::Status CheckDepthToSpace(const schema::OperatorT& op) {
  return CheckSteps({{"block size", op.builtin_options.AsDepthToSpaceOptions()->block_size}});
}

absl::Status CheckMirrorPad(const schema::OperatorT& op) {
  const schema::MirrorPadMode mode = op.builtin_options.AsMirrorPadOptions()->mode;
  if (mode >= schema::MirrorPadMode_MIN && mode <= schema::MirrorPadMode_MAX) {
    return absl::OkStatus();
  }
  return Wrong("mirror mode", mode);
}

template <typename Options>
absl::Status CheckFused(const Options* options) {
  return CheckActivation(options->fused_activation_function);
}

struct OptionsCheck {
  schema::BuiltinOptions type;
  absl::Status (*check)(const schema::OperatorT& op);
};

constexpr OptionsCheck kOptionsChecks[] = {
    {schema::BuiltinOptions_Conv2DOptions, CheckConv2D},
    {schema::BuiltinOptions_DepthwiseConv2DOptions, CheckDepthwiseConv2D},
    {schema::BuiltinOptions_TransposeConvOptions, CheckTransposeConv},
    {schema::BuiltinOptions_Pool2DOptions, CheckPool2D},
    {schema::BuiltinOptions_FullyConnectedOptions, CheckFullyConnected},
    {schema::BuiltinOptions_SpaceToDepthOptions, CheckSpaceToDepth},
    {schema::BuiltinOptions_DepthToSpaceOptions, CheckDepthToSpace},
    {schema::BuiltinOptions_MirrorPadOptions, CheckMirrorPad},
    {schema::BuiltinOptions_FakeQuantOptions,
     [](const schema::OperatorT& op) {
       return CheckFakeQuant(*op.builtin_options.AsFakeQuantOptions());
     }},
    {schema::BuiltinOptions_AddOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsAddOptions()); }},
    {schema::BuiltinOptions_SubOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsSubOptions()); }},
    {schema::BuiltinOptions_MulOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsMulOptions()); }},
    {schema::BuiltinOptions_DivOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsDivOptions()); }},
    {schema::BuiltinOptions_L2NormOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsL2NormOptions()); }},
    {schema::BuiltinOptions_LSTMOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsLSTMOptions()); }},
    {schema::BuiltinOptions_UnidirectionalSequenceLSTMOptions,
     [](const schema::OperatorT& op) {
       return CheckFused(op.builtin_options.AsUnidirectionalSequenceLSTMOptions());
     }},
    {schema::BuiltinOptions_RNNOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsRNNOptions()); }},
    {schema::BuiltinOptions_SequenceRNNOptions,
     [](const schema::OperatorT& op) {
       return CheckFused(op.builtin_options.AsSequenceRNNOptions());
     }},
    {schema::BuiltinOptions_SVDFOptions,
     [](const schema::OperatorT& op) { return CheckFused(op.builtin_options.AsSVDFOptions()); }},
    {schema::BuiltinOptions_ConcatenationOptions,
     [](const schema::OperatorT& op) {
       return CheckFused(op.builtin_options.AsConcatenationOptions());
     }},
};

absl::Status CheckOptions(const schema::OperatorT& op, const OperatorRow& row) {
  const schema::BuiltinOptions type = op.builtin_options.type;
  if (type == schema::BuiltinOptions_NONE) {
    if (!row.options_required) return absl::OkStatus();
    return absl::InvalidArgumentError("there are no options");
  }
  if (type != row.options) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the options are ", schema::EnumNameBuiltinOptions(type), ", another operator's"));
  }
  for (const OptionsCheck& entry : kOptionsChecks) {
    if (entry.type == type) return entry.check(op);
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const schema::OperatorT& op, const OperatorRow& row) {
  const auto num_inputs = static_cast<int64_t>(op.inputs.size());
  const auto num_outputs = static_cast<int64_t>(op.outputs.size());
  if (num_inputs < row.min_inputs || num_inputs > row.max_inputs) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", num_inputs, " inputs"));
  }
  // A row with two outputs has always two.
  const int64_t min_outputs = row.max_outputs == kAny ? 1 : row.max_outputs;
  if (num_outputs < min_outputs || num_outputs > row.max_outputs) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", num_outputs, " outputs"));
  }
  const int64_t num_required = row.max_inputs == kAny ? num_inputs : row.min_inputs;
  for (int64_t i = 0; i < num_required; ++i) {
    if (op.inputs[i] < 0)
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " is missing"));
  }
  return absl::OkStatus();
}

// The subgraphs that control flow runs.
std::vector<int64_t> SubgraphsOf(const schema::OperatorT& op) {
  const auto& options = op.builtin_options;
  const auto& options2 = op.builtin_options2;
  if (const auto* o = options.AsIfOptions())
    return {o->then_subgraph_index, o->else_subgraph_index};
  if (const auto* o = options.AsWhileOptions())
    return {o->cond_subgraph_index, o->body_subgraph_index};
  if (const auto* o = options.AsCallOnceOptions()) return {o->init_subgraph_index};
  if (const auto* o = options.AsCallOptions()) return {o->subgraph};
  if (const auto* o = options2.AsStablehloWhileOptions()) {
    return {o->cond_subgraph_index, o->body_subgraph_index};
  }
  if (const auto* o = options2.AsStablehloReduceOptions()) return {o->body_subgraph_index};
  if (const auto* o = options2.AsStablehloReduceWindowOptions()) return {o->body_subgraph_index};
  if (const auto* o = options2.AsStablehloSortOptions()) return {o->comparator_subgraph_index};
  if (const auto* o = options2.AsStablehloScatterOptions()) {
    return {o->update_computation_subgraph_index};
  }
  if (const auto* o = options2.AsStableHLOCompositeOptions()) {
    return {o->decomposition_subgraph_index};
  }
  if (const auto* o = options2.AsStablehloCaseOptions()) {
    return {o->branch_subgraph_indices.begin(), o->branch_subgraph_indices.end()};
  }
  return {};
}

absl::Status CheckSubgraphs(const Model& model, const schema::OperatorT& op) {
  const auto count = static_cast<int64_t>(model.tables.subgraphs.size());
  for (const int64_t subgraph : SubgraphsOf(op)) {
    if (subgraph < 0 || subgraph >= count) {
      return absl::InvalidArgumentError(absl::StrCat("it runs subgraph ", subgraph, " of ", count));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateOperator(const Model& model, const schema::OperatorT& op) {
  RETURN_IF_ERROR(CheckSubgraphs(model, op));
  const OperatorRow* row = FindOperator(model.OperatorType(op));
  if (row == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CheckCounts(op, *row));
  return CheckOptions(op, *row);
}

}  // namespace octavo
