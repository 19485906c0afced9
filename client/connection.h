// What the parts of the client share: the channel's stubs and patience.

#ifndef OCTAVO_CLIENT_CONNECTION_H_
#define OCTAVO_CLIENT_CONNECTION_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "client/octavo/client.h"
#include "client/retry.h"
#include "core/base/status_macros.h"
#include "octavo/v1/artifacts.grpc.pb.h"
#include "octavo/v1/datasets.grpc.pb.h"
#include "octavo/v1/jobs.grpc.pb.h"
#include "octavo/v1/models.grpc.pb.h"
#include "octavo/v1/uploads.grpc.pb.h"

namespace octavo {

// Thread-safe.
struct Connection {
  explicit Connection(const ClientOptions& options);

  Backoff NewBackoff() { return Backoff(options.patience, options.sleep); }

  const ClientOptions options;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<v1::UploadService::Stub> uploads;
  const std::unique_ptr<v1::ModelService::Stub> models;
  const std::unique_ptr<v1::DatasetService::Stub> datasets;
  const std::unique_ptr<v1::JobService::Stub> jobs;
  const std::unique_ptr<v1::ArtifactService::Stub> artifacts;
};

// gRPC's status with its details as payloads.
absl::Status FromGrpc(const grpc::Status& status);

// One unary call, at most a minute, tried again while the server is away or says when to come
// again.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Connection& connection, Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request) {
  Response response;
  RETURN_IF_ERROR(WithRetries(connection.NewBackoff(), [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    response.Clear();
    return FromGrpc((stub.*method)(&context, request, &response));
  }));
  return response;
}

absl::StatusOr<v1::Upload> SendFile(Connection& connection, const std::string& path,
                                    v1::UploadKind kind, const ByteProgress& progress);
absl::StatusOr<v1::Job> Watch(Connection& connection, const std::string& name,
                              const std::function<bool(const v1::JobEvent&)>& on_event);
absl::Status Download(Connection& connection, const v1::Artifact& artifact, const std::string& path,
                      const ByteProgress& progress);
// The same into memory.
absl::StatusOr<std::string> DownloadIntoMemory(Connection& connection,
                                               const v1::Artifact& artifact);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CONNECTION_H_
