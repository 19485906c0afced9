#include "server/metrics/metrics_endpoint.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/file.h"
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

// Connects to a port of this host and hangs up.
void Knock(int port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Whether it comes through is all one: it wakes whoever waits in accept.
  static_cast<void>(
      // NOLINTNEXTLINE(bugprone-unused-return-value)
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

}  // namespace

// The exposer's thread looks only every two seconds whether it is to end, unless somebody knocks.
MetricsEndpoint::~MetricsEndpoint() {
  if (exposer_ == nullptr) return;
  const int port = this->port();
  std::atomic<bool> ended = false;
  std::thread knocker([&] {
    while (!ended) {
      Knock(port);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  exposer_.reset();
  ended = true;
  knocker.join();
}

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
