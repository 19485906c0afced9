#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"

namespace octavo {
namespace {

// One axis that a window slides along.
struct Window {
  int64_t size;
  int64_t stride;
  int64_t dilation = 1;
};

// Larger ones are nothing that a net has, and would overflow a kernel's arithmetic.
constexpr int64_t kMaxWindow = 1 << 15;

bool IsSane(const Window& window) {
  const auto in_range = [](int64_t value) { return value > 0 && value <= kMaxWindow; };
  return in_range(window.size) && in_range(window.stride) && in_range(window.dilation);
}

int64_t OutputSize(int64_t input, const Window& window, schema::Padding padding) {
  if (padding == schema::Padding_SAME) return (input - 1) / window.stride + 1;
  const int64_t covered = (window.size - 1) * window.dilation + 1;
  return input < covered ? 0 : (input - covered) / window.stride + 1;
}

absl::StatusOr<int32_t> Slide(const OperatorView& op, int32_t input, const Window& window,
                              schema::Padding padding) {
  if (padding != schema::Padding_SAME && padding != schema::Padding_VALID) {
    return DoNotFit(op, "unknown padding");
  }
  if (!IsSane(window)) {
    return DoNotFit(op, absl::StrCat("a window of ", window.size, " with stride ", window.stride,
                                     " and dilation ", window.dilation));
  }
  const int64_t output = input < 1 ? 0 : OutputSize(input, window, padding);
  if (output < 1) return DoNotFit(op, "the window is larger than the input");
  return static_cast<int32_t>(output);
}

absl::Status CheckBias(const OperatorView& op, int position, int32_t channels) {
  if (!op.HasInput(position)) return absl::OkStatus();
  if (NumElements(op.InputShape(position)) == channels) return absl::OkStatus();
  return DoNotFit(op, absl::StrCat("the bias has not ", channels, " values"));
}

absl::Status RequireNoEmptyAxis(const OperatorView& op, int position) {
  if (std::ranges::find(op.InputShape(position), 0) == op.InputShape(position).end()) {
    return absl::OkStatus();
  }
  return DoNotFit(op, absl::StrCat("input ", position, " is empty"));
}

// Height and width out of [batch, height, width, channels].
absl::StatusOr<Shape> SlideBoth(const OperatorView& op, const Shape& input, const Window& vertical,
                                const Window& horizontal, schema::Padding padding,
                                int32_t channels) {
  ASSIGN_OR_RETURN(const int32_t height, Slide(op, input[1], vertical, padding));
  ASSIGN_OR_RETURN(const int32_t width, Slide(op, input[2], horizontal, padding));
  return Shape{input[0], height, width, channels};
}

absl::Status CheckConvolutionInputs(const OperatorView& op, int input, int weights) {
  RETURN_IF_ERROR(RequireRank(op, input, 4));
  RETURN_IF_ERROR(RequireRank(op, weights, 4));
  RETURN_IF_ERROR(RequireNoEmptyAxis(op, input));
  return RequireNoEmptyAxis(op, weights);
}

// `value` * `factor`, where a dimension can hold it.
absl::StatusOr<int32_t> Times(const OperatorView& op, int64_t value, int64_t factor) {
  const int64_t product = value * factor;
  if (product > std::numeric_limits<int32_t>::max()) return DoNotFit(op, "the output is too large");
  return static_cast<int32_t>(product);
}

absl::StatusOr<int64_t> BlockSize(const OperatorView& op, int64_t block_size) {
  RETURN_IF_ERROR(RequireRank(op, 0, 4));
  if (block_size >= 1 && block_size <= kMaxWindow) return block_size;
  return DoNotFit(op, absl::StrCat("the block size is ", block_size));
}

// Block shape and paddings or crops of SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.
struct Blocks {
  std::vector<int64_t> sizes;
  std::vector<int64_t> margins;  // before and after, each axis
  int64_t product = 1;
};

absl::StatusOr<Blocks> ReadBlocks(const OperatorView& op) {
  Blocks blocks;
  ASSIGN_OR_RETURN(blocks.sizes, op.ConstantInts(1));
  ASSIGN_OR_RETURN(blocks.margins, op.ConstantInts(2));
  const size_t num_axes = blocks.sizes.size();
  if (num_axes == 0 || num_axes > 4 || num_axes + 1 > op.InputShape(0).size() ||
      blocks.margins.size() != 2 * num_axes) {
    return DoNotFit(op, "the blocks have not the input's axes");
  }
  for (const int64_t size : blocks.sizes) {
    if (size < 1 || size > kMaxWindow) return DoNotFit(op, absl::StrCat("a block size is ", size));
    ASSIGN_OR_RETURN(blocks.product, Times(op, blocks.product, size));
  }
  for (const int64_t margin : blocks.margins) {
    if (margin < 0 || margin > std::numeric_limits<int32_t>::max()) {
      return DoNotFit(op, absl::StrCat("a padding or crop is ", margin));
    }
  }
  return blocks;
}

}  // namespace

absl::StatusOr<Shapes> Conv2DShape(const OperatorView& op) {
  RETURN_IF_ERROR(CheckConvolutionInputs(op, 0, 1));
  const schema::Conv2DOptionsT& options = *op.op.builtin_options.AsConv2DOptions();
  const Shape& input = op.InputShape(0);
  const Shape& weights = op.InputShape(1);  // out, height, width, in a group
  if (input[3] % weights[3] != 0 || weights[0] % (input[3] / weights[3]) != 0) {
    return DoNotFit(op, "input and weights differ in channels");
  }
  RETURN_IF_ERROR(CheckBias(op, 2, weights[0]));
  ASSIGN_OR_RETURN(Shape shape,
                   SlideBoth(op, input, {weights[1], options.stride_h, options.dilation_h_factor},
                             {weights[2], options.stride_w, options.dilation_w_factor},
                             options.padding, weights[0]));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> DepthwiseConv2DShape(const OperatorView& op) {
  RETURN_IF_ERROR(CheckConvolutionInputs(op, 0, 1));
  const schema::DepthwiseConv2DOptionsT& options =
      *op.op.builtin_options.AsDepthwiseConv2DOptions();
  const Shape& input = op.InputShape(0);
  const Shape& weights = op.InputShape(1);  // 1, height, width, out
  const int64_t multiplier = options.depth_multiplier;
  if (weights[0] != 1 || weights[3] % input[3] != 0 || multiplier != weights[3] / input[3]) {
    return DoNotFit(op, absl::StrCat("input, weights and the depth multiplier of ", multiplier,
                                     " differ in channels"));
  }
  RETURN_IF_ERROR(CheckBias(op, 2, weights[3]));
  ASSIGN_OR_RETURN(Shape shape,
                   SlideBoth(op, input, {weights[1], options.stride_h, options.dilation_h_factor},
                             {weights[2], options.stride_w, options.dilation_w_factor},
                             options.padding, weights[3]));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> TransposeConvShape(const OperatorView& op) {
  RETURN_IF_ERROR(CheckConvolutionInputs(op, 2, 1));
  const schema::TransposeConvOptionsT& options = *op.op.builtin_options.AsTransposeConvOptions();
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, op.ConstantInts(0));
  ASSIGN_OR_RETURN(const Shape output, ToShape(op, values));
  const Shape& weights = op.InputShape(1);  // out, height, width, in
  const Shape& input = op.InputShape(2);
  if (output.size() != 4 || output[0] != input[0] || output[3] != weights[0] ||
      weights[3] != input[3]) {
    return DoNotFit(op, absl::StrCat("the output ", ShapeText(output), " does not fit"));
  }
  RETURN_IF_ERROR(CheckBias(op, 3, weights[0]));
  // The convolution of which this is the transpose takes the output to the input.
  ASSIGN_OR_RETURN(const Shape back,
                   SlideBoth(op, output, {weights[1], options.stride_h},
                             {weights[2], options.stride_w}, options.padding, input[3]));
  if (back != input) {
    return DoNotFit(op, absl::StrCat("the output ", ShapeText(output), " does not fit"));
  }
  return Shapes{output};
}

absl::StatusOr<Shapes> FullyConnectedShape(const OperatorView& op) {
  RETURN_IF_ERROR(RequireRank(op, 1, 2));
  const schema::FullyConnectedOptionsT& options = *op.op.builtin_options.AsFullyConnectedOptions();
  if (options.weights_format != schema::FullyConnectedOptionsWeightsFormat_DEFAULT) {
    return DoNotFit(op, "shuffled weights");
  }
  RETURN_IF_ERROR(RequireNoEmptyAxis(op, 1));
  const Shape& input = op.InputShape(0);
  const Shape& weights = op.InputShape(1);  // out, in
  RETURN_IF_ERROR(CheckBias(op, 2, weights[0]));
  if (options.keep_num_dims) {
    if (input.empty() || input.back() != weights[1]) {
      return DoNotFit(op, "input and weights differ in channels");
    }
    Shape shape = input;
    shape.back() = weights[0];
    return Shapes{std::move(shape)};
  }
  const int64_t num_elements = NumElements(input).value_or(-1);
  if (num_elements < 1 || num_elements % weights[1] != 0) {
    return DoNotFit(op, "input and weights differ in channels");
  }
  ASSIGN_OR_RETURN(const int32_t batch, Times(op, num_elements / weights[1], 1));
  return Shapes{{batch, weights[0]}};
}

absl::StatusOr<Shapes> BatchMatMulShape(const OperatorView& op) {
  const schema::BatchMatMulOptionsT& options = *op.op.builtin_options.AsBatchMatMulOptions();
  const Shape& a = op.InputShape(0);
  const Shape& b = op.InputShape(1);
  if (a.size() < 2 || b.size() < 2) return DoNotFit(op, "an input has fewer than 2 axes");
  const int32_t rows = a[a.size() - (options.adj_x ? 1 : 2)];
  const int32_t a_depth = a[a.size() - (options.adj_x ? 2 : 1)];
  const int32_t b_depth = b[b.size() - (options.adj_y ? 1 : 2)];
  const int32_t columns = b[b.size() - (options.adj_y ? 2 : 1)];
  if (a_depth != b_depth || a_depth < 1) return DoNotFit(op, "the matrices do not multiply");
  ASSIGN_OR_RETURN(Shape shape,
                   Broadcast(op, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2)));
  shape.push_back(rows);
  shape.push_back(columns);
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> Pool2DShape(const OperatorView& op) {
  RETURN_IF_ERROR(RequireRank(op, 0, 4));
  RETURN_IF_ERROR(RequireNoEmptyAxis(op, 0));
  const schema::Pool2DOptionsT& options = *op.op.builtin_options.AsPool2DOptions();
  const Shape& input = op.InputShape(0);
  ASSIGN_OR_RETURN(Shape shape,
                   SlideBoth(op, input, {options.filter_height, options.stride_h},
                             {options.filter_width, options.stride_w}, options.padding, input[3]));
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> ResizeShape(const OperatorView& op) {
  RETURN_IF_ERROR(RequireRank(op, 0, 4));
  RETURN_IF_ERROR(RequireNoEmptyAxis(op, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> size, op.ConstantInts(1));
  ASSIGN_OR_RETURN(const Shape target, ToShape(op, size));
  if (target.size() != 2 || target[0] < 1 || target[1] < 1) {
    return DoNotFit(op, absl::StrCat("the size is ", ShapeText(target)));
  }
  const Shape& input = op.InputShape(0);
  return Shapes{{input[0], target[0], target[1], input[3]}};
}

absl::StatusOr<Shapes> SpaceToDepthShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const int64_t block,
                   BlockSize(op, op.op.builtin_options.AsSpaceToDepthOptions()->block_size));
  const Shape& input = op.InputShape(0);
  if (input[1] % block != 0 || input[2] % block != 0) {
    return DoNotFit(op, absl::StrCat("blocks of ", block, " do not divide the input"));
  }
  ASSIGN_OR_RETURN(const int32_t channels, Times(op, input[3], block * block));
  return Shapes{{input[0], static_cast<int32_t>(input[1] / block),
                 static_cast<int32_t>(input[2] / block), channels}};
}

absl::StatusOr<Shapes> DepthToSpaceShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const int64_t block,
                   BlockSize(op, op.op.builtin_options.AsDepthToSpaceOptions()->block_size));
  const Shape& input = op.InputShape(0);
  if (input[3] % (block * block) != 0) {
    return DoNotFit(op, absl::StrCat("blocks of ", block, " do not divide the channels"));
  }
  ASSIGN_OR_RETURN(const int32_t height, Times(op, input[1], block));
  ASSIGN_OR_RETURN(const int32_t width, Times(op, input[2], block));
  return Shapes{{input[0], height, width, static_cast<int32_t>(input[3] / (block * block))}};
}

absl::StatusOr<Shapes> SpaceToBatchShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const Blocks blocks, ReadBlocks(op));
  Shape shape = op.InputShape(0);
  ASSIGN_OR_RETURN(shape[0], Times(op, shape[0], blocks.product));
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    const int64_t padded = shape[i + 1] + blocks.margins[2 * i] + blocks.margins[2 * i + 1];
    if (padded % blocks.sizes[i] != 0) return DoNotFit(op, "the blocks do not divide the input");
    ASSIGN_OR_RETURN(shape[i + 1], Times(op, padded / blocks.sizes[i], 1));
  }
  return Shapes{std::move(shape)};
}

absl::StatusOr<Shapes> BatchToSpaceShape(const OperatorView& op) {
  ASSIGN_OR_RETURN(const Blocks blocks, ReadBlocks(op));
  Shape shape = op.InputShape(0);
  if (shape[0] % blocks.product != 0) return DoNotFit(op, "the blocks do not divide the batch");
  shape[0] = static_cast<int32_t>(shape[0] / blocks.product);
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    const int64_t cropped =
        shape[i + 1] * blocks.sizes[i] - blocks.margins[2 * i] - blocks.margins[2 * i + 1];
    if (cropped < 0) return DoNotFit(op, "more is cropped than there is");
    ASSIGN_OR_RETURN(shape[i + 1], Times(op, cropped, 1));
  }
  return Shapes{std::move(shape)};
}

}  // namespace octavo
