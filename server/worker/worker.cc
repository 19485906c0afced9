#include "server/worker/worker.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
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
#include "server/store/random_id.h"
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

// What lies in a folder that somebody writes to meanwhile; 0 where there is none.
int64_t FolderBytes(const std::string& path) {
  int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info;
    if (::lstat(it->path().c_str(), &info) == 0) bytes += int64_t{info.st_blocks} * 512;
  }
  return bytes;
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
      handing_back_ = true;
      for (const auto& active : active_) *active->lease.stop = true;
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
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return leasing_ == 0 && active_.empty();
  }

  void RunSlot(int slot) {
    const std::string name = absl::StrCat(options_.name, "/", slot);
    while (!stopping_.HasBeenNotified() && !queue_.draining()) {
      const absl::StatusOr<std::shared_ptr<ActiveJob>> active = LeaseNext(name);
      if (!active.ok()) {
        LOG(WARNING) << "no job could be leased: " << active.status();
        stopping_.WaitForNotificationWithTimeout(kStoreErrorDelay);
      } else if (*active == nullptr) {
        queue_.WaitForWork(options_.look_interval);
      } else {
        RunActive(*active);
      }
    }
  }

  // Null: there is nothing to do. A slot that leases is not idle: Drain waits for it.
  absl::StatusOr<std::shared_ptr<ActiveJob>> LeaseNext(const std::string& name) {
    {
      const absl::MutexLock lock(&mutex_);
      ++leasing_;
    }
    absl::StatusOr<std::optional<LeasedJob>> lease = queue_.LeaseNextJob(name);
    const absl::MutexLock lock(&mutex_);
    --leasing_;
    RETURN_IF_ERROR(lease.status());
    if (!lease->has_value()) return nullptr;
    auto active = std::make_shared<ActiveJob>();
    active->lease = **std::move(lease);
    active->folder = absl::StrCat(options_.work_folder, "/", IdOf(active->lease.job.name()), "-",
                                  active->lease.attempt);
    if (handing_back_) *active->lease.stop = true;
    active_.insert(active);
    return active;
  }

  void RunActive(const std::shared_ptr<ActiveJob>& active) {
    TellBusy();
    RunJob(queue_, blobs_, options_, *active);
    {
      const absl::MutexLock lock(&mutex_);
      active_.erase(active);
    }
    TellBusy();
  }

  void TellBusy() {
    if (options_.observer.on_busy) options_.observer.on_busy(busy_slots());
  }

  void KeepLeases() {
    const absl::Duration interval = std::min(queue_.lease_duration() / 3, kMaxReapInterval);
    while (!ended_.WaitForNotificationWithTimeout(interval)) {
      std::set<std::shared_ptr<ActiveJob>> active;
      {
        const absl::MutexLock lock(&mutex_);
        active = active_;
      }
      for (const auto& job : active) Keep(*job);
      const auto reaped = queue_.ReapExpiredLeases();
      if (!reaped.ok()) LOG(WARNING) << "leases were not looked through: " << reaped.status();
    }
  }

  void Keep(ActiveJob& active) {
    // The limit on a file stands in the engine's sandbox; none there is on all of them.
    if (FolderBytes(active.folder) > options_.max_artifact_bytes) {
      active.wrote_too_much = true;
      *active.lease.stop = true;
    }
    const absl::Status status = queue_.Renew(active.lease);
    // Lost: the run was told to stop. Or it has just ended.
    if (status.ok() || absl::IsAborted(status)) return;
    LOG(WARNING) << active.lease.job.name() << ": its lease was not renewed: " << status;
  }

  JobQueue& queue_;
  BlobStore& blobs_;
  const WorkerOptions options_;
  absl::Notification stopping_;
  absl::Notification ended_;
  mutable absl::Mutex mutex_;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
  bool handing_back_ ABSL_GUARDED_BY(mutex_) = false;
  // Slots that ask the queue for a job now.
  int leasing_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::shared_ptr<ActiveJob>> active_ ABSL_GUARDED_BY(mutex_);
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
