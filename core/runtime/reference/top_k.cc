#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"

namespace octavo::reference {
namespace {

// Rows of the last axis.
struct Rows {
  int64_t count = 0;
  int64_t depth = 0;
  int64_t k = 0;
};

// The larger first, of equals the earlier; what is no number comes last.
template <typename T>
bool ComesBefore(const T* row, int64_t left, int64_t right) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool is_left = !std::isnan(row[left]);
    const bool is_right = !std::isnan(row[right]);
    if (is_left != is_right) return is_left;
    if (!is_left) return left < right;
  }
  return row[left] > row[right] || (row[left] == row[right] && left < right);
}

template <typename T, typename Index>
std::unique_ptr<Kernel> TopKKernel(const Rows& rows) {
  return MakeKernel(
      [rows, order = std::vector<int64_t>(rows.depth)](Inputs inputs, Outputs outputs) mutable {
        for (int64_t row = 0; row < rows.count; ++row) {
          const T* from = In<T>(inputs, 0) + row * rows.depth;
          std::iota(order.begin(), order.end(), int64_t{0});
          std::partial_sort(
              order.begin(), order.begin() + rows.k, order.end(),
              [from](int64_t left, int64_t right) { return ComesBefore(from, left, right); });
          for (int64_t i = 0; i < rows.k; ++i) {
            Out<T>(outputs, 0)[row * rows.k + i] = from[order[i]];
            Out<Index>(outputs, 1)[row * rows.k + i] = static_cast<Index>(order[i]);
          }
        }
      });
}

template <typename T>
KernelOr Build(const Operands& operands, const Rows& rows) {
  switch (operands.output_type(1)) {
    case schema::TensorType_INT16:
      RETURN_IF_ERROR(operands.Require(rows.depth <= 32768, "INT16 places of a longer axis"));
      return TopKKernel<T, int16_t>(rows);
    case schema::TensorType_INT32:
      return TopKKernel<T, int32_t>(rows);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

// Outputs: the k largest values of each row, and their places.
KernelOr BuildTopK(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> count, operands.ConstantIntegers(1));
  const Shape& input = operands.input_shape(0);
  RETURN_IF_ERROR(operands.Require(
      count.size() == 1 && !input.empty() && count[0] >= 0 && count[0] <= input.back(),
      "k must be one number, at most the last axis"));
  Shape output = input;
  output.back() = static_cast<int32_t>(count[0]);
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  RETURN_IF_ERROR(operands.RequireOutputShape(1, output));
  Rows rows{.depth = input.back(), .k = count[0]};
  rows.count = rows.depth == 0 ? 0 : operands.input_size(0) / rows.depth;
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return Build<float>(operands, rows);
    case schema::TensorType_INT8:
      return Build<int8_t>(operands, rows);
    case schema::TensorType_UINT8:
      return Build<uint8_t>(operands, rows);
    case schema::TensorType_INT16:
      return Build<int16_t>(operands, rows);
    case schema::TensorType_INT32:
      return Build<int32_t>(operands, rows);
    case schema::TensorType_INT64:
      return Build<int64_t>(operands, rows);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
