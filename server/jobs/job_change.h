// A job that is being changed: the record, and the events that tell of it.

#ifndef OCTAVO_SERVER_JOBS_JOB_CHANGE_H_
#define OCTAVO_SERVER_JOBS_JOB_CHANGE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "octavo/v1/jobs.pb.h"
#include "server/store/metadata_store.h"

namespace octavo {

// Not thread-safe: a transaction's.
class JobChange {
 public:
  JobChange(JobRecord record, absl::Time now);

  JobRecord& record() { return record_; }
  v1::Job& job() { return record_.job; }

  // With the next number and the time; what happened is for the caller to fill in.
  v1::JobEvent& AddEvent();

  // Changes the state, tells of it in an event, and ends the lease unless the job now runs.
  // INTERNAL: no such change is legal.
  absl::Status EnterState(v1::Job::State state);

  // The record and its new events.
  absl::Status Save(StoreWriter& writer) const;

 private:
  JobRecord record_;
  const absl::Time now_;
  std::vector<v1::JobEvent> events_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_JOB_CHANGE_H_
