#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// An image whose blocks are images of their own: those at place (y, x) of a block lie at batch
// (y * block width + x) * batches + batch of the split tensor.
struct Blocks {
  int64_t batches = 1;          // of the whole tensor
  std::vector<int64_t> block;   // by spatial axis
  std::vector<int64_t> whole;   // sizes of the spatial axes
  std::vector<int64_t> split;   // the same in blocks
  std::vector<int64_t> before;  // what lies in front of the whole: padding or cropped
  int64_t inner_bytes = 1;      // of an element of the spatial axes
};

// Calls `f` with the offset of each element of the split tensor in the whole one, -1 where it lies
// outside, in the order of the split tensor.
template <typename F>
void ForEachSplit(const Blocks& blocks, const F& f) {
  const size_t rank = blocks.block.size();
  int64_t places = 1;
  int64_t positions = blocks.batches * blocks.inner_bytes == 0 ? 0 : 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    places *= blocks.block[axis];
    positions *= blocks.split[axis];
  }
  if (positions == 0) return;
  for (int64_t place = 0; place < places; ++place) {
    for (int64_t batch = 0; batch < blocks.batches; ++batch) {
      for (int64_t position = 0; position < positions; ++position) {
        int64_t offset = 0;
        int64_t stride = 1;
        int64_t rest_of_place = place;
        int64_t rest_of_position = position;
        bool is_inside = true;
        for (size_t axis = rank; axis-- > 0;) {
          const int64_t at = rest_of_position % blocks.split[axis] * blocks.block[axis] +
                             rest_of_place % blocks.block[axis] - blocks.before[axis];
          is_inside = is_inside && at >= 0 && at < blocks.whole[axis];
          offset += at * stride;
          stride *= blocks.whole[axis];
          rest_of_place /= blocks.block[axis];
          rest_of_position /= blocks.split[axis];
        }
        f(is_inside ? batch * stride + offset : -1);
      }
    }
  }
}

// There are three inputs: 1 is the block, 2 what is padded or cropped, two numbers an axis.
absl::StatusOr<Blocks> MakeBlocks(const Operands& operands, const Shape& whole,
                                  const Shape& split) {
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  Blocks blocks;
  ASSIGN_OR_RETURN(blocks.block, operands.ConstantIntegers(1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> margins, operands.ConstantIntegers(2));
  const size_t rank = blocks.block.size();
  RETURN_IF_ERROR(operands.Require(
      margins.size() == 2 * rank && whole.size() > rank && split.size() == whole.size(),
      "a block's size and two margins for each spatial axis"));
  blocks.batches = whole[0];
  int64_t batches = whole[0];
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t block = blocks.block[axis];
    const int64_t before = margins[2 * axis];
    const int64_t after = margins[2 * axis + 1];
    const auto is_small = [](int64_t value) { return value >= 0 && value <= INT32_MAX; };
    RETURN_IF_ERROR(
        operands.Require(block > 0 && is_small(block) && is_small(before) && is_small(after) &&
                             before + whole[axis + 1] + after == split[axis + 1] * block &&
                             is_small(batches * block),
                         "the shapes do not fit the blocks"));
    batches *= block;
    blocks.whole.push_back(whole[axis + 1]);
    blocks.split.push_back(split[axis + 1]);
    blocks.before.push_back(before);
  }
  blocks.inner_bytes = element_bytes;
  for (size_t axis = rank + 1; axis < whole.size(); ++axis) {
    RETURN_IF_ERROR(operands.Require(whole[axis] == split[axis], "the shapes do not fit"));
    blocks.inner_bytes *= whole[axis];
  }
  RETURN_IF_ERROR(operands.Require(split[0] == batches, "the batches do not fit the blocks"));
  return blocks;
}

}  // namespace

KernelOr BuildSpaceToBatch(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  ASSIGN_OR_RETURN(Blocks blocks,
                   MakeBlocks(operands, operands.input_shape(0), operands.output_shape(0)));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const std::vector<uint8_t> zero = ZeroElement(operands, element_bytes);
  std::vector<uint8_t> padding(blocks.inner_bytes);
  for (size_t i = 0; i < padding.size(); ++i) padding[i] = zero[i % zero.size()];
  return MakeKernel(
      [blocks = std::move(blocks), padding = std::move(padding)](Inputs inputs, Outputs outputs) {
        const uint8_t* whole = In<uint8_t>(inputs, 0);
        uint8_t* split = outputs[0];
        ForEachSplit(blocks, [&](int64_t offset) {
          const uint8_t* from = offset < 0 ? padding.data() : whole + offset * blocks.inner_bytes;
          std::memcpy(split, from, blocks.inner_bytes);
          split += blocks.inner_bytes;
        });
      });
}

KernelOr BuildBatchToSpace(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 3));
  ASSIGN_OR_RETURN(Blocks blocks,
                   MakeBlocks(operands, operands.output_shape(0), operands.input_shape(0)));
  return MakeKernel([blocks = std::move(blocks)](Inputs inputs, Outputs outputs) {
    const uint8_t* split = In<uint8_t>(inputs, 0);
    ForEachSplit(blocks, [&](int64_t offset) {
      if (offset >= 0) {
        std::memcpy(outputs[0] + offset * blocks.inner_bytes, split, blocks.inner_bytes);
      }
      split += blocks.inner_bytes;
    });
  });
}

}  // namespace octavo::reference
