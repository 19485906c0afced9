// Watching: events by number, so that a broken stream goes on where it ended.

#include <algorithm>

#include "client/connection.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

bool HasEnded(const v1::Job& job) {
  return job.state() == v1::Job::STATE_SUCCEEDED || job.state() == v1::Job::STATE_FAILED ||
         job.state() == v1::Job::STATE_CANCELLED;
}

}  // namespace

absl::StatusOr<v1::Job> Watch(Connection& connection, const std::string& name,
                              const std::function<bool(const v1::JobEvent&)>& on_event) {
  Backoff backoff = connection.NewBackoff();
  v1::WatchJobRequest request;
  request.set_name(name);
  while (true) {
    grpc::ClientContext context;
    v1::WatchJobResponse response;
    v1::Job last;
    const auto stream = connection.jobs->WatchJob(&context, request);
    while (stream->Read(&response)) {
      backoff.Progress();
      if (response.has_snapshot()) {
        last = response.snapshot();
        continue;
      }
      request.set_after_number(std::max(request.after_number(), response.event().number()));
      if (!on_event(response.event())) {
        context.TryCancel();
        return absl::CancelledError("no longer watched; the job goes on");
      }
    }
    absl::Status status = FromGrpc(stream->Finish());
    if (status.ok() && HasEnded(last)) return last;
    if (status.ok()) status = absl::UnavailableError("the server stopped telling of the job");
    if (!backoff.WaitAfter(status)) return status;
  }
}

}  // namespace octavo
