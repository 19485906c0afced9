#include "server/api/call.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "server/api/grpc_status.h"
#include "server/store/random_id.h"

namespace octavo {
namespace {

constexpr char kRequestIdKey[] = "x-request-id";
constexpr size_t kMaxRequestIdBytes = 64;

bool IsSaneRequestId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string RequestIdOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kRequestIdKey);
  if (found == metadata.end()) return NewId();
  const absl::string_view id(found->second.data(), found->second.size());
  return IsSaneRequestId(id) ? std::string(id) : NewId();
}

}  // namespace

Call::Call(const char* method, grpc::CallbackServerContext& context, Metrics& metrics, Log& log)
    : method_(method),
      metrics_(metrics),
      log_(log),
      start_(absl::Now()),
      request_id_(RequestIdOf(context)) {
  context.AddInitialMetadata(kRequestIdKey, request_id_);
  metrics_.grpc_started.At({method_}).Increment();
  metrics_.grpc_in_flight.At({method_}).Increment();
}

Call::~Call() {
  if (!ended_) End(absl::CancelledError("the client went away"));
}

void Call::Note(absl::string_view key, absl::string_view value) { notes_.emplace_back(key, value); }

grpc::Status Call::End(const absl::Status& status) {
  ended_ = true;
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  const absl::string_view code = CodeName(status.code());
  metrics_.grpc_handled.At({method_, code}).Increment();
  metrics_.grpc_handling.At({method_}).Observe(seconds);
  metrics_.grpc_in_flight.At({method_}).Decrement();

  Log::Fields fields = {{"request_id", request_id_},
                        {"method", std::string(method_)},
                        {"code", std::string(code)},
                        {"seconds", seconds}};
  for (const auto& [key, value] : notes_) fields.emplace_back(key, value);
  if (!status.ok()) {
    fields.emplace_back("reason", ReasonOf(status));
    fields.emplace_back("error", std::string(status.message()));
  }
  const bool ours = status.code() == absl::StatusCode::kInternal ||
                    status.code() == absl::StatusCode::kUnknown ||
                    status.code() == absl::StatusCode::kDataLoss;
  if (ours) {
    log_.Error("rpc", fields);
  } else {
    log_.Info("rpc", fields);
  }
  return ToGrpcStatus(status, request_id_);
}

}  // namespace octavo
