// The page that Prometheus scrapes.

#ifndef OCTAVO_SERVER_METRICS_METRICS_ENDPOINT_H_
#define OCTAVO_SERVER_METRICS_METRICS_ENDPOINT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "prometheus/exposer.h"
#include "server/metrics/metrics.h"

namespace octavo {

// Serves http://ADDRESS/metrics until it is destroyed. Thread-safe.
class MetricsEndpoint {
 public:
  // `refresh` sets the gauges that are read from the store; it is called before each scrape, on the
  // endpoint's threads, one call at a time. Port 0 picks one. UNAVAILABLE: the address is taken or
  // none of this host's.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const std::string& address,
                                                                const Metrics& metrics,
                                                                std::function<void()> refresh);

  ~MetricsEndpoint();

  int port() const { return exposer_->GetListeningPorts().front(); }

 private:
  MetricsEndpoint() = default;

  std::shared_ptr<prometheus::Collectable> store_gauges_;
  std::shared_ptr<prometheus::Collectable> process_;
  // Last: it ends first, and its threads use the others.
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_METRICS_ENDPOINT_H_
