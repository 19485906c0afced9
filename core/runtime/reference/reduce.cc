#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/fixed_point.h"
#include "core/runtime/reference/output_stage.h"

namespace octavo::reference {
namespace {

// Where each input element goes: output strides, 0 along reduced axes.
struct Reduction {
  Shape sizes;
  std::vector<int64_t> output_strides;
  int64_t input_size = 0;
  int64_t output_size = 0;
  int64_t reduced = 1;  // input elements of one output element
};

absl::StatusOr<Reduction> MakeReduction(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(2, 2));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  const auto options = OptionsOr(operands.op().builtin_options.AsReducerOptions());
  ASSIGN_OR_RETURN(const std::vector<int64_t> axes, operands.ConstantIntegers(1));
  const Shape& input = operands.input_shape(0);
  const int rank = static_cast<int>(input.size());
  std::vector<bool> is_reduced(rank, false);
  for (const int64_t axis : axes) {
    ASSIGN_OR_RETURN(const int place, operands.ResolveAxis(axis, rank));
    is_reduced[place] = true;
  }
  Reduction reduction;
  reduction.sizes = input;
  reduction.input_size = operands.input_size(0);
  reduction.output_size = operands.output_size(0);
  reduction.output_strides.assign(rank, 0);
  Shape output;
  int64_t stride = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    if (is_reduced[axis]) {
      reduction.reduced *= input[axis];
      if (options.keep_dims) output.insert(output.begin(), 1);
      continue;
    }
    reduction.output_strides[axis] = stride;
    stride *= input[axis];
    output.insert(output.begin(), input[axis]);
  }
  RETURN_IF_ERROR(operands.RequireOutputShape(0, output));
  return reduction;
}

// join(result, value) for each value, from `start`.
template <typename T, typename Result, typename Join>
void Reduce(const Reduction& reduction, const T* values, Result start, Result* results,
            const Join& join) {
  std::fill_n(results, reduction.output_size, start);
  const size_t rank = reduction.sizes.size();
  std::vector<int32_t> place(rank, 0);
  int64_t to = 0;
  for (int64_t i = 0; i < reduction.input_size; ++i) {
    results[to] = join(results[to], values[i]);
    for (size_t axis = rank; axis-- > 0;) {
      to += reduction.output_strides[axis];
      if (++place[axis] < reduction.sizes[axis]) break;
      to -= reduction.output_strides[axis] * reduction.sizes[axis];
      place[axis] = 0;
    }
  }
}

template <typename T>
T Lowest() {
  return std::numeric_limits<T>::lowest();
}

// Those that give one of their inputs, or wrap.
template <typename T>
KernelOr DirectReduction(const Operands& operands, const Reduction& reduction) {
  const schema::BuiltinOperator type = operands.operator_type();
  return MakeKernel([reduction, type](Inputs inputs, Outputs outputs) {
    const T* values = In<T>(inputs, 0);
    T* results = Out<T>(outputs, 0);
    const auto add = [](T a, T b) {
      if constexpr (std::is_integral_v<T>) return WrapAdd(a, b);
      return static_cast<T>(a + b);
    };
    const auto multiply = [](T a, T b) {
      if constexpr (std::is_integral_v<T>) return WrapMul(a, b);
      return static_cast<T>(a * b);
    };
    switch (type) {
      case schema::BuiltinOperator_REDUCE_MAX:
        return Reduce(reduction, values, Lowest<T>(), results,
                      [](T a, T b) { return std::max(a, b); });
      case schema::BuiltinOperator_REDUCE_MIN:
        return Reduce(reduction, values, std::numeric_limits<T>::max(), results,
                      [](T a, T b) { return std::min(a, b); });
      case schema::BuiltinOperator_REDUCE_PROD:
        return Reduce(reduction, values, T{1}, results, multiply);
      default:
        return Reduce(reduction, values, T{0}, results, add);
    }
  });
}

KernelOr FloatMean(const Reduction& reduction) {
  return MakeKernel([reduction](Inputs inputs, Outputs outputs) {
    float* means = Out<float>(outputs, 0);
    Reduce(reduction, In<float>(inputs, 0), 0.0f, means, [](float a, float b) { return a + b; });
    for (int64_t i = 0; i < reduction.output_size; ++i) {
      means[i] /= static_cast<float>(reduction.reduced);
    }
  });
}

template <typename T>
KernelOr IntegerMean(const Reduction& reduction) {
  return MakeKernel([reduction, sums = std::vector<int64_t>(reduction.output_size)](
                        Inputs inputs, Outputs outputs) mutable {
    Reduce(reduction, In<T>(inputs, 0), int64_t{0}, sums.data(),
           [](int64_t a, T b) { return WrapAdd<int64_t>(a, b); });
    for (int64_t i = 0; i < reduction.output_size; ++i) {
      Out<T>(outputs, 0)[i] = static_cast<T>(sums[i] / std::max<int64_t>(reduction.reduced, 1));
    }
  });
}

// The factor of a sum, with the division by the count folded in: the mantissa keeps as many bits as
// it can.
QuantizedMultiplier DividedBy(QuantizedMultiplier multiplier, int64_t count) {
  int shift = 63 - std::countl_zero(static_cast<uint64_t>(count));
  shift = std::min({shift, 32, 31 + multiplier.shift});
  return {static_cast<int32_t>((int64_t{multiplier.mantissa} << shift) / count),
          multiplier.shift - shift};
}

template <typename T>
KernelOr QuantizedSum(const Operands& operands, const Reduction& reduction, bool is_mean) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(operands.input_type(0) != schema::TensorType_INT16 ||
                                       (input.zero_point == 0 && output.zero_point == 0),
                                   "INT16 needs zero points of 0"));
  RETURN_IF_ERROR(operands.Require(reduction.reduced > 0, "the sum of nothing"));
  ASSIGN_OR_RETURN(QuantizedMultiplier multiplier,
                   MakeMultiplier(operands, double{input.scale} / double{output.scale}));
  if (is_mean) multiplier = DividedBy(multiplier, reduction.reduced);
  const CodeRange range = TypeCodes(operands.output_type(0));
  const int32_t all_zero_points =
      static_cast<int32_t>(WrapMul<int64_t>(input.zero_point, reduction.reduced));
  return MakeKernel([=, sums = std::vector<int32_t>(reduction.output_size)](
                        Inputs inputs, Outputs outputs) mutable {
    Reduce(reduction, In<T>(inputs, 0), 0, sums.data(),
           [](int32_t a, T b) { return WrapAdd<int32_t>(a, b); });
    for (int64_t i = 0; i < reduction.output_size; ++i) {
      const int32_t code = Multiply(WrapSub(sums[i], all_zero_points), multiplier);
      Out<T>(outputs, 0)[i] =
          static_cast<T>(Clamp(WrapAdd(code, output.zero_point), range.min, range.max));
    }
  });
}

// Each product is scaled by input scale / output scale^(1 / count), so that none leaves 32 bits.
template <typename T>
KernelOr QuantizedProduct(const Operands& operands, const Reduction& reduction) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  RETURN_IF_ERROR(operands.Require(reduction.reduced > 0, "the product of nothing"));
  const double root = std::pow(double{output.scale}, 1.0 / static_cast<double>(reduction.reduced));
  ASSIGN_OR_RETURN(const QuantizedMultiplier multiplier,
                   MakeMultiplier(operands, double{input.scale} / root));
  const WideMultiplier wide = ToWide(multiplier);
  RETURN_IF_ERROR(
      operands.Require(multiplier.shift <= kMaxWideShift, "the scales differ too much"));
  const CodeRange range = TypeCodes(operands.output_type(0));
  return MakeKernel([=, products = std::vector<int32_t>(reduction.output_size)](
                        Inputs inputs, Outputs outputs) mutable {
    // The first factor is not scaled, the last product twice: a start of "none yet" tells it apart.
    constexpr int32_t kNone = std::numeric_limits<int32_t>::min();
    Reduce(reduction, In<T>(inputs, 0), kNone, products.data(), [&](int32_t product, T code) {
      const int32_t factor = int32_t{code} - input.zero_point;
      return product == kNone ? factor : Multiply(int64_t{product} * factor, wide);
    });
    for (int64_t i = 0; i < reduction.output_size; ++i) {
      const int32_t code = WrapAdd(Multiply(int64_t{products[i]}, wide), output.zero_point);
      Out<T>(outputs, 0)[i] = static_cast<T>(Clamp(code, range.min, range.max));
    }
  });
}

absl::Status RequireOneScale(const Operands& operands) {
  ASSIGN_OR_RETURN(const TensorScale input, operands.input_scale(0));
  ASSIGN_OR_RETURN(const TensorScale output, operands.output_scale(0));
  return operands.Require(input.scale == output.scale && input.zero_point == output.zero_point,
                          "input and output must have one scale");
}

template <typename T>
KernelOr BuildQuantized(const Operands& operands, const Reduction& reduction) {
  switch (operands.operator_type()) {
    case schema::BuiltinOperator_MEAN:
      return QuantizedSum<T>(operands, reduction, /*is_mean=*/true);
    case schema::BuiltinOperator_SUM:
      return QuantizedSum<T>(operands, reduction, /*is_mean=*/false);
    case schema::BuiltinOperator_REDUCE_MAX:
    case schema::BuiltinOperator_REDUCE_MIN:
      RETURN_IF_ERROR(RequireOneScale(operands));
      return DirectReduction<T>(operands, reduction);
    case schema::BuiltinOperator_REDUCE_PROD:
      return QuantizedProduct<T>(operands, reduction);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace

KernelOr BuildReduce(const Operands& operands) {
  ASSIGN_OR_RETURN(const Reduction reduction, MakeReduction(operands));
  const bool is_mean = operands.operator_type() == schema::BuiltinOperator_MEAN;
  switch (operands.input_type(0)) {
    case schema::TensorType_FLOAT32:
      return is_mean ? FloatMean(reduction) : DirectReduction<float>(operands, reduction);
    case schema::TensorType_INT8:
      return BuildQuantized<int8_t>(operands, reduction);
    case schema::TensorType_INT16:
      return BuildQuantized<int16_t>(operands, reduction);
    case schema::TensorType_INT32:
      return is_mean ? IntegerMean<int32_t>(reduction)
                     : DirectReduction<int32_t>(operands, reduction);
    case schema::TensorType_INT64:
      return is_mean ? IntegerMean<int64_t>(reduction)
                     : DirectReduction<int64_t>(operands, reduction);
    default:
      return operands.Unsupported("no kernel for these types");
  }
}

}  // namespace octavo::reference
