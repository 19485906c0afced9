#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/strided_copy.h"

namespace octavo::reference {
namespace {

// input [batch, outer, axis, inner] and indices [batch, count] give [batch, outer, count, inner].
struct Sizes {
  int64_t batch = 1;
  int64_t outer = 1;
  int64_t axis = 1;
  int64_t inner = 1;  // bytes
  int64_t count = 1;
};

// An index out of range takes the nearest slice: it is data, seen only now.
template <typename Index>
std::unique_ptr<Kernel> GatherKernel(const Sizes& sizes) {
  return MakeKernel([sizes](Inputs inputs, Outputs outputs) {
    uint8_t* to = outputs[0];
    for (int64_t batch = 0; batch < sizes.batch; ++batch) {
      const Index* indices = In<Index>(inputs, 1) + batch * sizes.count;
      for (int64_t outer = 0; outer < sizes.outer; ++outer) {
        const uint8_t* from =
            In<uint8_t>(inputs, 0) + (batch * sizes.outer + outer) * sizes.axis * sizes.inner;
        for (int64_t i = 0; i < sizes.count; ++i, to += sizes.inner) {
          const int64_t index = std::clamp<int64_t>(indices[i], 0, sizes.axis - 1);
          std::memcpy(to, from + index * sizes.inner, sizes.inner);
        }
      }
    }
  });
}

}  // namespace

KernelOr BuildGather(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const int element_bytes, ElementBytes(operands, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsGatherOptions());
  const Shape& input = operands.input_shape(0);
  const Shape& indices = operands.input_shape(1);
  ASSIGN_OR_RETURN(const int axis,
                   operands.ResolveAxis(options.axis, static_cast<int>(input.size())));
  const int batch_dims = options.batch_dims;
  RETURN_IF_ERROR(operands.Require(
      batch_dims >= 0 && batch_dims <= axis && batch_dims <= static_cast<int>(indices.size()) &&
          std::equal(input.begin(), input.begin() + batch_dims, indices.begin()),
      "the batch dimensions do not fit"));
  Shape output(input.begin(), input.begin() + axis);
  output.insert(output.end(), indices.begin() + batch_dims, indices.end());
  output.insert(output.end(), input.begin() + axis + 1, input.end());
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  Sizes sizes;
  sizes.inner = element_bytes;
  sizes.axis = input[axis];
  RETURN_IF_ERROR(
      operands.Require(sizes.axis > 0 || operands.output_size(0) == 0, "slices of an empty axis"));
  for (int i = 0; i < batch_dims; ++i) sizes.batch *= input[i];
  for (int i = batch_dims; i < axis; ++i) sizes.outer *= input[i];
  for (size_t i = axis + 1; i < input.size(); ++i) sizes.inner *= input[i];
  for (size_t i = batch_dims; i < indices.size(); ++i) sizes.count *= indices[i];
  if (operands.output_size(0) == 0) sizes.count = 0;
  switch (operands.input_type(1)) {
    case schema::TensorType_INT16:
      return GatherKernel<int16_t>(sizes);
    case schema::TensorType_INT32:
      return GatherKernel<int32_t>(sizes);
    case schema::TensorType_INT64:
      return GatherKernel<int64_t>(sizes);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
