// What can be said against a job's spec without looking at a file.

#ifndef OCTAVO_SERVER_API_SPEC_CHECK_H_
#define OCTAVO_SERVER_API_SPEC_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// The variants that there are, by their usual names.
std::vector<v1::VariantCapability> KnownVariants();

// The name that a variant goes by: its own, or the usual one of its scheme and I/O type; empty
// where there is none.
std::string VariantName(const v1::VariantSpec& variant);

// INVALID_ARGUMENT (FIELD_INVALID) with a violation for each field that is wrong in itself or
// contradicts another: names that are none, unknown variants and enum values, repeated names, a
// static scheme without a calibration set, numbers out of range. What depends on the model and the
// data is for the engine to say.
absl::Status CheckCreateJob(const v1::CreateJobRequest& request);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_SPEC_CHECK_H_
