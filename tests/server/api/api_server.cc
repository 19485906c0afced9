#include "tests/server/api/api_server.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "core/base/crc32c.h"
#include "core/base/status_macros.h"
#include "server/api/artifact_service.h"
#include "server/api/dataset_service.h"
#include "server/api/grpc_status.h"
#include "server/api/job_service.h"
#include "server/api/model_service.h"
#include "server/api/upload_service.h"
#include "server/blobs/local_blob_store.h"
#include "server/store/sqlite_store.h"

namespace octavo {
namespace {

// What a test cannot go on without.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    std::abort();
  }
  return *std::move(result);
}

}  // namespace

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  return context;
}

absl::Status ToStatus(const grpc::Status& status) { return FromGrpcStatus(status); }

ApiServer::ApiServer(ApiServerOptions options)
    : log(Log::Format::kJson, ::open("/dev/null", O_WRONLY | O_CLOEXEC)),
      streams_(options.max_streams) {
  store = Must(OpenSqliteStore(folder.path()));
  blobs = Must(OpenLocalBlobStore(folder / "blobs", clock));
  JobQueueOptions queue_options;
  queue_options.max_queued_jobs = options.max_queued_jobs;
  queue = Must(JobQueue::Create(*store, clock, queue_options));
  InspectorOptions inspector_options;
  inspector_options.engine_program = OCTAVO_FAKE_ENGINE;
  inspector = std::make_unique<Inspector>(*blobs, inspector_options);
  io_ = std::make_unique<IoPool>(4, 100);
  inspections_ = std::make_unique<IoPool>(2, 100);
  api = std::make_unique<ApiContext>(ApiContext{.store = *store,
                                                .blobs = *blobs,
                                                .queue = *queue,
                                                .inspector = *inspector,
                                                .metrics = metrics,
                                                .clock = clock,
                                                .log = log,
                                                .io = *io_,
                                                .inspections = *inspections_,
                                                .streams = streams_,
                                                .options = std::move(options.api)});
  services_.push_back(std::make_unique<UploadService>(*api));
  services_.push_back(std::make_unique<ModelService>(*api));
  services_.push_back(std::make_unique<DatasetService>(*api));
  services_.push_back(std::make_unique<JobService>(*api));
  services_.push_back(std::make_unique<ArtifactService>(*api));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  for (const auto& service : services_) builder.RegisterService(service.get());
  server_ = builder.BuildAndStart();
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
  uploads = v1::UploadService::NewStub(channel);
  models = v1::ModelService::NewStub(channel);
  datasets = v1::DatasetService::NewStub(channel);
  jobs = v1::JobService::NewStub(channel);
  artifacts = v1::ArtifactService::NewStub(channel);
}

ApiServer::~ApiServer() {
  queue->Drain();
  worker.reset();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

void ApiServer::StartWorker() {
  WorkerOptions options;
  options.work_folder = folder / "work";
  options.engine_program = OCTAVO_FAKE_ENGINE;
  worker = Must(Worker::Start(*queue, *blobs, options));
}

v1::WriteUploadRequest ChunkMessage(absl::string_view bytes) {
  v1::WriteUploadRequest message;
  message.set_chunk(std::string(bytes));
  message.set_crc32c(Crc32c(bytes));
  return message;
}

absl::StatusOr<v1::Upload> WriteUpload(ApiServer& server,
                                       const std::vector<v1::WriteUploadRequest>& messages) {
  const auto context = NewContext();
  v1::WriteUploadResponse response;
  const auto writer = server.uploads->WriteUpload(context.get(), &response);
  // A server that refuses a message reads no more: the status says why.
  for (const v1::WriteUploadRequest& message : messages) {
    if (!writer->Write(message)) break;
  }
  writer->WritesDone();
  RETURN_IF_ERROR(ToStatus(writer->Finish()));
  return response.upload();
}

v1::Upload ApiServer::Upload(absl::string_view bytes, v1::UploadKind kind) {
  v1::CreateUploadRequest request;
  request.set_kind(kind);
  v1::CreateUploadResponse response;
  EXPECT_EQ(Call(*uploads, &v1::UploadService::Stub::CreateUpload, request, &response),
            absl::OkStatus());
  v1::WriteUploadRequest message = ChunkMessage(bytes);
  message.set_name(response.upload().name());
  message.set_finish(true);
  return Must(WriteUpload(*this, {message}));
}

v1::Model ApiServer::Model(absl::string_view bytes) {
  v1::CreateModelRequest request;
  request.set_upload(Upload(bytes, v1::UPLOAD_KIND_MODEL).name());
  v1::CreateModelResponse response;
  EXPECT_EQ(Call(*models, &v1::ModelService::Stub::CreateModel, request, &response),
            absl::OkStatus());
  return response.model();
}

v1::Dataset ApiServer::Dataset(absl::string_view bytes) {
  v1::CreateDatasetRequest request;
  request.set_upload(Upload(bytes, v1::UPLOAD_KIND_DATASET).name());
  v1::CreateDatasetResponse response;
  EXPECT_EQ(Call(*datasets, &v1::DatasetService::Stub::CreateDataset, request, &response),
            absl::OkStatus());
  return response.dataset();
}

v1::CreateJobRequest ApiServer::JobRequest(absl::string_view model_bytes) {
  v1::CreateJobRequest request;
  request.mutable_spec()->set_model(Model(model_bytes).name());
  request.mutable_spec()->mutable_calibration()->set_dataset(Dataset("data").name());
  request.mutable_spec()->add_variants()->set_scheme(v1::SCHEME_FLOAT32);
  request.mutable_spec()->add_variants()->set_scheme(v1::SCHEME_INT8);
  return request;
}

v1::Job ApiServer::Job(const v1::CreateJobRequest& request) {
  v1::CreateJobResponse response;
  EXPECT_EQ(Call(*jobs, &v1::JobService::Stub::CreateJob, request, &response), absl::OkStatus());
  return response.job();
}

v1::Job ApiServer::WaitForEnd(const std::string& name) {
  const auto context = NewContext();
  v1::WatchJobRequest request;
  request.set_name(name);
  const auto reader = jobs->WatchJob(context.get(), request);
  v1::WatchJobResponse update;
  v1::Job last;
  while (reader->Read(&update)) {
    if (update.has_snapshot()) last = update.snapshot();
  }
  EXPECT_EQ(ToStatus(reader->Finish()), absl::OkStatus());
  return last;
}

}  // namespace octavo
