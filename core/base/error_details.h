// Details of a status beside its reason (error_reason.h): which limit was met, what must hold
// first.

#ifndef OCTAVO_CORE_BASE_ERROR_DETAILS_H_
#define OCTAVO_CORE_BASE_ERROR_DETAILS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace octavo {

// `status` with a google.rpc.QuotaFailure of one violation: `subject` is whose limit it is, as
// "server". Keeps its other payloads; its message becomes the description.
absl::Status WithQuotaFailure(absl::Status status, absl::string_view subject);

// `status` with a google.rpc.PreconditionFailure of one violation: its type, as "MISSING", and what
// it is about. Keeps its other payloads; its message becomes the description.
absl::Status WithPreconditionFailure(absl::Status status, absl::string_view type,
                                     absl::string_view subject);

// `status` with one entry more in the metadata of its google.rpc.ErrorInfo. As it was where there
// is none.
absl::Status WithMetadata(absl::Status status, const std::string& key, absl::string_view value);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_ERROR_DETAILS_H_
