// Statuses that say more than a code: a machine-readable reason (google.rpc.ErrorInfo) and the
// fields that are wrong (google.rpc.BadRequest), carried as payloads until the border, where they
// become gRPC's details.

#ifndef OCTAVO_CORE_BASE_ERROR_REASON_H_
#define OCTAVO_CORE_BASE_ERROR_REASON_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace google::rpc {
class Status;
}

namespace octavo {

// `status` with an ErrorInfo{reason, domain "octavo", metadata}. Keeps its other payloads.
absl::Status WithReason(absl::Status status, absl::string_view reason,
                        const std::map<std::string, std::string>& metadata = {});

// INVALID_ARGUMENT, FIELD_INVALID: "`field`: `problem`", with a field violation.
absl::Status FieldError(absl::string_view field, absl::string_view problem);

// `status` with a google.rpc.RetryInfo: not before `delay`. Keeps its other payloads.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// The reason that WithReason gave; empty where there is none.
std::string ReasonOf(const absl::Status& status);

// To and from the message; payloads become details and come back. An unknown code becomes UNKNOWN.
google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_ERROR_REASON_H_
