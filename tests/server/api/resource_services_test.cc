// Models and data sets: the same rules twice, and each with its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "tests/server/api/api_server.h"

namespace octavo {
namespace {

using ModelStub = v1::ModelService::Stub;
using DatasetStub = v1::DatasetService::Stub;

absl::Status CreateModel(ApiServer& server, const v1::CreateModelRequest& request) {
  v1::CreateModelResponse response;
  return server.Call(*server.models, &ModelStub::CreateModel, request, &response);
}

TEST(ModelService, ShowsWhatInspectionFound) {
  ApiServer server;
  const v1::Model model = server.Model("model one");
  EXPECT_EQ(model.state(), v1::Model::STATE_READY);
  EXPECT_EQ(model.info().inputs(0).name(), "x");
  EXPECT_EQ(model.size_bytes(), 9);
  v1::GetModelRequest request;
  request.set_name(model.name());
  v1::GetModelResponse response;
  ASSERT_EQ(server.Call(*server.models, &ModelStub::GetModel, request, &response),
            absl::OkStatus());
  EXPECT_EQ(response.model().SerializeAsString(), model.SerializeAsString());
}

TEST(ModelService, RejectsFilesThatAreNoModels) {
  ApiServer server;
  const v1::Model text = server.Model("some text");
  EXPECT_EQ(text.state(), v1::Model::STATE_REJECTED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(text.error())), "MODEL_MALFORMED");
  const v1::Model unsupported = server.Model("unsupported");
  EXPECT_EQ(unsupported.state(), v1::Model::STATE_REJECTED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(unsupported.error())), "OP_UNSUPPORTED");
  const v1::Model crash = server.Model("crash");
  EXPECT_EQ(crash.state(), v1::Model::STATE_REJECTED);
  EXPECT_EQ(server.Model("model").state(), v1::Model::STATE_READY);
}

TEST(ModelService, NeedsAFinishedUploadOfAModel) {
  ApiServer server;
  v1::CreateModelRequest request;
  request.set_upload("uploads/aaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(CreateModel(server, request).code(), absl::StatusCode::kNotFound);
  request.set_upload("models/aaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(CreateModel(server, request).code(), absl::StatusCode::kInvalidArgument);
  request.set_upload(server.Upload("data", v1::UPLOAD_KIND_DATASET).name());
  EXPECT_EQ(CreateModel(server, request).code(), absl::StatusCode::kInvalidArgument);

  v1::CreateUploadRequest open;
  open.set_kind(v1::UPLOAD_KIND_MODEL);
  v1::CreateUploadResponse opened;
  ASSERT_EQ(server.Call(*server.uploads, &v1::UploadService::Stub::CreateUpload, open, &opened),
            absl::OkStatus());
  request.set_upload(opened.upload().name());
  const absl::Status status = CreateModel(server, request);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "UPLOAD_INCOMPLETE");
}

TEST(ModelService, LimitsLabelsAndNames) {
  ApiServer server;
  v1::CreateModelRequest request;
  request.set_upload(server.Upload("model", v1::UPLOAD_KIND_MODEL).name());
  request.set_display_name(std::string(128, 'x'));
  (*request.mutable_labels())[std::string(63, 'k')] = std::string(256, 'v');
  EXPECT_EQ(CreateModel(server, request), absl::OkStatus());

  v1::CreateModelRequest long_name = request;
  long_name.set_display_name(std::string(129, 'x'));
  EXPECT_EQ(CreateModel(server, long_name).code(), absl::StatusCode::kInvalidArgument);
  v1::CreateModelRequest control = request;
  control.set_display_name("a\nb");
  EXPECT_EQ(CreateModel(server, control).code(), absl::StatusCode::kInvalidArgument);
  v1::CreateModelRequest long_key = request;
  (*long_key.mutable_labels())[std::string(64, 'k')] = "";
  EXPECT_EQ(CreateModel(server, long_key).code(), absl::StatusCode::kInvalidArgument);
  v1::CreateModelRequest long_value = request;
  (*long_value.mutable_labels())["k"] = std::string(257, 'v');
  EXPECT_EQ(CreateModel(server, long_value).code(), absl::StatusCode::kInvalidArgument);
  v1::CreateModelRequest many = request;
  for (int i = 0; i < 64; ++i) (*many.mutable_labels())[absl::StrCat(i)] = "";
  EXPECT_EQ(CreateModel(server, many).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ModelService, ListsPagesNewestFirst) {
  ApiServer server;
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    server.clock.Advance(absl::Seconds(1));
    names.insert(names.begin(), server.Model(absl::StrCat("model ", i)).name());
  }
  std::vector<std::string> listed;
  v1::ListModelsRequest request;
  request.set_page_size(2);
  do {
    v1::ListModelsResponse response;
    ASSERT_EQ(server.Call(*server.models, &ModelStub::ListModels, request, &response),
              absl::OkStatus());
    EXPECT_LE(response.models_size(), 2);
    for (const v1::Model& model : response.models()) listed.push_back(model.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, names);

  v1::ListModelsResponse response;
  request.set_page_token("none of ours");
  EXPECT_EQ(server.Call(*server.models, &ModelStub::ListModels, request, &response).code(),
            absl::StatusCode::kInvalidArgument);
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(server.Call(*server.models, &ModelStub::ListModels, request, &response).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ModelService, KeepsAModelThatAJobNeeds) {
  ApiServer server;
  const v1::CreateJobRequest job_request = server.JobRequest();
  const v1::Job job = server.Job(job_request);
  v1::DeleteModelRequest request;
  request.set_name(job_request.spec().model());
  v1::DeleteModelResponse response;
  const absl::Status status =
      server.Call(*server.models, &ModelStub::DeleteModel, request, &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "IN_USE");

  v1::CancelJobRequest cancel;
  cancel.set_name(job.name());
  v1::CancelJobResponse cancelled;
  ASSERT_EQ(server.Call(*server.jobs, &v1::JobService::Stub::CancelJob, cancel, &cancelled),
            absl::OkStatus());
  EXPECT_EQ(server.Call(*server.models, &ModelStub::DeleteModel, request, &response),
            absl::OkStatus());
  EXPECT_EQ(server.Call(*server.models, &ModelStub::DeleteModel, request, &response).code(),
            absl::StatusCode::kNotFound);
}

TEST(DatasetService, GoesFromUploadToDeletion) {
  ApiServer server;
  const v1::Dataset dataset = server.Dataset("data one");
  EXPECT_EQ(dataset.state(), v1::Dataset::STATE_READY);
  EXPECT_EQ(dataset.info().arrays(0).name(), "x");
  v1::ListDatasetsResponse list;
  ASSERT_EQ(server.Call(*server.datasets, &DatasetStub::ListDatasets, {}, &list), absl::OkStatus());
  ASSERT_EQ(list.datasets_size(), 1);
  EXPECT_EQ(list.datasets(0).name(), dataset.name());
  v1::DeleteDatasetRequest remove;
  remove.set_name(dataset.name());
  v1::DeleteDatasetResponse removed;
  EXPECT_EQ(server.Call(*server.datasets, &DatasetStub::DeleteDataset, remove, &removed),
            absl::OkStatus());
  v1::GetDatasetRequest get;
  get.set_name(dataset.name());
  v1::GetDatasetResponse got;
  EXPECT_EQ(server.Call(*server.datasets, &DatasetStub::GetDataset, get, &got).code(),
            absl::StatusCode::kNotFound);
}

TEST(DatasetService, RejectsFilesThatAreNoDatasets) {
  ApiServer server;
  const v1::Dataset dataset = server.Dataset("some text");
  EXPECT_EQ(dataset.state(), v1::Dataset::STATE_REJECTED);
  EXPECT_EQ(ReasonOf(FromRpcStatus(dataset.error())), "DATASET_MALFORMED");
}

TEST(DatasetService, KeepsADatasetThatAJobNeeds) {
  ApiServer server;
  const v1::CreateJobRequest job_request = server.JobRequest();
  server.Job(job_request);
  v1::DeleteDatasetRequest request;
  request.set_name(job_request.spec().calibration().dataset());
  v1::DeleteDatasetResponse response;
  const absl::Status status =
      server.Call(*server.datasets, &DatasetStub::DeleteDataset, request, &response);
  EXPECT_EQ(ReasonOf(status), "IN_USE");
}

}  // namespace
}  // namespace octavo
