#include "server/jobs/usual_variants.h"

namespace octavo {
namespace {

constexpr UsualVariant kUsualVariants[] = {
    {"float32", v1::SCHEME_FLOAT32, v1::IO_TYPE_FLOAT32, false,
     "the model as it came, the baseline of every comparison"},
    {"float16", v1::SCHEME_FLOAT16, v1::IO_TYPE_FLOAT32, false,
     "constants in float16, arithmetic in float32"},
    {"dynamic-int8", v1::SCHEME_DYNAMIC_INT8, v1::IO_TYPE_FLOAT32, false,
     "weights in int8 per channel, activations quantized while running"},
    {"int8", v1::SCHEME_INT8, v1::IO_TYPE_FLOAT32, true,
     "weights and activations in int8, float inputs and outputs"},
    {"int8-int8io", v1::SCHEME_INT8, v1::IO_TYPE_INT8, true,
     "weights and activations in int8, int8 inputs and outputs"},
    {"int8-uint8io", v1::SCHEME_INT8, v1::IO_TYPE_UINT8, true,
     "weights and activations in int8, uint8 inputs and outputs"},
    {"int16x8", v1::SCHEME_INT16X8, v1::IO_TYPE_FLOAT32, true,
     "weights in int8, activations in int16, float inputs and outputs"},
};

}  // namespace

const UsualVariant* FindUsual(const v1::VariantSpec& variant) {
  const v1::IoType io_type =
      variant.io_type() == v1::IO_TYPE_UNSPECIFIED ? v1::IO_TYPE_FLOAT32 : variant.io_type();
  for (const UsualVariant& usual : kUsualVariants) {
    if (usual.scheme == variant.scheme() && usual.io_type == io_type) return &usual;
  }
  return nullptr;
}

const UsualVariant* FindUsual(absl::string_view name) {
  for (const UsualVariant& usual : kUsualVariants) {
    if (usual.name == name) return &usual;
  }
  return nullptr;
}

std::vector<v1::VariantCapability> KnownVariants() {
  std::vector<v1::VariantCapability> variants;
  for (const UsualVariant& usual : kUsualVariants) {
    v1::VariantCapability& variant = variants.emplace_back();
    variant.mutable_spec()->set_name(usual.name);
    variant.mutable_spec()->set_scheme(usual.scheme);
    variant.mutable_spec()->set_io_type(usual.io_type);
    variant.set_needs_calibration(usual.needs_calibration);
    variant.set_description(usual.description);
  }
  return variants;
}

std::string VariantName(const v1::VariantSpec& variant) {
  if (!variant.name().empty()) return variant.name();
  const UsualVariant* usual = FindUsual(variant);
  return usual == nullptr ? "" : usual->name;
}

std::set<std::string> VariantNames(const v1::OptimizeSpec& spec) {
  // The baseline is there whether it was asked for or not.
  std::set<std::string> names = {"float32"};
  for (const v1::VariantSpec& variant : spec.variants()) names.insert(VariantName(variant));
  if (!spec.all_variants()) return names;
  for (const UsualVariant& usual : kUsualVariants) names.insert(usual.name);
  return names;
}

}  // namespace octavo
