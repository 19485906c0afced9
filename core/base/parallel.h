// A loop spread over threads.

#ifndef OCTAVO_CORE_BASE_PARALLEL_H_
#define OCTAVO_CORE_BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace octavo {

// Calls body(index) for each index in [0, count) on at most `num_threads` threads, the caller's
// among them, and returns the error of the smallest failing index: the same one whatever the number
// of threads. No new index is begun after a failure.
absl::Status ParallelFor(int num_threads, int64_t count,
                         absl::FunctionRef<absl::Status(int64_t index)> body);

// As many threads as there are processors that this process may use; at least 1.
int NumProcessors();

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_PARALLEL_H_
