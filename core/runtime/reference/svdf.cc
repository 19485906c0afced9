#include <cstdint>
#include <memory>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/recurrent.h"
#include "core/tflite/recurrent_form.h"

namespace octavo::reference {

// A filter's memory is zeros but for the step that runs, its last one.
KernelOr BuildSvdf(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(3, 5));
  ASSIGN_OR_RETURN(const SvdfForm form,
                   RequireForm(operands, ReadSvdfForm(operands.model(), operands.op())));
  const auto options = OptionsOr(operands.op().builtin_options.AsSVDFOptions());
  ASSIGN_OR_RETURN(const Activation activation,
                   ActivationOf(operands, options.fused_activation_function));
  return MakeKernel([form, activation](Inputs inputs, Outputs outputs) {
    const float* bias = In<float>(inputs, 3);
    float* output = Out<float>(outputs, 0);
    for (int64_t example = 0; example < form.input.batch; ++example) {
      const float* x = In<float>(inputs, 0) + example * form.input.depth;
      for (int64_t unit = 0; unit < form.units; ++unit) {
        float sum = bias == nullptr ? 0 : bias[unit];
        for (int64_t filter = unit * form.rank; filter < (unit + 1) * form.rank; ++filter) {
          const float feature =
              Dot(In<float>(inputs, 1) + filter * form.input.depth, x, form.input.depth);
          sum += feature * In<float>(inputs, 2)[(filter + 1) * form.memory - 1];
        }
        *output++ = activation(sum);
      }
    }
  });
}

}  // namespace octavo::reference
