// What the kernel says of this process, under the names that every Prometheus client library gives
// it.

#ifndef OCTAVO_SERVER_METRICS_PROCESS_METRICS_H_
#define OCTAVO_SERVER_METRICS_PROCESS_METRICS_H_

#include <vector>

#include "prometheus/collectable.h"

namespace octavo {

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
// process_start_time_seconds; read at each scrape. Thread-safe.
class ProcessMetrics : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_PROCESS_METRICS_H_
