// Every metric of the server, in one struct.
//
// Names begin with octavo_, but for grpc_server_* and process_*. Seconds and bytes. No label holds
// a job, a model, a digest or anything else that a client chooses.

#ifndef OCTAVO_SERVER_METRICS_METRICS_H_
#define OCTAVO_SERVER_METRICS_METRICS_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "prometheus/registry.h"
#include "server/metrics/metric_family.h"

namespace octavo {

// Beside each: its dimensions, in the order of At()'s arguments. Thread-safe. Outlives whoever
// counts with it.
struct Metrics {
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  std::shared_ptr<prometheus::Registry> registry;

  // A method is its path, "/octavo.v1.JobService/CreateJob".
  Counters grpc_started;     // method
  Counters grpc_handled;     // method, code ("OK", "NOT_FOUND")
  Histograms grpc_handling;  // seconds; method
  Gauges grpc_in_flight;     // method

  Counters upload_bytes;       // kind: model, dataset
  Counters download_bytes;     // kind: artifact
  Histograms upload_duration;  // seconds of one stream; kind; outcome: complete, paused, failed
  Histograms upload_size;      // bytes of a complete upload; kind
  Gauges uploads_open;         // set at scrape
  Counters upload_resumes;
  Counters upload_rejected;  // reason of the error: "DIGEST_MISMATCH"

  Counters jobs_submitted;
  Counters jobs_refused;      // by CreateJob; reason of the error
  Counters jobs_finished;     // outcome; reason_class: see job_metrics.h
  Gauges jobs;                // state: pending, running, succeeded, failed, cancelled; at scrape
  Gauges queue_depth;         // set at scrape
  Gauges queue_oldest_age;    // seconds; set at scrape
  Histograms job_wait;        // seconds from creation to the first lease
  Histograms job_duration;    // seconds from the first lease to the end; outcome
  Histograms stage_duration;  // seconds; stage; scheme ("none": the stage serves all variants)
  Counters job_retries;       // reason of the attempt's error
  Counters lease_expired;

  Counters variants;                 // scheme; verdict: succeeded, failed, skipped
  Histograms variant_drop;           // percentage points; scheme
  Histograms variant_size_ratio;     // scheme
  Histograms variant_latency_ratio;  // scheme
  Counters calibration_examples;
  Counters evaluation_examples;

  Gauges workers;         // state: idle, busy
  Counters worker_exits;  // of engines; cause: ok, error, crash, oom, timeout, killed, cancelled,
                          // protocol, start
  Histograms worker_max_rss;  // bytes; work: optimize, inspect, validate

  Histograms store_op;      // seconds, of blobs; op: put, open, touch, delete, list
  Counters store_errors;    // op; code ("DATA_LOSS")
  Gauges store_free_bytes;  // of the volume; set at scrape
  Histograms db_tx;         // seconds; op: read, write
  Counters db_errors;       // UNAVAILABLE and DATA_LOSS; op
  Gauges db_wal_bytes;      // set at scrape

  Gauges draining;  // 1 from SIGTERM on

  // The one series of build_info, once its values are known.
  void SetBuildInfo(absl::string_view version, absl::string_view isa);
};

// Adds the time from its making to its end to a histogram, seconds.
class ScopedTimer {
 public:
  explicit ScopedTimer(prometheus::Histogram& histogram)
      : histogram_(histogram), start_(absl::Now()) {}
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;
  ~ScopedTimer() { histogram_.Observe(absl::ToDoubleSeconds(absl::Now() - start_)); }

 private:
  prometheus::Histogram& histogram_;
  absl::Time start_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_METRICS_H_
