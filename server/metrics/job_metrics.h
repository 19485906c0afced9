// What a job's course adds to the metrics: called once for each change, when it is committed.

#ifndef OCTAVO_SERVER_METRICS_JOB_METRICS_H_
#define OCTAVO_SERVER_METRICS_JOB_METRICS_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/report.pb.h"
#include "server/metrics/metrics.h"

namespace octavo {

// The job is SUCCEEDED, FAILED or CANCELLED; its verdict, error and times are set.
void CountJobEnd(const v1::Job& job, bool quarantined, Metrics& metrics);

// A job made a report: its calibration set, and each variant that was finished, failed or skipped.
void CountReport(const v1::Report& report, Metrics& metrics);

// An engine left a stage. `variant` is a variant's usual name, such as "int8-uint8io"; empty where
// the stage serves all.
void CountStage(v1::Stage stage, absl::string_view variant, absl::Duration duration,
                Metrics& metrics);

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_JOB_METRICS_H_
