// What a failed job says of its failure.

#ifndef OCTAVO_SERVER_JOBS_FAILURE_MESSAGE_H_
#define OCTAVO_SERVER_JOBS_FAILURE_MESSAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace octavo {

// `error` with the last 50 of an engine's lines in a google.rpc.DebugInfo. The lines are hostile:
// only what is safe in a message and on a terminal is kept of them, and at most 500 bytes of each.
google::rpc::Status FailureMessage(const absl::Status& error,
                                   const std::vector<std::string>& last_lines);

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_FAILURE_MESSAGE_H_
