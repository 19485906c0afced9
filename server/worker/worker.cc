#include "server/worker/worker.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "server/worker/job_run.h"

namespace octavo {
namespace {

constexpr absl::Duration kStoreErrorDelay = absl::Seconds(2);
constexpr absl::Duration kMaxReapInterval = absl::Seconds(5);

// What an earlier server's engines left.
absl::Status EmptyFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error) std::filesystem::create_directories(path, error);
  if (error) {
    return absl::InternalError(absl::StrCat("emptying the work folder: ", error.message()));
  }
  if (::chmod(path.c_str(), 0700) != 0) return ErrnoStatus(errno, "the work folder");
  return absl::OkStatus();
}

class SlotWorker final : public Worker {
 public:
  SlotWorker(JobQueue& queue, BlobStore& blobs, WorkerOptions options)
      : queue_(queue), blobs_(blobs), options_(std::move(options)) {}

  ~SlotWorker() override { Drain(absl::ZeroDuration()); }

  void Begin() {
    for (int slot = 0; slot < options_.slots; ++slot) {
      slots_.emplace_back([this, slot] { RunSlot(slot); });
    }
    keeper_ = std::thread([this] { KeepLeases(); });
  }

  void Drain(absl::Duration grace) override {
    {
      const absl::MutexLock lock(&mutex_);
      if (drained_) return;
      drained_ = true;
    }
    if (!stopping_.HasBeenNotified()) stopping_.Notify();
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &SlotWorker::IsIdle), grace);
      for (const auto& [token, lease] : active_) *lease->stop = true;
    }
    for (std::thread& slot : slots_) slot.join();
    ended_.Notify();
    keeper_.join();
  }

  int busy_slots() const override {
    const absl::MutexLock lock(&mutex_);
    return static_cast<int>(active_.size());
  }

 private:
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return active_.empty(); }

  void RunSlot(int slot) {
    const std::string name = absl::StrCat(options_.name, "/", slot);
    while (!stopping_.HasBeenNotified() && !queue_.draining()) {
      auto lease = queue_.LeaseNextJob(name);
      if (!lease.ok()) {
        LOG(WARNING) << "no job could be leased: " << lease.status();
        stopping_.WaitForNotificationWithTimeout(kStoreErrorDelay);
      } else if (!lease->has_value()) {
        queue_.WaitForWork(options_.look_interval);
      } else {
        RunLeased(std::make_shared<const LeasedJob>(**std::move(lease)));
      }
    }
  }

  void RunLeased(const std::shared_ptr<const LeasedJob>& lease) {
    {
      const absl::MutexLock lock(&mutex_);
      active_[lease->token] = lease;
      // Leased while draining began: handed back at once.
      if (drained_) *lease->stop = true;
    }
    TellBusy();
    RunJob(queue_, blobs_, options_, *lease);
    {
      const absl::MutexLock lock(&mutex_);
      active_.erase(lease->token);
    }
    TellBusy();
  }

  void TellBusy() {
    if (options_.observer.on_busy) options_.observer.on_busy(busy_slots());
  }

  void KeepLeases() {
    const absl::Duration interval = std::min(queue_.lease_duration() / 3, kMaxReapInterval);
    while (!ended_.WaitForNotificationWithTimeout(interval)) {
      std::vector<std::shared_ptr<const LeasedJob>> leases;
      {
        const absl::MutexLock lock(&mutex_);
        for (const auto& [token, lease] : active_) leases.push_back(lease);
      }
      for (const auto& lease : leases) {
        const absl::Status status = queue_.Renew(*lease);
        // Lost: the run was told to stop. Or it has just ended.
        if (!status.ok() && !absl::IsAborted(status)) {
          LOG(WARNING) << lease->job.name() << ": its lease was not renewed: " << status;
        }
      }
      const auto reaped = queue_.ReapExpiredLeases();
      if (!reaped.ok()) LOG(WARNING) << "leases were not looked through: " << reaped.status();
    }
  }

  JobQueue& queue_;
  BlobStore& blobs_;
  const WorkerOptions options_;
  absl::Notification stopping_;
  absl::Notification ended_;
  mutable absl::Mutex mutex_;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
  // By token.
  std::map<std::string, std::shared_ptr<const LeasedJob>> active_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> slots_;
  std::thread keeper_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(JobQueue& queue, BlobStore& blobs,
                                                      WorkerOptions options) {
  RETURN_IF_ERROR(EmptyFolder(options.work_folder));
  auto worker = std::make_unique<SlotWorker>(queue, blobs, std::move(options));
  worker->Begin();
  return worker;
}

}  // namespace octavo
