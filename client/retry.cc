#include "client/retry.h"

#include <algorithm>
#include <string>

#include "google/rpc/error_details.pb.h"

namespace octavo {
namespace {

constexpr int kMaxRefusals = 5;

}  // namespace

bool IsTransient(const absl::Status& status) { return absl::IsUnavailable(status); }

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return std::nullopt;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo info;
  if (!payload || !info.ParseFromString(std::string(*payload))) return std::nullopt;
  const absl::Duration delay =
      absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
  return std::max(delay, absl::ZeroDuration());
}

bool Backoff::Pause(absl::Duration pause) {
  if (waited_ >= patience_) return false;
  sleep_(std::min(pause, patience_ - waited_));
  waited_ += pause;
  return true;
}

bool Backoff::Wait() {
  if (!Pause(next_)) return false;
  next_ = std::min(next_ * 2, absl::Seconds(5));
  return true;
}

bool Backoff::WaitAfter(const absl::Status& status) {
  if (IsTransient(status)) return Wait();
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  return delay.has_value() && ++refusals_ <= kMaxRefusals && Pause(*delay);
}

void Backoff::Progress() {
  next_ = absl::Milliseconds(100);
  waited_ = absl::ZeroDuration();
  refusals_ = 0;
}

absl::Status WithRetries(Backoff backoff, absl::FunctionRef<absl::Status()> attempt) {
  while (true) {
    absl::Status status = attempt();
    if (!backoff.WaitAfter(status)) return status;
  }
}

}  // namespace octavo
