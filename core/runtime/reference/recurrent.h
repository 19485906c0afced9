// What the kernels of the recurrent operators share. Their states are zeros when a run begins, and
// gone when it ends (core/tflite/recurrent_form.h).

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_RECURRENT_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_RECURRENT_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/status_macros.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

using Activation = float (*)(float value);

// OP_UNSUPPORTED: SIGN_BIT.
absl::StatusOr<Activation> ActivationOf(const Operands& operands,
                                        schema::ActivationFunctionType type);

// The sum of a[i] * b[i].
float Dot(const float* a, const float* b, int64_t count);

// OP_UNSUPPORTED: an operand is not FLOAT32.
absl::Status RequireFloat(const Operands& operands);

// The form of an operator in FLOAT32. OP_UNSUPPORTED: its inputs do not go together, or the
// output's shape is not what they give.
template <typename Form>
absl::StatusOr<Form> RequireForm(const Operands& operands, absl::StatusOr<Form> form) {
  if (!form.ok()) return operands.Unsupported(form.status().message());
  RETURN_IF_ERROR(RequireFloat(operands));
  RETURN_IF_ERROR(operands.RequireOutputShape(0, form->output_shape));
  return form;
}

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_RECURRENT_H_
