#include "core/runtime/reference/map.h"

#include "core/base/status_macros.h"

namespace octavo::reference {

absl::Status RequireMap(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 1));
  RETURN_IF_ERROR(operands.RequireSameType(0, 0));
  return operands.RequireOutputShape(0, operands.input_shape(0));
}

absl::StatusOr<MapScales> MakeMapScales(const Operands& operands) {
  MapScales scales;
  ASSIGN_OR_RETURN(scales.input, operands.input_scale(0));
  ASSIGN_OR_RETURN(scales.output, operands.output_scale(0));
  RETURN_IF_ERROR(
      operands.Require(operands.output_type(0) != schema::TensorType_INT16 ||
                           (scales.input.zero_point == 0 && scales.output.zero_point == 0),
                       "INT16 needs zero points of 0"));
  return scales;
}

}  // namespace octavo::reference
