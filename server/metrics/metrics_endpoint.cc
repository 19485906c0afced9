#include "server/metrics/metrics_endpoint.h"

#include <exception>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/metrics/process_metrics.h"

namespace octavo {
namespace {

// The registry, with its gauges brought up to date first.
class RefreshedRegistry : public prometheus::Collectable {
 public:
  RefreshedRegistry(std::shared_ptr<prometheus::Registry> registry, std::function<void()> refresh)
      : registry_(std::move(registry)), refresh_(std::move(refresh)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    absl::MutexLock lock(&mutex_);
    refresh_();
    return registry_->Collect();
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<prometheus::Registry> registry_;
  std::function<void()> refresh_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const std::string& address, const Metrics& metrics, std::function<void()> refresh) {
  std::unique_ptr<MetricsEndpoint> endpoint(new MetricsEndpoint());
  try {
    endpoint->exposer_ = std::make_unique<prometheus::Exposer>(address, /*num_threads=*/2);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("metrics on ", address, ": ", error.what()));
  }
  endpoint->store_gauges_ =
      std::make_shared<RefreshedRegistry>(metrics.registry, std::move(refresh));
  endpoint->process_ = std::make_shared<ProcessMetrics>();
  endpoint->exposer_->RegisterCollectable(endpoint->store_gauges_);
  endpoint->exposer_->RegisterCollectable(endpoint->process_);
  return endpoint;
}

}  // namespace octavo
