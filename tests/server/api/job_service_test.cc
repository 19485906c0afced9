#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "google/rpc/error_details.pb.h"
#include "tests/server/api/api_server.h"

namespace octavo {
namespace {

using Stub = v1::JobService::Stub;
using ::testing::Contains;
using ::testing::HasSubstr;

absl::StatusOr<v1::Job> Create(ApiServer& server, const v1::CreateJobRequest& request) {
  v1::CreateJobResponse response;
  const absl::Status status = server.Call(*server.jobs, &Stub::CreateJob, request, &response);
  if (!status.ok()) return status;
  return response.job();
}

absl::StatusOr<v1::Job> Get(ApiServer& server, const std::string& name) {
  v1::GetJobRequest request;
  request.set_name(name);
  v1::GetJobResponse response;
  const absl::Status status = server.Call(*server.jobs, &Stub::GetJob, request, &response);
  if (!status.ok()) return status;
  return response.job();
}

absl::StatusOr<v1::Job> Cancel(ApiServer& server, const std::string& name) {
  v1::CancelJobRequest request;
  request.set_name(name);
  v1::CancelJobResponse response;
  const absl::Status status = server.Call(*server.jobs, &Stub::CancelJob, request, &response);
  if (!status.ok()) return status;
  return response.job();
}

absl::Status Delete(ApiServer& server, const std::string& name) {
  v1::DeleteJobRequest request;
  request.set_name(name);
  v1::DeleteJobResponse response;
  return server.Call(*server.jobs, &Stub::DeleteJob, request, &response);
}

absl::StatusOr<v1::Report> Report(ApiServer& server, const std::string& name) {
  v1::GetReportRequest request;
  request.set_name(name);
  v1::GetReportResponse response;
  const absl::Status status = server.Call(*server.jobs, &Stub::GetReport, request, &response);
  if (!status.ok()) return status;
  return response.report();
}

struct OpenWatch {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientReader<v1::WatchJobResponse>> reader;
};

OpenWatch BeginWatch(ApiServer& server, const std::string& name, int64_t after_number = 0) {
  OpenWatch watch = {.context = NewContext(), .reader = nullptr};
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_after_number(after_number);
  watch.reader = server.jobs->WatchJob(watch.context.get(), request);
  return watch;
}

std::vector<v1::WatchJobResponse> Watch(ApiServer& server, const std::string& name,
                                        int64_t after_number, absl::Status* status = nullptr) {
  const auto [context, reader] = BeginWatch(server, name, after_number);
  std::vector<v1::WatchJobResponse> updates;
  v1::WatchJobResponse update;
  while (reader->Read(&update)) updates.push_back(update);
  const absl::Status end = ToStatus(reader->Finish());
  if (status != nullptr) {
    *status = end;
  } else {
    EXPECT_EQ(end, absl::OkStatus());
  }
  return updates;
}

TEST(JobService, RunsAJobToItsReport) {
  ApiServer server;
  server.StartWorker();
  const v1::Job job = server.Job(server.JobRequest());
  const v1::Job ended = server.WaitForEnd(job.name());
  EXPECT_EQ(ended.state(), v1::Job::STATE_SUCCEEDED) << ended.DebugString();
  EXPECT_EQ(ended.verdict(), v1::VERDICT_PASS);
  EXPECT_EQ(ended.artifacts_size(), 3);
  const auto report = Report(server, job.name());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->variants_size(), 2);
}

TEST(JobService, TellsWhyAJobFailed) {
  ApiServer server;
  server.StartWorker();
  const v1::Job ended = server.WaitForEnd(server.Job(server.JobRequest("model broken")).name());
  EXPECT_EQ(ended.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(ended.error().message(), "calibration example 7: nothing fits");
  EXPECT_EQ(ReasonOf(FromRpcStatus(ended.error())), "TENSOR_MISMATCH");
  const absl::Status status = Report(server, ended.name()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "NO_REPORT");
}

TEST(JobService, GivesTheFirstJobForTheSameRequestId) {
  ApiServer server;
  v1::CreateJobRequest request = server.JobRequest();
  request.set_request_id("again");
  const v1::Job first = server.Job(request);
  EXPECT_EQ(server.Job(request).name(), first.name());
  request.mutable_spec()->mutable_goals()->set_max_drop_points(1);
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(status), "REQUEST_ID_REUSED");
}

TEST(JobService, QueuesNothingThatIsOnlyValidated) {
  ApiServer server;
  v1::CreateJobRequest request = server.JobRequest();
  request.set_validate_only(true);
  const auto job = Create(server, request);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().model(), request.spec().model());
  EXPECT_EQ(job->spec().variants_size(), request.spec().variants_size());
  v1::ListJobsResponse list;
  ASSERT_EQ(server.Call(*server.jobs, &Stub::ListJobs, {}, &list), absl::OkStatus());
  EXPECT_EQ(list.jobs_size(), 0);
}

TEST(JobService, RefusesDataThatTheEngineRefuses) {
  ApiServer server;
  v1::CreateJobRequest request = server.JobRequest();
  request.mutable_spec()->mutable_calibration()->set_dataset(server.Dataset("data nan").name());
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "TENSOR_MISMATCH");
  EXPECT_THAT(std::string(status.message()), HasSubstr("calibration example 3"));
  EXPECT_EQ(server.metrics.jobs_refused.At({"TENSOR_MISMATCH"}).Value(), 1);
}

TEST(JobService, LeavesWhatIsTooCostlyToValidateToTheJob) {
  ApiServer server;
  v1::CreateJobRequest request = server.JobRequest();
  request.mutable_spec()->mutable_calibration()->set_dataset(server.Dataset("data many").name());
  request.set_validate_only(true);
  EXPECT_EQ(ReasonOf(Create(server, request).status()), "INSPECTION_TOO_COSTLY");
  request.set_validate_only(false);
  const auto job = Create(server, request);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), v1::Job::STATE_PENDING);
}

TEST(JobService, RefusesWhatIsNotThereOrNotReady) {
  ApiServer server;
  v1::CreateJobRequest request = server.JobRequest();
  v1::CreateJobRequest no_model = request;
  no_model.mutable_spec()->set_model("models/aaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(Create(server, no_model).status().code(), absl::StatusCode::kNotFound);
  v1::CreateJobRequest no_data = request;
  no_data.mutable_spec()->mutable_calibration()->set_dataset("datasets/aaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(Create(server, no_data).status().code(), absl::StatusCode::kNotFound);
  v1::CreateJobRequest rejected = request;
  rejected.mutable_spec()->set_model(server.Model("text").name());
  const absl::Status not_ready = Create(server, rejected).status();
  EXPECT_EQ(not_ready.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(not_ready), "NOT_READY");
  rejected.mutable_spec()->set_model(server.Model("unsupported").name());
  const absl::Status unsupported = Create(server, rejected).status();
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(
      std::string(*unsupported.GetPayload("type.googleapis.com/google.rpc.ErrorInfo"))));
  EXPECT_EQ(info.reason(), "OP_UNSUPPORTED");
  EXPECT_EQ(info.metadata().at("operator"), "FOO");
}

TEST(JobService, RefusesAJobWhereTheQueueIsFull) {
  ApiServerOptions options;
  options.max_queued_jobs = 1;
  ApiServer server(options);
  const v1::CreateJobRequest request = server.JobRequest();
  server.Job(request);
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  // And does not look at the data for it.
  v1::CreateJobRequest bad = request;
  bad.mutable_spec()->mutable_calibration()->set_dataset(server.Dataset("data nan").name());
  EXPECT_EQ(ReasonOf(Create(server, bad).status()), "QUEUE_FULL");
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
}

TEST(JobService, RefusesAJobWhileItDrains) {
  ApiServer server;
  const v1::CreateJobRequest request = server.JobRequest();
  server.queue->Drain();
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
}

TEST(JobService, NumbersTheEventsOfAWatchWithoutGaps) {
  ApiServer server;
  server.StartWorker();
  const std::string name = server.Job(server.JobRequest()).name();
  const std::vector<v1::WatchJobResponse> updates = Watch(server, name, 0);
  ASSERT_GE(updates.size(), 4u);
  EXPECT_TRUE(updates.front().has_snapshot());
  ASSERT_TRUE(updates.back().has_snapshot());
  EXPECT_EQ(updates.back().snapshot().state(), v1::Job::STATE_SUCCEEDED);
  int64_t last = 0;
  for (size_t i = 1; i + 1 < updates.size(); ++i) {
    ASSERT_TRUE(updates[i].has_event());
    const int64_t number = updates[i].event().number();
    // A percentage has the number of the event before it.
    EXPECT_TRUE(number == last + 1 || (number == last && updates[i].event().has_progress()))
        << updates[i].DebugString();
    last = number;
  }
}

TEST(JobService, GoesOnWatchingFromANumber) {
  ApiServer server;
  server.StartWorker();
  const std::string name = server.Job(server.JobRequest()).name();
  server.WaitForEnd(name);
  std::vector<v1::JobEvent> all;
  for (const v1::WatchJobResponse& update : Watch(server, name, 0)) {
    if (update.has_event()) all.push_back(update.event());
  }
  ASSERT_GE(all.size(), 3u);
  for (size_t seen = 0; seen <= all.size(); ++seen) {
    std::vector<v1::JobEvent> rest;
    for (const v1::WatchJobResponse& update :
         Watch(server, name, seen == 0 ? 0 : all[seen - 1].number())) {
      if (update.has_event()) rest.push_back(update.event());
    }
    ASSERT_EQ(rest.size(), all.size() - seen);
    for (size_t i = 0; i < rest.size(); ++i) {
      EXPECT_EQ(rest[i].SerializeAsString(), all[seen + i].SerializeAsString());
    }
  }
}

TEST(JobService, EndsWatchesWhileItDrains) {
  ApiServer server;
  const std::string name = server.Job(server.JobRequest()).name();
  const auto [context, reader] = BeginWatch(server, name);
  v1::WatchJobResponse update;
  ASSERT_TRUE(reader->Read(&update));
  server.queue->Drain();
  while (reader->Read(&update)) {
  }
  const absl::Status status = ToStatus(reader->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
}

TEST(JobService, RefusesAStreamTooManyOfAnyKind) {
  ApiServerOptions options;
  options.max_streams = 1;
  ApiServer server(options);
  const std::string name = server.Job(server.JobRequest()).name();
  const auto [context, reader] = BeginWatch(server, name);
  v1::WatchJobResponse update;
  ASSERT_TRUE(reader->Read(&update));
  const auto expect_refused = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_EQ(ReasonOf(status), "OVERLOADED");
    EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  };
  absl::Status status;
  Watch(server, name, 0, &status);
  expect_refused(status);
  expect_refused(WriteUpload(server, {ChunkMessage("x")}).status());
  v1::DownloadArtifactRequest download;
  const auto download_context = NewContext();
  const auto artifact = server.artifacts->DownloadArtifact(download_context.get(), download);
  v1::DownloadArtifactResponse chunk;
  EXPECT_FALSE(artifact->Read(&chunk));
  expect_refused(ToStatus(artifact->Finish()));
  // The watch ends, and makes room.
  context->TryCancel();
  while (reader->Read(&update)) {
  }
  while (absl::IsResourceExhausted(WriteUpload(server, {}).status())) std::this_thread::yield();
}

TEST(JobService, CancelsNothingWhenAWatcherLeaves) {
  ApiServer server;
  const std::string name = server.Job(server.JobRequest()).name();
  {
    const auto [context, reader] = BeginWatch(server, name);
    v1::WatchJobResponse update;
    ASSERT_TRUE(reader->Read(&update));
    context->TryCancel();
    while (reader->Read(&update)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_EQ(Get(server, name)->state(), v1::Job::STATE_PENDING);
}

TEST(JobService, RefusesToWatchWhatIsNotThere) {
  ApiServer server;
  absl::Status status;
  Watch(server, "jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa", 0, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  Watch(server, "jobs/../x", 0, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  Watch(server, server.Job(server.JobRequest()).name(), -1, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(JobService, CancelsAWaitingJob) {
  ApiServer server;
  const std::string name = server.Job(server.JobRequest()).name();
  const auto cancelled = Cancel(server, name);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state(), v1::Job::STATE_CANCELLED);
  EXPECT_EQ(Cancel(server, name)->state(), v1::Job::STATE_CANCELLED);
  EXPECT_EQ(Cancel(server, "jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(JobService, CancelsARunningJob) {
  ApiServer server;
  server.StartWorker();
  const std::string name = server.Job(server.JobRequest("model slow")).name();
  const auto [context, reader] = BeginWatch(server, name);
  v1::WatchJobResponse update;
  // It runs once the engine has said something.
  while (reader->Read(&update) && !update.event().has_progress()) {
  }
  ASSERT_TRUE(Cancel(server, name).ok());
  const absl::Time asked = absl::Now();
  EXPECT_EQ(server.WaitForEnd(name).state(), v1::Job::STATE_CANCELLED);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(2));
}

TEST(JobService, ForgetsOnlyAJobThatHasEnded) {
  ApiServer server;
  const std::string name = server.Job(server.JobRequest()).name();
  const absl::Status status = Delete(server, name);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "NOT_ENDED");
  EXPECT_EQ(ReasonOf(Report(server, name).status()), "NOT_ENDED");
  ASSERT_TRUE(Cancel(server, name).ok());
  EXPECT_EQ(Delete(server, name), absl::OkStatus());
  EXPECT_EQ(Delete(server, name).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Get(server, name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Report(server, name).status().code(), absl::StatusCode::kNotFound);
}

TEST(JobService, ListsJobsByStateAndModel) {
  ApiServer server;
  const v1::CreateJobRequest one = server.JobRequest("model 1");
  const v1::CreateJobRequest two = server.JobRequest("model 2");
  const v1::Job cancelled = server.Job(one);
  ASSERT_TRUE(Cancel(server, cancelled.name()).ok());
  server.clock.Advance(absl::Seconds(1));
  const v1::Job pending_one = server.Job(one);
  server.clock.Advance(absl::Seconds(1));
  const v1::Job pending_two = server.Job(two);

  const auto list = [&](const v1::ListJobsRequest& request) {
    v1::ListJobsResponse response;
    EXPECT_EQ(server.Call(*server.jobs, &Stub::ListJobs, request, &response), absl::OkStatus());
    std::vector<std::string> names;
    for (const v1::Job& job : response.jobs()) names.push_back(job.name());
    return names;
  };
  using Names = std::vector<std::string>;
  v1::ListJobsRequest request;
  EXPECT_EQ(list(request), Names({pending_two.name(), pending_one.name(), cancelled.name()}));
  request.add_states(v1::Job::STATE_PENDING);
  EXPECT_EQ(list(request), Names({pending_two.name(), pending_one.name()}));
  request.set_model(one.spec().model());
  EXPECT_EQ(list(request), Names({pending_one.name()}));

  v1::ListJobsResponse response;
  for (const auto& break_it : std::vector<std::function<void(v1::ListJobsRequest&)>>{
           [](auto& r) { r.set_page_size(-1); }, [](auto& r) { r.set_page_token("x"); },
           [](auto& r) { r.set_model("models/../x"); },
           [](auto& r) { r.add_states(v1::Job::STATE_UNSPECIFIED); },
           [](auto& r) { r.add_states(static_cast<v1::Job::State>(99)); }}) {
    v1::ListJobsRequest broken;
    break_it(broken);
    EXPECT_EQ(server.Call(*server.jobs, &Stub::ListJobs, broken, &response).code(),
              absl::StatusCode::kInvalidArgument)
        << broken.DebugString();
  }
}

TEST(JobService, TellsWhatItCanDo) {
  ApiServerOptions options;
  options.api.capabilities.set_version("1.2.3");
  ApiServer server(options);
  v1::GetCapabilitiesResponse response;
  ASSERT_EQ(server.Call(*server.jobs, &Stub::GetCapabilities, {}, &response), absl::OkStatus());
  EXPECT_EQ(response.version(), "1.2.3");
}

// Names that are none, at every RPC that takes one: refused as such, and never a path or a crash.
TEST(Names, OfNoFormAreRefusedEverywhere) {
  ApiServer server;
  std::vector<std::string> names = {"",
                                    "/",
                                    "..",
                                    "../../etc/passwd",
                                    "jobs/",
                                    "jobs/.",
                                    "jobs/../x",
                                    "jobs/x/../../y",
                                    "/jobs/x",
                                    "jobs//",
                                    "JOBS/aaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (const char* collection : {"uploads", "models", "datasets", "jobs", "artifacts"}) {
    const std::string prefix = absl::StrCat(collection, "/");
    names.push_back(prefix + std::string("a\0b", 3));
    names.push_back(prefix + std::string(26, 'A'));
    names.push_back(prefix + std::string(27, 'a'));
    names.push_back(prefix + std::string(25, 'a') + "1");
    names.push_back(prefix + std::string(100'000, 'a'));
    names.push_back(prefix + "аaaaaaaaaaaaaaaaaaaaaaaaa");  // a Cyrillic letter
    names.push_back(prefix + std::string(64, 'F'));
    names.push_back(prefix + "'; DROP TABLE jobs; --");
    names.push_back(" " + prefix + std::string(26, 'a'));
    names.push_back(prefix + std::string(26, 'a') + "\n");
  }
  const auto expect_refused = [](const absl::Status& status, absl::string_view name) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << status << " for " << name.substr(0, 100);
    EXPECT_LT(status.message().size(), 200u);
  };
  const auto try_name = [&](auto& stub, auto method, auto request, auto response,
                            const std::string& name) {
    request.set_name(name);
    expect_refused(server.Call(stub, method, request, &response), name);
  };
  for (const std::string& name : names) {
    try_name(*server.jobs, &Stub::GetJob, v1::GetJobRequest(), v1::GetJobResponse(), name);
    try_name(*server.jobs, &Stub::CancelJob, v1::CancelJobRequest(), v1::CancelJobResponse(), name);
    try_name(*server.jobs, &Stub::DeleteJob, v1::DeleteJobRequest(), v1::DeleteJobResponse(), name);
    try_name(*server.jobs, &Stub::GetReport, v1::GetReportRequest(), v1::GetReportResponse(), name);
    try_name(*server.uploads, &v1::UploadService::Stub::GetUpload, v1::GetUploadRequest(),
             v1::GetUploadResponse(), name);
    try_name(*server.models, &v1::ModelService::Stub::GetModel, v1::GetModelRequest(),
             v1::GetModelResponse(), name);
    try_name(*server.models, &v1::ModelService::Stub::DeleteModel, v1::DeleteModelRequest(),
             v1::DeleteModelResponse(), name);
    try_name(*server.datasets, &v1::DatasetService::Stub::GetDataset, v1::GetDatasetRequest(),
             v1::GetDatasetResponse(), name);
    try_name(*server.datasets, &v1::DatasetService::Stub::DeleteDataset, v1::DeleteDatasetRequest(),
             v1::DeleteDatasetResponse(), name);
    const auto context = NewContext();
    v1::DownloadArtifactRequest download;
    download.set_name(name);
    const auto reader = server.artifacts->DownloadArtifact(context.get(), download);
    v1::DownloadArtifactResponse chunk;
    EXPECT_FALSE(reader->Read(&chunk));
    expect_refused(ToStatus(reader->Finish()), name);
  }
}

}  // namespace
}  // namespace octavo
