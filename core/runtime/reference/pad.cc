#include <algorithm>
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

struct Padding {
  int32_t before;
  int32_t after;
};

// One for each dimension; the output's shape fits.
absl::StatusOr<std::vector<Padding>> MakePaddings(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> values, operands.ConstantIntegers(1));
  const Shape& input = operands.input_shape(0);
  RETURN_IF_ERROR(
      operands.Require(values.size() == 2 * input.size(), "two paddings for each dimension"));
  std::vector<Padding> paddings;
  Shape output;
  for (size_t axis = 0; axis < input.size(); ++axis) {
    const int64_t before = values[2 * axis];
    const int64_t after = values[2 * axis + 1];
    RETURN_IF_ERROR(operands.Require(before >= 0 && after >= 0 && before <= INT32_MAX &&
                                         after <= INT32_MAX &&
                                         before + after + input[axis] <= INT32_MAX,
                                     "a padding out of range"));
    paddings.push_back({static_cast<int32_t>(before), static_cast<int32_t>(after)});
    output.push_back(static_cast<int32_t>(before + after + input[axis]));
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  return paddings;
}

}  // namespace

KernelOr BuildPad(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 3));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<Padding> paddings, MakePaddings(operands));
  const bool has_value = operands.has_input(2);
  if (has_value) {
    RETURN_IF_ERROR(operands.Require(
        operands.input_type(2) == operands.input_type(0) && operands.input_size(2) == 1,
        "the padding's value must be one element of the input's type"));
  }
  StridedCopy copy;
  copy.sizes.assign(operands.input_shape(0).begin(), operands.input_shape(0).end());
  copy.from_strides = StridesOf(operands.input_shape(0));
  copy.to_strides = StridesOf(operands.output_shape(0));
  for (size_t axis = 0; axis < paddings.size(); ++axis) {
    copy.to += paddings[axis].before * copy.to_strides[axis];
  }
  return MakeKernel([copy, element_bytes, has_value, size = operands.output_size(0),
                     zero = ZeroElement(operands, element_bytes)](Inputs inputs, Outputs outputs) {
    const uint8_t* element = has_value ? In<uint8_t>(inputs, 2) : zero.data();
    const StridedCopy fill = {.sizes = {size}, .from_strides = {0}, .to_strides = {1}};
    RunCopy(fill, element_bytes, element, outputs[0]);
    RunCopy(copy, element_bytes, In<uint8_t>(inputs, 0), outputs[0]);
  });
}

KernelOr BuildMirrorPad(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  ASSIGN_OR_RETURN(const std::vector<Padding> paddings, MakePaddings(operands));
  const auto options = OptionsOr(operands.op().builtin_options.AsMirrorPadOptions());
  // SYMMETRIC repeats the edge, REFLECT does not.
  const int32_t skipped = options.mode == schema::MirrorPadMode_REFLECT ? 1 : 0;
  const Shape& input = operands.input_shape(0);
  RETURN_IF_ERROR(operands.Require(input.size() <= 6, "more than 6 dimensions"));
  const std::vector<int64_t> from_strides = StridesOf(input);
  const std::vector<int64_t> to_strides = StridesOf(operands.output_shape(0));
  // Blocks: each axis has up to three pieces, before, the input itself, after.
  std::vector<StridedCopy> copies(1);
  for (size_t axis = 0; axis < input.size(); ++axis) {
    const auto [before, after] = paddings[axis];
    const int32_t size = input[axis];
    RETURN_IF_ERROR(operands.Require(before <= size - skipped && after <= size - skipped,
                                     "a padding wider than what it mirrors"));
    struct Piece {
      int64_t count, from, step, to;
    };
    const Piece pieces[] = {{before, before - 1 + skipped, -1, 0},
                            {size, 0, 1, before},
                            {after, size - 1 - skipped, -1, before + size}};
    std::vector<StridedCopy> refined;
    for (const StridedCopy& copy : copies) {
      for (const Piece& piece : pieces) {
        if (piece.count == 0) continue;
        StridedCopy part = copy;
        part.sizes.push_back(piece.count);
        part.from += piece.from * from_strides[axis];
        part.from_strides.push_back(piece.step * from_strides[axis]);
        part.to += piece.to * to_strides[axis];
        part.to_strides.push_back(to_strides[axis]);
        refined.push_back(std::move(part));
      }
    }
    copies = std::move(refined);
  }
  return CopyKernel(std::move(copies), element_bytes);
}

}  // namespace octavo::reference
