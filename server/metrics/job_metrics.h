// What a job's course adds to the metrics: called once for each change, where it is committed.

#ifndef OCTAVO_SERVER_METRICS_JOB_METRICS_H_
#define OCTAVO_SERVER_METRICS_JOB_METRICS_H_

#include "absl/time/time.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/report.pb.h"
#include "server/metrics/metrics.h"

namespace octavo {

// A job was leased; its wait is counted with the first attempt only.
void CountJobStart(const v1::Job& job, Metrics& metrics);

// An attempt failed and the job waits for another.
void CountJobRetry(const v1::Attempt& attempt, Metrics& metrics);

// The job is SUCCEEDED, FAILED or CANCELLED; its verdict, error and times are set.
void CountJobEnd(const v1::Job& job, Metrics& metrics);

// A report was committed: its variants and the examples that were used.
void CountReport(const v1::Report& report, Metrics& metrics);

// A running engine left a stage. The scheme is UNSPECIFIED where the stage serves all variants.
void CountStage(v1::Stage stage, v1::Scheme scheme, absl::Duration duration, Metrics& metrics);

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_JOB_METRICS_H_
