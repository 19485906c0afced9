#include "client/connection.h"

#include "core/base/error_reason.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetMaxReceiveMessageSize(64 << 20);  // a report with many operators
  arguments.SetUserAgentPrefix("octavo-cpp");
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Connection::Connection(const ClientOptions& options)
    : options(options),
      channel(NewChannel(options.address)),
      uploads(v1::UploadService::NewStub(channel)),
      models(v1::ModelService::NewStub(channel)),
      datasets(v1::DatasetService::NewStub(channel)),
      jobs(v1::JobService::NewStub(channel)),
      artifacts(v1::ArtifactService::NewStub(channel)) {}

absl::Status FromGrpc(const grpc::Status& status) {
  google::rpc::Status details;
  if (!status.ok() && details.ParseFromString(status.error_details()) &&
      details.code() == static_cast<int>(status.error_code())) {
    return FromRpcStatus(details);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace octavo
