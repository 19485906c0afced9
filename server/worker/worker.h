// The workers: each slot leases a job, runs the engine on it in a child process and stores what it
// made.

#ifndef OCTAVO_SERVER_WORKER_WORKER_H_
#define OCTAVO_SERVER_WORKER_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/engine/statistics_cache.h"
#include "octavo/v1/jobs.pb.h"
#include "server/blobs/blob_store.h"
#include "server/jobs/job_queue.h"

namespace octavo {

// What happens in workers, for metrics. Called from the slots' threads; quick.
struct WorkerObserver {
  // How an engine ended: "ok", "error", "crash", "oom", "timeout", "killed", "cancelled",
  // "protocol", "start".
  std::function<void(absl::string_view cause, int64_t peak_memory_bytes)> on_exit;
  // A stage's wall time, with the variant's name or empty.
  std::function<void(v1::Stage stage, absl::string_view variant, absl::Duration)> on_stage;
  // Slots that run a job now.
  std::function<void(int busy)> on_busy;
};

struct WorkerOptions {
  // In attempts: usually the host's name.
  std::string name = "worker";
  int slots = 1;
  // Where engines write before their files become blobs; emptied at the start.
  std::string work_folder;
  // Empty: `octavo-engine` beside this program.
  std::string engine_program;
  // Threads that a job gets where its spec does not say. 0: all processors.
  int num_threads = 0;
  // Of an engine.
  int64_t memory_limit_bytes = int64_t{4} << 30;
  absl::Duration cpu_limit = absl::Hours(4);
  absl::Duration time_limit = absl::Hours(2);
  int64_t file_limit_bytes = int64_t{2} << 30;
  // Of a job.
  int max_artifacts = 100;
  int64_t max_artifact_bytes = int64_t{8} << 30;
  // Engines of the host take turns where they measure latency.
  bool use_benchmark_lock = true;
  bool require_sandbox = false;
  // Nothing: every job calibrates for itself.
  std::optional<StatisticsCache> statistics_cache;
  // A retry whose time has come is found at most so much later.
  absl::Duration look_interval = absl::Seconds(1);
  WorkerObserver observer;
};

// Thread-safe.
class Worker {
 public:
  // Starts `options.slots` threads and one that renews and reaps leases. The queue and the store
  // must outlive it.
  static absl::StatusOr<std::unique_ptr<Worker>> Start(JobQueue& queue, BlobStore& blobs,
                                                       WorkerOptions options);
  virtual ~Worker() = default;  // Drains without grace.

  // Leases nothing more, gives running jobs `grace` to end, hands the others back and joins all
  // threads. The queue should be draining already. Blocks.
  virtual void Drain(absl::Duration grace) = 0;
  virtual int busy_slots() const = 0;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_WORKER_H_
