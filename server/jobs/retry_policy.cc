#include "server/jobs/retry_policy.h"

#include <algorithm>

#include "absl/log/log.h"

namespace octavo {
namespace {

enum class Charge { kNothing, kOwn, kOther };

struct KindRow {
  FailureKind kind;
  const char* name;
  Charge charge;
  bool may_retry;
};

constexpr KindRow kKinds[] = {
    {FailureKind::kInput, "input", Charge::kNothing, false},
    {FailureKind::kCrash, "crash", Charge::kOwn, true},
    {FailureKind::kOutOfMemory, "out_of_memory", Charge::kOwn, true},
    {FailureKind::kLimit, "limit", Charge::kNothing, false},
    {FailureKind::kKilled, "killed", Charge::kOther, true},
    {FailureKind::kLostWorker, "lost_worker", Charge::kOther, true},
    {FailureKind::kStore, "store", Charge::kOther, true},
    {FailureKind::kEngine, "engine", Charge::kOther, true},
    {FailureKind::kHandedBack, "handed_back", Charge::kNothing, true},
};

const KindRow& RowOf(FailureKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  LOG(FATAL) << "a failure kind without a row";
}

absl::Duration Backoff(const RetryPolicy& policy, int32_t failures, double jitter) {
  absl::Duration delay = policy.first_delay;
  for (int32_t i = 1; i < failures && delay < policy.max_delay; ++i) delay *= 2;
  return std::min(delay, policy.max_delay) * (0.5 + 0.5 * jitter);
}

}  // namespace

absl::string_view FailureName(FailureKind kind) { return RowOf(kind).name; }
bool CountsAsOwn(FailureKind kind) { return RowOf(kind).charge == Charge::kOwn; }
bool CountsAsOther(FailureKind kind) { return RowOf(kind).charge == Charge::kOther; }

RetryDecision DecideRetry(const RetryPolicy& policy, FailureKind kind, int32_t own_failures,
                          int32_t other_failures, double jitter) {
  const KindRow& row = RowOf(kind);
  if (!row.may_retry) return {};
  switch (row.charge) {
    case Charge::kNothing:
      return {.retry = true, .delay = absl::ZeroDuration()};
    case Charge::kOwn:
      if (own_failures >= policy.max_own_failures) {
        return {.retry = false, .delay = absl::ZeroDuration(), .quarantine = true};
      }
      return {.retry = true, .delay = Backoff(policy, own_failures, jitter)};
    case Charge::kOther:
      if (other_failures >= policy.max_other_failures) return {};
      return {.retry = true, .delay = Backoff(policy, other_failures, jitter)};
  }
  return {};
}

}  // namespace octavo
