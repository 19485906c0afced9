#include "absl/status/status.h"
#include "core/base/status_macros.h"
#include "core/graph/shape_rule.h"
#include "core/tflite/recurrent_form.h"

namespace octavo {
namespace {

template <typename Form>
absl::StatusOr<Shapes> ShapesOf(const OperatorView& op, const absl::StatusOr<Form>& form) {
  if (absl::IsInvalidArgument(form.status())) return DoNotFit(op, form.status().message());
  RETURN_IF_ERROR(form.status());
  return Shapes{form->output_shape};
}

}  // namespace

absl::StatusOr<Shapes> LstmShape(const OperatorView& op) {
  return ShapesOf(op, ReadLstmForm(op.model, op.op));
}

absl::StatusOr<Shapes> RnnShape(const OperatorView& op) {
  return ShapesOf(op, ReadRnnForm(op.model, op.op));
}

absl::StatusOr<Shapes> SvdfShape(const OperatorView& op) {
  return ShapesOf(op, ReadSvdfForm(op.model, op.op));
}

}  // namespace octavo
