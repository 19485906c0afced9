// The API on real parts, over a real channel: SQLite and blobs in a folder of the test, and an
// engine that obeys the file's first word (fake_engine.cc).

#ifndef OCTAVO_TESTS_SERVER_API_API_SERVER_H_
#define OCTAVO_TESTS_SERVER_API_API_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "octavo/v1/artifacts.grpc.pb.h"
#include "octavo/v1/datasets.grpc.pb.h"
#include "octavo/v1/jobs.grpc.pb.h"
#include "octavo/v1/models.grpc.pb.h"
#include "octavo/v1/uploads.grpc.pb.h"
#include "server/api/api_context.h"
#include "server/worker/worker.h"
#include "tests/server/testing/fake_clock.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {

// How many jobs may wait, and what the services are given.
struct ApiServerOptions {
  int32_t max_queued_jobs = 100;
  int max_streams = 100;
  ApiOptions api;
};

class ApiServer {
 public:
  explicit ApiServer(ApiServerOptions options = {});
  ~ApiServer();

  // Without it jobs stay PENDING.
  void StartWorker();

  // A stub's call with a deadline, as a status with its reason and details.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response);

  // Uploads `bytes`, finished. Fails the test where it cannot.
  v1::Upload Upload(absl::string_view bytes, v1::UploadKind kind);
  v1::Model Model(absl::string_view bytes);
  v1::Dataset Dataset(absl::string_view bytes);
  // A float32 and an int8 variant, calibrated with a data set of its own.
  v1::CreateJobRequest JobRequest(absl::string_view model_bytes = "model");
  v1::Job Job(const v1::CreateJobRequest& request);
  // Watches it to its end.
  v1::Job WaitForEnd(const std::string& name);

  TemporaryFolder folder;
  FakeClock clock;
  Metrics metrics;
  std::unique_ptr<MetadataStore> store;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<JobQueue> queue;
  std::unique_ptr<Inspector> inspector;
  std::unique_ptr<Worker> worker;
  Log log;
  std::unique_ptr<ApiContext> api;

  std::unique_ptr<v1::UploadService::Stub> uploads;
  std::unique_ptr<v1::ModelService::Stub> models;
  std::unique_ptr<v1::DatasetService::Stub> datasets;
  std::unique_ptr<v1::JobService::Stub> jobs;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts;

 private:
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<IoPool> io_;
  std::unique_ptr<IoPool> inspections_;
  StreamLimit streams_;
  std::unique_ptr<grpc::Server> server_;
};

// A client's context that gives up after 20 s, so that no mistake hangs a test.
std::unique_ptr<grpc::ClientContext> NewContext();
absl::Status ToStatus(const grpc::Status& status);
v1::WriteUploadRequest ChunkMessage(absl::string_view bytes);
// Writes the messages and gives the answer.
absl::StatusOr<v1::Upload> WriteUpload(ApiServer& server,
                                       const std::vector<v1::WriteUploadRequest>& messages);

template <typename Stub, typename Request, typename Response>
absl::Status ApiServer::Call(Stub& stub,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                             const Request& request, Response* response) {
  const auto context = NewContext();
  return ToStatus((stub.*method)(context.get(), request, response));
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_SERVER_API_API_SERVER_H_
