#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/map.h"

namespace octavo::reference {

// x / (bias + alpha * the sum of squares of the channels up to `radius` away) ^ beta; source:
// Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
// section 3.3.
KernelOr BuildLocalResponseNormalization(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  RETURN_IF_ERROR(operands.Require(operands.input_type(0) == schema::TensorType_FLOAT32,
                                   "no kernel for these types"));
  RETURN_IF_ERROR(operands.Require(!operands.input_shape(0).empty(), "a scalar"));
  const auto options =
      OptionsOr(operands.op().builtin_options.AsLocalResponseNormalizationOptions());
  RETURN_IF_ERROR(operands.Require(options.radius >= 0, "a negative radius"));
  const int64_t depth = operands.input_shape(0).back();
  const int64_t rows = depth == 0 ? 0 : operands.input_size(0) / depth;
  const int64_t radius = std::min<int64_t>(options.radius, depth);
  return MakeKernel([rows, depth, radius, bias = options.bias, alpha = options.alpha,
                     beta = options.beta](Inputs inputs, Outputs outputs) {
    for (int64_t row = 0; row < rows; ++row) {
      const float* from = In<float>(inputs, 0) + row * depth;
      float* to = Out<float>(outputs, 0) + row * depth;
      for (int64_t channel = 0; channel < depth; ++channel) {
        float squares = 0;
        const int64_t end = std::min(channel + radius + 1, depth);
        for (int64_t i = std::max<int64_t>(channel - radius, 0); i < end; ++i) {
          squares += from[i] * from[i];
        }
        to[channel] = from[channel] * std::pow(bias + alpha * squares, -beta);
      }
    }
  });
}

}  // namespace octavo::reference
