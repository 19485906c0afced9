#include "server/jobs/job_change.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/jobs/job_state.h"
#include "server/store/timestamps.h"

namespace octavo {

JobChange::JobChange(JobRecord record, absl::Time now) : record_(std::move(record)), now_(now) {}

v1::JobEvent& JobChange::AddEvent() {
  v1::JobEvent& event = events_.emplace_back();
  event.set_number(++record_.last_event);
  *event.mutable_time() = ToTimestamp(now_);
  return event;
}

absl::Status JobChange::EnterState(v1::Job::State state) {
  if (!IsLegalChange(job().state(), state)) {
    return absl::InternalError(absl::StrCat(job().name(), ": ", StateName(job().state()),
                                            " cannot become ", StateName(state)));
  }
  job().set_state(state);
  if (state != v1::Job::STATE_RUNNING) record_.lease_token.clear();
  if (IsEnded(state)) {
    *job().mutable_end_time() = ToTimestamp(now_);
    job().clear_cancelling();
    job().clear_retry_time();
  }
  AddEvent().set_state(state);
  return absl::OkStatus();
}

absl::Status JobChange::Save(StoreWriter& writer) const {
  RETURN_IF_ERROR(writer.PutJob(record_));
  for (const v1::JobEvent& event : events_) {
    RETURN_IF_ERROR(writer.InsertEvent(record_.job.name(), event));
  }
  return absl::OkStatus();
}

}  // namespace octavo
