// One attempt at a job: from its lease to its commit.

#ifndef OCTAVO_SERVER_WORKER_JOB_RUN_H_
#define OCTAVO_SERVER_WORKER_JOB_RUN_H_

#include <atomic>
#include <string>

#include "server/blobs/blob_store.h"
#include "server/jobs/job_queue.h"
#include "server/worker/worker.h"

namespace octavo {

// A leased job, and what those who watch it say to the slot that runs it.
struct ActiveJob {
  LeasedJob lease;
  // Where its engine writes; made and deleted by RunJob.
  std::string folder;
  // There is more in the folder than a job may write. Set before `lease.stop` is.
  std::atomic<bool> wrote_too_much = false;
};

// Runs the engine on a leased job, stores what it made and tells the queue how it ended. Blocks;
// what goes wrong ends in the queue, or, where that is not to be had, in the log: then the lease
// runs out.
void RunJob(JobQueue& queue, BlobStore& blobs, const WorkerOptions& options,
            const ActiveJob& active);

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_JOB_RUN_H_
