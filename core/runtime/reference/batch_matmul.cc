#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/dynamic_quantization.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

// One factor: where the element of a batch, row and column lies.
struct Matrices {
  std::vector<int64_t> batch_strides;  // 0 where it is repeated
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

struct Product {
  Shape batch_shape;
  int64_t rows = 0;
  int64_t depth = 0;
  int64_t columns = 0;
  Matrices left;
  Matrices right;

  int64_t NumBatches() const {
    int64_t count = 1;
    for (const int32_t size : batch_shape) count *= size;
    return count;
  }
  int64_t Offset(const Matrices& matrices, int64_t batch) const {
    int64_t offset = 0;
    for (size_t axis = batch_shape.size(); axis-- > 0;) {
      offset += batch % batch_shape[axis] * matrices.batch_strides[axis];
      batch /= batch_shape[axis];
    }
    return offset;
  }
};

Matrices Layout(const Shape& shape, const Shape& batch_shape, bool is_transposed) {
  const size_t rank = shape.size();
  Matrices matrices;
  matrices.row_stride = is_transposed ? 1 : shape[rank - 1];
  matrices.column_stride = is_transposed ? shape[rank - 1] : 1;
  matrices.batch_strides.assign(batch_shape.size(), 0);
  int64_t stride = int64_t{shape[rank - 1]} * shape[rank - 2];
  for (size_t back = 1; back + 2 <= rank; ++back) {
    const int32_t size = shape[rank - 2 - back];
    if (size != 1) matrices.batch_strides[batch_shape.size() - back] = stride;
    stride *= size;
  }
  return matrices;
}

absl::StatusOr<Product> MakeProduct(const Operands& operands,
                                    const schema::BatchMatMulOptionsT& options) {
  const Shape& left = operands.input_shape(0);
  const Shape& right = operands.input_shape(1);
  const Shape& output = operands.output_shape(0);
  RETURN_IF_ERROR(operands.Require(
      left.size() >= 2 && right.size() >= 2 && output.size() == std::max(left.size(), right.size()),
      "the shapes do not fit"));
  Product product;
  product.batch_shape.assign(output.begin(), output.end() - 2);
  for (const Shape* shape : {&left, &right}) {
    for (size_t back = 3; back <= shape->size(); ++back) {
      const int32_t size = (*shape)[shape->size() - back];
      RETURN_IF_ERROR(operands.Require(size == 1 || size == output[output.size() - back],
                                       "the batches do not fit"));
    }
  }
  product.left = Layout(left, product.batch_shape, options.adj_x);
  product.right = Layout(right, product.batch_shape, options.adj_y);
  const int32_t left_rows = left[left.size() - (options.adj_x ? 1 : 2)];
  const int32_t left_columns = left[left.size() - (options.adj_x ? 2 : 1)];
  const int32_t right_rows = right[right.size() - (options.adj_y ? 1 : 2)];
  const int32_t right_columns = right[right.size() - (options.adj_y ? 2 : 1)];
  RETURN_IF_ERROR(operands.Require(left_columns == right_rows &&
                                       output[output.size() - 2] == left_rows &&
                                       output[output.size() - 1] == right_columns,
                                   "the matrices do not fit"));
  product.rows = left_rows;
  product.depth = left_columns;
  product.columns = right_columns;
  return product;
}

// finish(sum) of each place of the output, in order.
template <typename Sum, typename L, typename R, typename Finish>
void Multiply(const Product& product, const L* left, Sum left_zero, const R* right, Sum right_zero,
              const Finish& finish) {
  for (int64_t batch = 0; batch < product.NumBatches(); ++batch) {
    const L* left_matrix = left + product.Offset(product.left, batch);
    const R* right_matrix = right + product.Offset(product.right, batch);
    for (int64_t row = 0; row < product.rows; ++row) {
      for (int64_t column = 0; column < product.columns; ++column) {
        const L* a = left_matrix + row * product.left.row_stride;
        const R* b = right_matrix + column * product.right.column_stride;
        Sum sum = 0;
        for (int64_t i = 0; i < product.depth; ++i) {
          sum += (static_cast<Sum>(*a) - left_zero) * (static_cast<Sum>(*b) - right_zero);
          a += product.left.column_stride;
          b += product.right.row_stride;
        }
        finish(sum);
      }
    }
  }
}

struct Requantization {
  int32_t left_zero;
  int32_t right_zero;
  TensorScale output;
  QuantizedMultiplier multiplier;
};

absl::StatusOr<Requantization> MakeRequantization(const Operands& operands, int max_shift) {
  ASSIGN_OR_RETURN(const TensorScale left, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale right, operands.input_scale(1));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  const double factor = double{left.scale * right.scale} / double{output.scale};
  const QuantizedMultiplier multiplier =
      CanMultiply(factor) ? ToMultiplier(factor) : QuantizedMultiplier{0, kMaxShift + 1};
  RETURN_IF_ERROR(operands.Require(multiplier.shift <= max_shift,
                                   absl::StrCat("its scales give the factor ", factor)));
  return Requantization{left.zero_point, right.zero_point, output, multiplier};
}

KernelOr BuildInt8(const Operands& operands, const Product& product) {
  ASSIGN_OR_RETURN(const Requantization requantization, MakeRequantization(operands, kMaxShift));
  return MakeKernel([product, requantization](Inputs inputs, Outputs outputs) {
    int8_t* codes = Out<int8_t>(outputs, 0);
    Multiply<int64_t>(product, In<int8_t>(inputs, 0), requantization.left_zero,
                      In<int8_t>(inputs, 1), requantization.right_zero, [&](int64_t sum) {
                        const int32_t code =
                            Multiply(static_cast<int32_t>(sum), requantization.multiplier);
                        *codes++ = static_cast<int8_t>(
                            Clamp(WrapAdd(code, requantization.output.zero_point), -128, 127));
                      });
  });
}

template <typename Right>
KernelOr BuildInt16(const Operands& operands, const Product& product) {
  ASSIGN_OR_RETURN(const Requantization requantization,
                   MakeRequantization(operands, kMaxWideShift));
  RETURN_IF_ERROR(operands.Require(requantization.left_zero == 0 &&
                                       requantization.right_zero == 0 &&
                                       requantization.output.zero_point == 0,
                                   "INT16 needs zero points of 0"));
  const WideMultiplier multiplier = ToWide(requantization.multiplier);
  return MakeKernel([product, multiplier](Inputs inputs, Outputs outputs) {
    int16_t* codes = Out<int16_t>(outputs, 0);
    Multiply<int64_t>(product, In<int16_t>(inputs, 0), 0, In<Right>(inputs, 1), 0,
                      [&](int64_t sum) {
                        *codes++ = static_cast<int16_t>(
                            Clamp(octavo::reference::Multiply(sum, multiplier), -32768, 32767));
                      });
  });
}

KernelOr BuildFloat(const Product& product) {
  return MakeKernel([product](Inputs inputs, Outputs outputs) {
    float* values = Out<float>(outputs, 0);
    Multiply<float>(product, In<float>(inputs, 0), 0, In<float>(inputs, 1), 0,
                    [&](float sum) { *values++ = sum; });
  });
}

// Each row of the left matrices has a scale of its own.
KernelOr BuildHybrid(const Operands& operands, const Product& product,
                     const schema::BatchMatMulOptionsT& options) {
  ASSIGN_OR_RETURN(const TensorScale weights, operands.input_scale(1));
  RETURN_IF_ERROR(
      operands.Require(weights.zero_point == 0, "weights with a zero point other than 0"));
  RETURN_IF_ERROR(operands.Require(!options.adj_x, "float rows must lie together"));
  const Symmetry symmetry =
      options.asymmetric_quantize_inputs ? Symmetry::kAsymmetric : Symmetry::kSymmetric;
  return MakeKernel(
      [product, scale = weights.scale, symmetry, codes = std::vector<int16_t>(product.depth)](
          Inputs inputs, Outputs outputs) mutable {
        float* values = Out<float>(outputs, 0);
        for (int64_t batch = 0; batch < product.NumBatches(); ++batch) {
          const float* left = In<float>(inputs, 0) + product.Offset(product.left, batch);
          const int8_t* right = In<int8_t>(inputs, 1) + product.Offset(product.right, batch);
          for (int64_t row = 0; row < product.rows; ++row, left += product.depth) {
            const float row_scale =
                scale * QuantizeValues(BestInt16Kernels(), symmetry,
                                       {left, static_cast<size_t>(product.depth)}, codes.data());
            for (int64_t column = 0; column < product.columns; ++column) {
              const int8_t* b = right + column * product.right.column_stride;
              int64_t sum = 0;
              for (int64_t i = 0; i < product.depth; ++i) {
                sum += int32_t{codes[i]} * b[i * product.right.row_stride];
              }
              *values++ = static_cast<float>(sum) * row_scale;
            }
          }
        }
      });
}

}  // namespace

KernelOr BuildBatchMatMul(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  const auto options = OptionsOr(operands.op().builtin_options.AsBatchMatMulOptions());
  ASSIGN_OR_RETURN(const Product product, MakeProduct(operands, options));
  const schema::TensorType left = operands.input_type(0);
  const schema::TensorType right = operands.input_type(1);
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  if (left == schema::TensorType_FLOAT32 && right == schema::TensorType_FLOAT32) {
    return BuildFloat(product);
  }
  if (left == schema::TensorType_FLOAT32 && right == schema::TensorType_INT8) {
    return BuildHybrid(operands, product, options);
  }
  if (left == schema::TensorType_INT8 && right == schema::TensorType_INT8) {
    return BuildInt8(operands, product);
  }
  if (left == schema::TensorType_INT16 && right == schema::TensorType_INT16) {
    return BuildInt16<int16_t>(operands, product);
  }
  if (left == schema::TensorType_INT16 && right == schema::TensorType_INT8) {
    return BuildInt16<int8_t>(operands, product);
  }
  return operands.Unsupported("no kernel for these types");
}

}  // namespace octavo::reference
