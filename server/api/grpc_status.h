// absl::Status <-> grpc::Status: the one place where errors leave and enter.

#ifndef OCTAVO_SERVER_API_GRPC_STATUS_H_
#define OCTAVO_SERVER_API_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace octavo {

// Trailing metadata of more than 8 KiB breaks clients, and base64 makes 4 of 3 bytes.
inline constexpr size_t kMaxDetailBytes = 4096;
inline constexpr size_t kMaxMessageBytes = 1024;

// Payloads become google.rpc details (a google.rpc.Status in error_details), every error with an
// ErrorInfo: a status without a reason gets its code's name. What does not fit in kMaxDetailBytes
// is left out, the least needed first. An error that only the server's operator can understand
// (INTERNAL, UNKNOWN, PERMISSION_DENIED) keeps its code and loses its message, which may name
// paths: the log has it, under `request_id`.
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

// The other way; payloads come back.
absl::Status FromGrpcStatus(const grpc::Status& status);

// `status` with a ResourceInfo if it is NOT_FOUND: "jobs/x" is none of ours.
absl::Status WithResource(absl::Status status, absl::string_view name);

// "NOT_FOUND".
absl::string_view CodeName(absl::StatusCode code);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_GRPC_STATUS_H_
