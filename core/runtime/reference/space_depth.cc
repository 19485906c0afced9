#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// An image of blocks, as axes: batch, row of blocks, row in a block, column of blocks, column in a
// block, channels.
StridedCopy Blocks(const Shape& deep, const Shape& wide, int64_t block) {
  const int64_t channels = wide[3];
  const std::vector<int64_t> deep_strides = StridesOf(deep);
  const std::vector<int64_t> wide_strides = StridesOf(wide);
  StridedCopy copy;
  copy.sizes = {deep[0], deep[1], block, deep[2], block, channels};
  copy.from_strides = {wide_strides[0],         wide_strides[1] * block, wide_strides[1],
                       wide_strides[2] * block, wide_strides[2],         1};
  copy.to_strides = {deep_strides[0], deep_strides[1], block * channels,
                     deep_strides[2], channels,        1};
  return copy;
}

KernelOr Build(const Operands& operands, const Shape& deep, const Shape& wide, int64_t block,
               bool to_depth) {
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  RETURN_IF_ERROR(operands.Require(deep.size() == 4 && wide.size() == 4 && block > 0 &&
                                       block < 32768 && deep[0] == wide[0] &&
                                       wide[1] == deep[1] * block && wide[2] == deep[2] * block &&
                                       deep[3] == wide[3] * block * block,
                                   "the shapes do not fit the block"));
  StridedCopy copy = Blocks(deep, wide, block);
  if (!to_depth) std::swap(copy.from_strides, copy.to_strides);
  return CopyKernel({copy}, element_bytes);
}

}  // namespace

KernelOr BuildSpaceToDepth(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  const auto options = OptionsOr(operands.op().builtin_options.AsSpaceToDepthOptions());
  return Build(operands, operands.output_shape(0), operands.input_shape(0), options.block_size,
               /*to_depth=*/true);
}

KernelOr BuildDepthToSpace(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  const auto options = OptionsOr(operands.op().builtin_options.AsDepthToSpaceOptions());
  return Build(operands, operands.input_shape(0), operands.output_shape(0), options.block_size,
               /*to_depth=*/false);
}

}  // namespace octavo::reference
