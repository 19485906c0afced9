#include "server/api/unary.h"

#include "core/base/error_reason.h"

namespace octavo {
namespace {

absl::Time DeadlineOf(const grpc::CallbackServerContext& context, absl::Duration longest) {
  return std::min(absl::FromChrono(context.deadline()), absl::Now() + longest);
}

absl::Status TooLateError() {
  return WithRetryDelay(
      WithReason(absl::DeadlineExceededError("the server was too busy"), "OVERLOADED"),
      absl::Seconds(1));
}

}  // namespace

absl::Status OverloadedError() {
  return WithRetryDelay(
      WithReason(absl::ResourceExhaustedError("the server has too much to do"), "OVERLOADED"),
      absl::Seconds(1));
}

grpc::ServerUnaryReactor* RunUnary(ApiContext& api, IoPool& pool, const char* method,
                                   grpc::CallbackServerContext* context,
                                   std::function<absl::Status(Call&)> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto call = std::make_shared<Call>(method, *context, api.metrics, api.log);
  const absl::Time deadline = DeadlineOf(*context, api.options.unary_deadline);
  const bool queued = pool.TryRun([=, work = std::move(work)] {
    if (context->IsCancelled()) {
      reactor->Finish(call->End(absl::CancelledError("the client went away")));
    } else if (absl::Now() >= deadline) {
      reactor->Finish(call->End(TooLateError()));
    } else {
      reactor->Finish(call->End(work(*call)));
    }
  });
  if (!queued) reactor->Finish(call->End(OverloadedError()));
  return reactor;
}

}  // namespace octavo
