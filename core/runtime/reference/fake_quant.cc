#include "core/tflite/fake_quant.h"

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/map.h"

namespace octavo::reference {

KernelOr BuildFakeQuant(const Operands& operands) {
  RETURN_IF_ERROR(RequireMap(operands));
  RETURN_IF_ERROR(operands.Require(operands.input_type(0) == schema::TensorType_FLOAT32,
                                   "the input must be FLOAT32"));
  const auto* options = operands.op().builtin_options.AsFakeQuantOptions();
  RETURN_IF_ERROR(operands.Require(options != nullptr && CheckFakeQuant(*options).ok(),
                                   "there is no range of 2 to 16 bits"));
  return MapKernel<float>(operands,
                          [codes = CodesOf(*options)](float value) { return codes.Round(value); });
}

}  // namespace octavo::reference
