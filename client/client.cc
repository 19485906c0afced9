#include "client/octavo/client.h"

#include <unistd.h>

#include <array>

#include "absl/log/check.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "client/display_name.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

// 128 random bits.
std::string NewRequestId() {
  std::array<char, 16> bytes;
  // A system without randomness can give no ids at all.
  CHECK_EQ(::getentropy(bytes.data(), bytes.size()), 0);
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace

struct Client::State {
  explicit State(const ClientOptions& options) : connection(options) {}
  Connection connection;
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  auto state = std::make_unique<State>(options);
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(options.connect_timeout);
  if (!state->connection.channel->WaitForConnected(deadline)) {
    return absl::UnavailableError(absl::StrCat("no Octavo server answers at ", options.address));
  }
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

absl::StatusOr<v1::Upload> Client::UploadFile(const std::string& path, v1::UploadKind kind,
                                              const ByteProgress& progress) {
  return SendFile(state_->connection, path, kind, progress);
}

absl::StatusOr<v1::Model> Client::UploadModel(const std::string& path,
                                              const ByteProgress& progress) {
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::Upload upload,
                   SendFile(connection, path, v1::UPLOAD_KIND_MODEL, progress));
  v1::CreateModelRequest request;
  request.set_upload(upload.name());
  request.set_display_name(DisplayName(path));
  ASSIGN_OR_RETURN(
      const v1::CreateModelResponse response,
      Call(connection, *connection.models, &v1::ModelService::Stub::CreateModel, request), path);
  if (response.model().state() == v1::Model::STATE_REJECTED) {
    return Annotate(FromRpcStatus(response.model().error()), path);
  }
  return response.model();
}

absl::StatusOr<v1::Dataset> Client::UploadDataset(const std::string& path,
                                                  const ByteProgress& progress) {
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::Upload upload,
                   SendFile(connection, path, v1::UPLOAD_KIND_DATASET, progress));
  v1::CreateDatasetRequest request;
  request.set_upload(upload.name());
  request.set_display_name(DisplayName(path));
  ASSIGN_OR_RETURN(
      const v1::CreateDatasetResponse response,
      Call(connection, *connection.datasets, &v1::DatasetService::Stub::CreateDataset, request),
      path);
  if (response.dataset().state() == v1::Dataset::STATE_REJECTED) {
    return Annotate(FromRpcStatus(response.dataset().error()), path);
  }
  return response.dataset();
}

absl::StatusOr<v1::Job> Client::CreateJob(const v1::CreateJobRequest& request) {
  v1::CreateJobRequest with_id = request;
  if (with_id.request_id().empty()) with_id.set_request_id(NewRequestId());
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::CreateJobResponse response,
                   Call(connection, *connection.jobs, &v1::JobService::Stub::CreateJob, with_id));
  return response.job();
}

absl::StatusOr<v1::Job> Client::CreateJob(const v1::OptimizeSpec& spec) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  return CreateJob(request);
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& name) {
  v1::GetJobRequest request;
  request.set_name(name);
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::GetJobResponse response,
                   Call(connection, *connection.jobs, &v1::JobService::Stub::GetJob, request));
  return response.job();
}

absl::StatusOr<std::vector<v1::Job>> Client::ListJobs(v1::ListJobsRequest request, int limit) {
  Connection& connection = state_->connection;
  std::vector<v1::Job> jobs;
  do {
    ASSIGN_OR_RETURN(const v1::ListJobsResponse response,
                     Call(connection, *connection.jobs, &v1::JobService::Stub::ListJobs, request));
    jobs.insert(jobs.end(), response.jobs().begin(), response.jobs().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(jobs.size()) < limit);
  if (static_cast<int>(jobs.size()) > limit) jobs.resize(limit);
  return jobs;
}

absl::StatusOr<v1::Job> Client::CancelJob(const std::string& name) {
  v1::CancelJobRequest request;
  request.set_name(name);
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::CancelJobResponse response,
                   Call(connection, *connection.jobs, &v1::JobService::Stub::CancelJob, request));
  return response.job();
}

absl::StatusOr<v1::Job> Client::WatchJob(const std::string& name,
                                         const std::function<bool(const v1::JobEvent&)>& on_event) {
  return Watch(state_->connection, name, on_event);
}

absl::Status Client::DownloadArtifact(const v1::Artifact& artifact, const std::string& path,
                                      const ByteProgress& progress) {
  return Download(state_->connection, artifact, path, progress);
}

absl::StatusOr<std::string> Client::ReadArtifact(const v1::Artifact& artifact) {
  return DownloadIntoMemory(state_->connection, artifact);
}

absl::StatusOr<v1::Report> Client::GetReport(const std::string& job) {
  v1::GetReportRequest request;
  request.set_name(job);
  Connection& connection = state_->connection;
  ASSIGN_OR_RETURN(const v1::GetReportResponse response,
                   Call(connection, *connection.jobs, &v1::JobService::Stub::GetReport, request));
  return response.report();
}

absl::StatusOr<v1::GetCapabilitiesResponse> Client::GetCapabilities() {
  Connection& connection = state_->connection;
  return Call(connection, *connection.jobs, &v1::JobService::Stub::GetCapabilities,
              v1::GetCapabilitiesRequest());
}

}  // namespace octavo
