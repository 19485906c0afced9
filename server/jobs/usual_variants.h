// The variants that there are, and the names that they go by.

#ifndef OCTAVO_SERVER_JOBS_USUAL_VARIANTS_H_
#define OCTAVO_SERVER_JOBS_USUAL_VARIANTS_H_

#include <set>
#include <string>
#include <vector>

#include "core/base/usual_variants.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// The one of this scheme and I/O type; null where there is none.
const UsualVariant* FindUsual(const v1::VariantSpec& variant);

// All of them.
std::vector<v1::VariantCapability> KnownVariants();

// The name that a variant goes by: its own, or the usual one of its scheme and I/O type; empty
// where there is none.
std::string VariantName(const v1::VariantSpec& variant);

// The names of every variant that an engine may tell of in a job of this spec.
std::set<std::string> VariantNames(const v1::OptimizeSpec& spec);

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_USUAL_VARIANTS_H_
