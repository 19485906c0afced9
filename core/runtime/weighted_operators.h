// Operators with weights, as XNNPACK has them: convolutions, their transposes, fully connected.

#ifndef OCTAVO_CORE_RUNTIME_WEIGHTED_OPERATORS_H_
#define OCTAVO_CORE_RUNTIME_WEIGHTED_OPERATORS_H_

#include <xnnpack.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/runtime/xnnpack_view.h"

namespace octavo {

// Weights or a bias: what XNNPACK copies into its own layout when an operator is made, and does not
// read afterwards.
struct PackedConstant {
  xnn_datatype type = xnn_datatype_fp32;
  std::vector<size_t> dims = {};
  std::span<const uint8_t> bytes = {};
  std::vector<float> scales = {};  // one, or one a channel for channelwise types; none for floats
  size_t channel_axis = 0;
  size_t block_size = 0;  // of int4 codes, a scale each; 0: no blocks
};

enum class WeightedKind { kConvolution, kDepthwise, kTransposed, kFullyConnected };

// Padding along one axis, and rows or columns that a transposed convolution adds.
struct AxisPadding {
  uint32_t before = 0;
  uint32_t after = 0;
  uint32_t adjustment = 0;
};

struct WeightedPlan {
  WeightedKind kind = WeightedKind::kConvolution;
  TensorIndex input = kNoTensor;
  TensorIndex output = kNoTensor;
  // The input's; for fully connected operators those it is reshaped to.
  std::vector<size_t> input_dims = {};

  PackedConstant filter = {};
  std::optional<PackedConstant> bias = {};
  // Float activations with int8 weights: the input is quantized at each run, a scale for each
  // element of its leading dimensions. The filter has a scale a channel, the bias is float.
  bool is_dynamic = false;

  ClampRange range = {};
  Window window = {};
  AxisPadding rows = {};
  AxisPadding columns = {};
  // Channels of one group; of one input channel's group where `kind` is kDepthwise.
  uint32_t groups = 1;
  size_t group_input_channels = 0;
  size_t group_output_channels = 0;
};

// Nothing: no such operator, or one that XNNPACK refuses or asserts against. No dynamic kDepthwise:
// XNNPACK has none.
std::optional<WeightedPlan> PlanWeightedOperator(const XnnpackView& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_WEIGHTED_OPERATORS_H_
