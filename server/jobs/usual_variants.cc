#include "server/jobs/usual_variants.h"

namespace octavo {

const UsualVariant* FindUsual(const v1::VariantSpec& variant) {
  return FindUsual(variant.scheme(), variant.io_type());
}

std::vector<v1::VariantCapability> KnownVariants() {
  std::vector<v1::VariantCapability> variants;
  for (const UsualVariant& usual : UsualVariantTable()) {
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
  std::set<std::string> names = {"float32", std::string(kQuantizedBaseline)};
  for (const v1::VariantSpec& variant : spec.variants()) names.insert(VariantName(variant));
  if (!spec.all_variants()) return names;
  for (const UsualVariant& usual : UsualVariantTable()) {
    if (!usual.only_by_name) names.insert(usual.name);
  }
  return names;
}

}  // namespace octavo
