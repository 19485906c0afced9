#include "core/base/usual_variants.h"

namespace octavo {
namespace {

constexpr UsualVariant kUsualVariants[] = {
    {"float32", v1::SCHEME_FLOAT32, v1::IO_TYPE_FLOAT32, false,
     "the model as it came, the baseline of every comparison"},
    {"float16", v1::SCHEME_FLOAT16, v1::IO_TYPE_FLOAT32, false,
     "constants in float16, arithmetic in float32"},
    {"weight-int8", v1::SCHEME_WEIGHT_INT8, v1::IO_TYPE_FLOAT32, false,
     "weights in int8 per channel, arithmetic in float32"},
    {"weight-int4", v1::SCHEME_WEIGHT_INT4, v1::IO_TYPE_FLOAT32, false,
     "weights in int4 per channel, arithmetic in float32"},
    {"dynamic-int8", v1::SCHEME_DYNAMIC_INT8, v1::IO_TYPE_FLOAT32, false,
     "weights in int8 per channel, activations quantized while running"},
    {"dynamic-int4", v1::SCHEME_DYNAMIC_INT4, v1::IO_TYPE_FLOAT32, false,
     "weights in int4 per channel, activations quantized while running"},
    {"dynamic-int4-block32", v1::SCHEME_DYNAMIC_INT4_BLOCK32, v1::IO_TYPE_FLOAT32, false,
     "as dynamic-int8, FULLY_CONNECTED in int4 with a scale for each 32 weights", true},
    {"int8", v1::SCHEME_INT8, v1::IO_TYPE_FLOAT32, true,
     "weights and activations in int8, float inputs and outputs"},
    {"int8-int8io", v1::SCHEME_INT8, v1::IO_TYPE_INT8, true,
     "weights and activations in int8, int8 inputs and outputs"},
    {"int8-uint8io", v1::SCHEME_INT8, v1::IO_TYPE_UINT8, true,
     "weights and activations in int8, uint8 inputs and outputs"},
    {"int8-pertensor", v1::SCHEME_INT8_PER_TENSOR, v1::IO_TYPE_FLOAT32, true,
     "as int8, with one scale for all of an operator's weights"},
    {"int16x8", v1::SCHEME_INT16X8, v1::IO_TYPE_FLOAT32, true,
     "weights in int8, activations in int16, float inputs and outputs"},
    {"int16x8-int16io", v1::SCHEME_INT16X8, v1::IO_TYPE_INT16, true,
     "weights in int8, activations in int16, int16 inputs and outputs"},
    {"io-float32", v1::SCHEME_CHANGE_IO, v1::IO_TYPE_FLOAT32, false,
     "a quantized model as it came, with float inputs and outputs"},
    {"io-int8", v1::SCHEME_CHANGE_IO, v1::IO_TYPE_INT8, false,
     "a quantized model as it came, with int8 inputs and outputs"},
    {"io-uint8", v1::SCHEME_CHANGE_IO, v1::IO_TYPE_UINT8, false,
     "a quantized model as it came, with uint8 inputs and outputs"},
    {"io-int16", v1::SCHEME_CHANGE_IO, v1::IO_TYPE_INT16, false,
     "a quantized model as it came, with int16 inputs and outputs"},
};

}  // namespace

std::span<const UsualVariant> UsualVariantTable() { return kUsualVariants; }

const UsualVariant* FindUsual(v1::Scheme scheme, v1::IoType io_type) {
  if (io_type == v1::IO_TYPE_UNSPECIFIED) io_type = v1::IO_TYPE_FLOAT32;
  for (const UsualVariant& usual : kUsualVariants) {
    if (usual.scheme == scheme && usual.io_type == io_type) return &usual;
  }
  return nullptr;
}

const UsualVariant* FindUsual(absl::string_view name) {
  for (const UsualVariant& usual : kUsualVariants) {
    if (usual.name == name) return &usual;
  }
  return nullptr;
}

bool IsNameOfAnother(absl::string_view name, v1::Scheme scheme, v1::IoType io_type) {
  if (name == kQuantizedBaseline) return scheme != v1::SCHEME_FLOAT32;
  const UsualVariant* namesake = FindUsual(name);
  return namesake != nullptr && namesake != FindUsual(scheme, io_type);
}

}  // namespace octavo
