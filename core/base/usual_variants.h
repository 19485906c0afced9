// The variants that there are: scheme, I/O type, and the names that they go by everywhere.

#ifndef OCTAVO_CORE_BASE_USUAL_VARIANTS_H_
#define OCTAVO_CORE_BASE_USUAL_VARIANTS_H_

#include <span>

#include "absl/strings/string_view.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct UsualVariant {
  const char* name;
  v1::Scheme scheme;
  v1::IoType io_type;
  bool needs_calibration;
  const char* description;
  bool only_by_name = false;  // not one of all_variants
};

// The baseline of a model that is quantized already, which no row is: SCHEME_FLOAT32, as it came.
inline constexpr absl::string_view kQuantizedBaseline = "original";

// All of them, float32 first.
std::span<const UsualVariant> UsualVariantTable();

// The one of this scheme and I/O type (none is float32), or of this name; null where there is none.
const UsualVariant* FindUsual(v1::Scheme scheme, v1::IoType io_type);
const UsualVariant* FindUsual(absl::string_view name);

// Whether `name` is that of a row of the table, or of the baseline, and not of this variant.
bool IsNameOfAnother(absl::string_view name, v1::Scheme scheme, v1::IoType io_type);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_USUAL_VARIANTS_H_
