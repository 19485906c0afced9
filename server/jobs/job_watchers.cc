#include "server/jobs/job_watchers.h"

#include <memory>
#include <utility>
#include <vector>

namespace octavo {
namespace {

template <typename Watchers>
void CallAll(const Watchers& watchers) {
  for (const auto& watcher : watchers) {
    const absl::MutexLock lock(&watcher->mutex);
    if (watcher->on_change) watcher->on_change();
  }
}

}  // namespace

class JobWatchers::Subscription final : public JobSubscription {
 public:
  Subscription(std::shared_ptr<JobWatchers> watchers, WatcherMap::iterator watcher)
      : watchers_(std::move(watchers)), watcher_(watcher) {}
  ~Subscription() override { watchers_->Remove(watcher_); }

 private:
  const std::shared_ptr<JobWatchers> watchers_;
  const WatcherMap::iterator watcher_;
};

std::unique_ptr<JobSubscription> JobWatchers::Subscribe(absl::string_view job,
                                                        std::function<void()> on_change) {
  auto watcher = std::make_shared<Watcher>();
  {
    const absl::MutexLock lock(&watcher->mutex);
    watcher->on_change = std::move(on_change);
  }
  const absl::MutexLock lock(&mutex_);
  const auto position = watchers_.emplace(std::string(job), std::move(watcher));
  return std::make_unique<Subscription>(shared_from_this(), position);
}

void JobWatchers::Remove(WatcherMap::iterator position) {
  std::shared_ptr<Watcher> watcher;
  {
    const absl::MutexLock lock(&mutex_);
    watcher = position->second;
    watchers_.erase(position);
  }
  const absl::MutexLock lock(&watcher->mutex);
  watcher->on_change = nullptr;
}

void JobWatchers::Notify(absl::string_view job) {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    const absl::MutexLock lock(&mutex_);
    const auto [begin, end] = watchers_.equal_range(job);
    for (auto it = begin; it != end; ++it) watchers.push_back(it->second);
  }
  CallAll(watchers);
}

void JobWatchers::NotifyAll() {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    const absl::MutexLock lock(&mutex_);
    for (const auto& [job, watcher] : watchers_) watchers.push_back(watcher);
  }
  CallAll(watchers);
}

}  // namespace octavo
