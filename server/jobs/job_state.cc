#include "server/jobs/job_state.h"

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace octavo {
namespace {

using Change = std::pair<v1::Job::State, v1::Job::State>;

constexpr Change kLegalChanges[] = {
    {v1::Job::STATE_PENDING, v1::Job::STATE_RUNNING},
    {v1::Job::STATE_PENDING, v1::Job::STATE_CANCELLED},
    // Its model was quarantined while it waited.
    {v1::Job::STATE_PENDING, v1::Job::STATE_FAILED},
    {v1::Job::STATE_RUNNING, v1::Job::STATE_SUCCEEDED},
    {v1::Job::STATE_RUNNING, v1::Job::STATE_FAILED},
    {v1::Job::STATE_RUNNING, v1::Job::STATE_CANCELLED},
    // The attempt failed and another follows.
    {v1::Job::STATE_RUNNING, v1::Job::STATE_PENDING},
};

}  // namespace

bool IsEnded(v1::Job::State state) {
  return state == v1::Job::STATE_SUCCEEDED || state == v1::Job::STATE_FAILED ||
         state == v1::Job::STATE_CANCELLED;
}

bool IsLegalChange(v1::Job::State from, v1::Job::State to) {
  for (const Change& change : kLegalChanges) {
    if (change == Change{from, to}) return true;
  }
  return false;
}

std::string StateName(v1::Job::State state) {
  const std::string name = v1::Job::State_Name(state);
  return std::string(absl::StripPrefix(name, "STATE_"));
}

}  // namespace octavo
