#include "core/quantize/static_form.h"

#include "absl/log/check.h"

namespace octavo {
namespace {

constexpr StaticForm kInt8Form = {
    .name = "int8",
    .activation_type = schema::TensorType_INT8,
    .bias_type = schema::TensorType_INT32,
    .version = &OperatorRow::int8_version,
    .fixed = &OperatorRow::fixed_int8,
    .activation_params = Int8ActivationParams,
};
constexpr StaticForm kInt16x8Form = {
    .name = "int16",
    .activation_type = schema::TensorType_INT16,
    .bias_type = schema::TensorType_INT64,
    .version = &OperatorRow::int16_version,
    .fixed = &OperatorRow::fixed_int16,
    .activation_params = Int16ActivationParams,
};

}  // namespace

const StaticForm& FormOf(schema::TensorType activation_type) {
  CHECK(activation_type == schema::TensorType_INT8 || activation_type == schema::TensorType_INT16);
  return activation_type == schema::TensorType_INT8 ? kInt8Form : kInt16x8Form;
}

}  // namespace octavo
