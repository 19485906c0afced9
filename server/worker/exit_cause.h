// What an engine's end means: whose fault it was, and what metrics call it.

#ifndef OCTAVO_SERVER_WORKER_EXIT_CAUSE_H_
#define OCTAVO_SERVER_WORKER_EXIT_CAUSE_H_

#include "absl/strings/string_view.h"
#include "core/engine/engine_process.h"
#include "server/jobs/retry_policy.h"

namespace octavo {

// Of an engine that did not succeed. `started`: it had a pid.
FailureKind FailureOf(const EngineExit& exit, bool started);

// "ok", "error", "crash", "oom", "timeout", "killed", "cancelled", "protocol", "start".
absl::string_view CauseOf(const EngineExit& exit, bool started);

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_EXIT_CAUSE_H_
