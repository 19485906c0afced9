// The lock that engines of a host take in turn while they measure latency.

#ifndef OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_
#define OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/base/file.h"

namespace octavo {

// Not below TMPDIR: users have tmp folders of their own, and the processors in common.
inline constexpr char kBenchmarkLockPath[] = "/tmp/octavo-benchmark.lock";

// Opens the host's lock file, made where there is none, for all users. A lock by flock is its open
// file's: open one for each engine, and close it when that engine has ended, or a lock that it held
// stays.
//
// Any error: the file is not to be had, or is a link or no file. Measuring goes on without.
absl::StatusOr<UniqueFd> OpenBenchmarkLock(const std::string& path = kBenchmarkLockPath);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_BENCHMARK_LOCK_H_
