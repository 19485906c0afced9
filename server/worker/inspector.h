// Looks into uploads before anything depends on them, each in an engine of its own.

#ifndef OCTAVO_SERVER_WORKER_INSPECTOR_H_
#define OCTAVO_SERVER_WORKER_INSPECTOR_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "octavo/engine/v1/engine.pb.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"
#include "server/blobs/blob_store.h"

namespace octavo {

struct InspectorOptions {
  std::string engine_program;
  // Engines at once; further calls wait at most `max_wait` and then are RESOURCE_EXHAUSTED
  // (INSPECTOR_BUSY).
  int max_concurrent = 2;
  absl::Duration max_wait = absl::Seconds(30);
  absl::Duration time_limit = absl::Seconds(5);
  int64_t memory_limit_bytes = int64_t{512} << 20;
  // Of Validate, which reads all examples, in as many threads as there are processors, and so runs
  // one at a time. What is too costly to validate is for the job itself to find out.
  absl::Duration validate_time_limit = absl::Minutes(2);
  int64_t validate_memory_limit_bytes = int64_t{4} << 30;
  bool require_sandbox = false;
  // For metrics: "inspect" or "validate", and the most memory that the engine had. Quick.
  std::function<void(absl::string_view work, int64_t peak_memory_bytes)> on_exit;
};

// The data of a job to be validated: digests of blobs, empty where it has none.
struct ValidateInputs {
  std::string model_digest;
  std::string calibration_digest;
  std::string evaluation_digest;
};

// Thread-safe; calls block. Each returns what the engine found, or why the file cannot be used: a
// status as the engine gave it (INVALID_ARGUMENT, FAILED_PRECONDITION, ...). INVALID_ARGUMENT
// (INSPECTION_CRASHED, INSPECTION_TOO_COSTLY): the engine crashed on the file or went over a limit,
// or told more than 1 MiB of it.
// Errors that say nothing of the file: UNAVAILABLE (ENGINE_UNAVAILABLE), RESOURCE_EXHAUSTED
// (INSPECTOR_BUSY) and those of the blob store: nothing was learned, try again. FAILED_PRECONDITION
// (BLOB_MISSING): its bytes are lost.
class Inspector {
 public:
  Inspector(BlobStore& blobs, InspectorOptions options);

  absl::StatusOr<v1::ModelInfo> InspectModel(absl::string_view digest,
                                             absl::string_view display_name);
  absl::StatusOr<v1::DatasetInfo> InspectDataset(absl::string_view digest,
                                                 absl::string_view display_name);
  // The report holds the settled spec, the data sets as used and the variants.
  absl::StatusOr<v1::Report> Validate(const v1::OptimizeSpec& spec, const ValidateInputs& inputs);

  // Ends what runs and what waits, and all that comes after: UNAVAILABLE (DRAINING). Returns at
  // once.
  void Stop();

  // Whether an error says that the file is wrong, so that it is REJECTED, and not that nothing was
  // learned.
  static bool IsVerdict(const absl::Status& error);

 private:
  absl::StatusOr<engine::v1::EngineResult> Run(engine::v1::EngineRequest request,
                                               const ValidateInputs& inputs,
                                               absl::Duration time_limit,
                                               int64_t memory_limit_bytes);

  BlobStore& blobs_;
  const InspectorOptions options_;
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> stopping_ = false;
  bool validating_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_INSPECTOR_H_
