// What the static schemes differ in.

#ifndef OCTAVO_CORE_QUANTIZE_STATIC_FORM_H_
#define OCTAVO_CORE_QUANTIZE_STATIC_FORM_H_

#include "absl/strings/string_view.h"
#include "core/calibrate/range.h"
#include "core/quantize/quant_params.h"
#include "core/tflite/operator_table.h"

namespace octavo {

struct StaticForm {
  absl::string_view name;  // of the activations' type, in a reader's words
  schema::TensorType activation_type;
  schema::TensorType bias_type;
  // Columns of the operator table.
  int OperatorRow::* version;
  FixedParams OperatorRow::* fixed;
  QuantParams (*activation_params)(const Range& range);
};

// Of INT8 or INT16.
const StaticForm& FormOf(schema::TensorType activation_type);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_STATIC_FORM_H_
