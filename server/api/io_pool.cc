#include "server/api/io_pool.h"

#include <utility>

namespace octavo {

IoPool::IoPool(int num_threads, int max_queued) : max_queued_(max_queued) {
  for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { RunTasks(); });
}

IoPool::~IoPool() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool IoPool::TryRun(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  if (tasks_.size() >= max_queued_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void IoPool::Continue(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

void IoPool::RunTasks() {
  const auto has_work_or_ends = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return ending_ || !tasks_.empty();
  };
  while (true) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&has_work_or_ends));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace octavo
