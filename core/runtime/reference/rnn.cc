#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/recurrent.h"
#include "core/tflite/recurrent_form.h"

namespace octavo::reference {
namespace {

// Of one row: activation(weights * x + recurrent weights * state + bias).
void RunStep(const RnnForm& form, Activation activation, Inputs inputs, const float* x,
             const float* state, float* output) {
  for (int64_t i = 0; i < form.units; ++i) {
    float sum = In<float>(inputs, 3)[i];
    sum += Dot(In<float>(inputs, 1) + i * form.input.depth, x, form.input.depth);
    sum += Dot(In<float>(inputs, 2) + i * form.units, state, form.units);
    output[i] = activation(sum);
  }
}

}  // namespace

KernelOr BuildRnn(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(5, 5));
  ASSIGN_OR_RETURN(const RnnForm form,
                   RequireForm(operands, ReadRnnForm(operands.model(), operands.op())));
  const auto& options = operands.op().builtin_options;
  const auto* sequence = options.AsSequenceRNNOptions();
  ASSIGN_OR_RETURN(
      const Activation activation,
      ActivationOf(operands, sequence == nullptr
                                 ? OptionsOr(options.AsRNNOptions()).fused_activation_function
                                 : sequence->fused_activation_function));
  return MakeKernel(
      [form, activation, zeros = std::vector<float>(form.units)](Inputs inputs, Outputs outputs) {
        for (int64_t example = 0; example < form.input.batch; ++example) {
          const float* state = zeros.data();
          for (int64_t step = 0; step < form.input.steps; ++step) {
            const int64_t row = form.input.Row(example, step);
            float* output = Out<float>(outputs, 0) + row * form.units;
            RunStep(form, activation, inputs, In<float>(inputs, 0) + row * form.input.depth, state,
                    output);
            state = output;
          }
        }
      });
}

}  // namespace octavo::reference
