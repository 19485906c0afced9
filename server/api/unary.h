// Unary RPCs: the work goes to a pool, the answer comes when it is done.

#ifndef OCTAVO_SERVER_API_UNARY_H_
#define OCTAVO_SERVER_API_UNARY_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/api_context.h"
#include "server/api/call.h"

namespace octavo {

// RESOURCE_EXHAUSTED (OVERLOADED), with a RetryInfo.
absl::Status OverloadedError();

// Runs `work` on `pool` and ends the RPC with what it returns. Request and response live until
// then: gRPC keeps them for as long as a reactor has not finished. Work that waited past the
// deadline is not begun: DEADLINE_EXCEEDED (OVERLOADED), with a RetryInfo.
grpc::ServerUnaryReactor* RunUnary(ApiContext& api, IoPool& pool, const char* method,
                                   grpc::CallbackServerContext* context,
                                   std::function<absl::Status(Call&)> work);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_UNARY_H_
