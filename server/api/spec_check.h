// What can be said against a job's spec without looking at a file.

#ifndef OCTAVO_SERVER_API_SPEC_CHECK_H_
#define OCTAVO_SERVER_API_SPEC_CHECK_H_

#include "absl/status/status.h"
#include "octavo/v1/jobs.pb.h"

namespace octavo {

// INVALID_ARGUMENT (FIELD_INVALID) with a violation for each field that is wrong in itself or
// contradicts another: names that are none, unknown variants and enum values, repeated names,
// numbers out of range, a spec of more than 1 MiB. What depends on the model and the data
// (NO_CALIBRATION too: some models need none) is for the engine to say; what the engine says of a
// spec alone is said here in the same way.
absl::Status CheckCreateJob(const v1::CreateJobRequest& request);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_SPEC_CHECK_H_
