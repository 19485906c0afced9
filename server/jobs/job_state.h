// Which change of a job's state is legal. Nothing else decides it.

#ifndef OCTAVO_SERVER_JOBS_JOB_STATE_H_
#define OCTAVO_SERVER_JOBS_JOB_STATE_H_

#include <string>
#include "octavo/v1/jobs.pb.h"

namespace octavo {

// SUCCEEDED, FAILED or CANCELLED: nothing follows.
bool IsEnded(v1::Job::State state);

bool IsLegalChange(v1::Job::State from, v1::Job::State to);

// "PENDING", as the contract spells it without its prefix.
std::string StateName(v1::Job::State state);

}  // namespace octavo

#endif  // OCTAVO_SERVER_JOBS_JOB_STATE_H_
