// One attempt at a job: from its lease to its commit.

#ifndef OCTAVO_SERVER_WORKER_JOB_RUN_H_
#define OCTAVO_SERVER_WORKER_JOB_RUN_H_

#include "server/blobs/blob_store.h"
#include "server/jobs/job_queue.h"
#include "server/worker/worker.h"

namespace octavo {

// Runs the engine on a leased job, stores what it made and tells the queue how it ended. Blocks;
// what goes wrong ends in the queue, or, where that is not to be had, in the log: then the lease
// runs out.
void RunJob(JobQueue& queue, BlobStore& blobs, const WorkerOptions& options,
            const LeasedJob& lease);

}  // namespace octavo

#endif  // OCTAVO_SERVER_WORKER_JOB_RUN_H_
