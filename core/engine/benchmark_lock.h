// The lock that engines of a host take in turn while they measure latency.

#ifndef OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_
#define OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_

#include "absl/status/statusor.h"
#include "core/base/file.h"

namespace octavo {

// Opens the host's lock file, made where there is none, for all users. A lock by flock is its open
// file's: open one for each engine, and close it when that engine has ended, or a lock that it held
// stays.
//
// PERMISSION_DENIED, INTERNAL: the file is not to be had, or is none. Measuring goes on without.
absl::StatusOr<UniqueFd> OpenBenchmarkLock();

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_
