#include "server/api/watch_stream.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status_macros.h"
#include "server/api/call.h"
#include "server/api/field_checks.h"
#include "server/api/grpc_status.h"
#include "server/api/unary.h"

namespace octavo {
namespace {

constexpr char kMethod[] = "/octavo.v1.JobService/WatchJob";

// A step is a task on the pool or a write; one at a time, and `stepping_` says that there is one.
// Changes that come meanwhile set `changed_`, so that another step follows. Whoever finds no step
// under way starts it.
class WatchStream : public grpc::ServerWriteReactor<v1::WatchJobResponse> {
 public:
  WatchStream(ApiContext& api, grpc::CallbackServerContext* context,
              const v1::WatchJobRequest& request)
      : api_(api),
        name_(request.name()),
        last_number_(request.after_number()),
        call_(kMethod, *context, api.metrics, api.log),
        place_(api.streams.Take()) {
    if (!place_.taken() || !api_.io.TryRun([this] { Begin(); })) End(OverloadedError());
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Continue([this] { End(absl::CancelledError("the client went away")); });
    Continue([this] { Step(); });
  }

  void OnCancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    OnChange();
  }

  // Not at once: the subscription's end waits for a callback that may be running on this thread.
  void OnDone() override {
    Continue([this] { delete this; });
  }

 private:
  void Continue(std::function<void()> task) { api_.io.Continue(std::move(task)); }

  void Begin() {
    call_.Note("job", name_);
    FieldErrors errors;
    CheckName("name", name_, "jobs", errors);
    errors.Check(last_number_ >= 0, "after_number", "is negative");
    if (!errors.empty()) return End(errors.ToStatus());
    // Before the first look, so that no change falls between.
    subscription_ = api_.queue.Subscribe(name_, [this] { OnChange(); });
    if (absl::Status status = AddSnapshot(); !status.ok()) return End(status);
    Step();
  }

  // On any thread, also on one that holds the queue's locks: only starts a step.
  void OnChange() {
    {
      absl::MutexLock lock(&mutex_);
      changed_ = true;
      if (std::exchange(stepping_, true)) return;
    }
    Continue([this] { Step(); });
  }

  // Sends the next message; where there is none, looks for news; where there are none, rests.
  void Step() {
    while (true) {
      if (Cancelled()) return End(absl::CancelledError("the client went away"));
      if (!outbox_.empty()) return SendNext();
      if (job_ended_) return End(absl::OkStatus());
      if (api_.queue.draining()) return End(DrainingError());
      if (Rest()) return;
      if (absl::Status status = FetchUpdates(); !status.ok()) return End(status);
    }
  }

  bool Cancelled() {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

  // False: something changed since the last look.
  bool Rest() {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(changed_, false)) return false;
    stepping_ = false;
    return true;
  }

  void SendNext() {
    message_ = std::move(outbox_.front());
    outbox_.pop_front();
    StartWrite(&message_);
  }

  absl::Status AddSnapshot() {
    absl::StatusOr<v1::Job> job = api_.queue.Get(name_);
    RETURN_IF_ERROR(WithResource(job.status(), name_));
    *outbox_.emplace_back().mutable_snapshot() = *std::move(job);
    return absl::OkStatus();
  }

  absl::Status FetchUpdates() {
    absl::StatusOr<JobUpdates> updates = api_.queue.UpdatesAfter(name_, last_number_);
    RETURN_IF_ERROR(WithResource(updates.status(), name_));
    for (v1::JobEvent& event : updates->events) {
      last_number_ = event.number();
      *outbox_.emplace_back().mutable_event() = std::move(event);
    }
    if (updates->ended) {
      job_ended_ = true;
      return AddSnapshot();
    }
    if (updates->progress) AddProgress(*std::move(updates->progress));
    // There may be more events than one call gives.
    if (!updates->events.empty()) SetChanged();
    return absl::OkStatus();
  }

  // A percentage that was sent before, or is older than the events before it, says nothing.
  void AddProgress(v1::JobEvent event) {
    std::string progress = event.progress().SerializeAsString();
    if (event.number() < last_number_ || progress == last_progress_) return;
    last_progress_ = std::move(progress);
    *outbox_.emplace_back().mutable_event() = std::move(event);
  }

  void SetChanged() {
    absl::MutexLock lock(&mutex_);
    changed_ = true;
  }

  // `stepping_` stays: no step follows.
  void End(const absl::Status& status) {
    // Before the client may begin another.
    place_.GiveBack();
    Finish(call_.End(status));
  }

  ApiContext& api_;
  const std::string name_;
  // Of the last event that was put into the outbox.
  int64_t last_number_;
  Call call_;
  StreamLimit::Place place_;
  std::deque<v1::WatchJobResponse> outbox_;
  v1::WatchJobResponse message_;
  std::string last_progress_;
  bool job_ended_ = false;

  absl::Mutex mutex_;
  bool stepping_ ABSL_GUARDED_BY(mutex_) = true;
  bool changed_ ABSL_GUARDED_BY(mutex_) = true;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: it ends first, and its callback uses the others.
  std::unique_ptr<JobSubscription> subscription_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchJobResponse>* NewWatchStream(ApiContext& api,
                                                               grpc::CallbackServerContext* context,
                                                               const v1::WatchJobRequest& request) {
  return new WatchStream(api, context, request);
}

}  // namespace octavo
