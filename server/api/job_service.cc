#include "server/api/job_service.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "server/api/field_checks.h"
#include "server/api/grpc_status.h"
#include "server/api/spec_check.h"
#include "server/api/unary.h"
#include "server/api/watch_stream.h"

namespace octavo {
namespace {

// `status` with the reason of `other` and what it says beside it.
absl::Status WithReasonOf(const absl::Status& other, absl::Status status) {
  constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
  if (auto info = other.GetPayload(kErrorInfo)) status.SetPayload(kErrorInfo, *std::move(info));
  return status;
}

absl::Status NotReadyError(absl::string_view name, const google::rpc::Status& error) {
  const absl::Status why = FromRpcStatus(error);
  const absl::Status status =
      absl::FailedPreconditionError(absl::StrCat(name, " was rejected: ", why.message()));
  // An operator that nobody can quantize is worth its own reason, which names it.
  if (ReasonOf(why) == "OP_UNSUPPORTED") return WithReasonOf(why, status);
  return WithReason(status, "NOT_READY", {{"name", std::string(name)}});
}

// The digest of a data set that can be used.
absl::StatusOr<std::string> ReadyDataset(StoreReader& reader, const std::string& name) {
  const absl::StatusOr<v1::Dataset> dataset = reader.GetDataset(name);
  RETURN_IF_ERROR(WithResource(dataset.status(), name));
  if (dataset->state() != v1::Dataset::STATE_READY) return NotReadyError(name, dataset->error());
  return dataset->digest();
}

absl::StatusOr<ValidateInputs> FindInputs(MetadataStore& store, const v1::OptimizeSpec& spec) {
  ValidateInputs inputs;
  RETURN_IF_ERROR(store.Read([&](StoreReader& reader) -> absl::Status {
    const absl::StatusOr<v1::Model> model = reader.GetModel(spec.model());
    RETURN_IF_ERROR(WithResource(model.status(), spec.model()));
    if (model->state() != v1::Model::STATE_READY)
      return NotReadyError(model->name(), model->error());
    inputs.model_digest = model->digest();
    if (spec.has_calibration()) {
      ASSIGN_OR_RETURN(inputs.calibration_digest,
                       ReadyDataset(reader, spec.calibration().dataset()));
    }
    if (spec.has_evaluation()) {
      ASSIGN_OR_RETURN(inputs.evaluation_digest, ReadyDataset(reader, spec.evaluation().dataset()));
    }
    return absl::OkStatus();
  }));
  return inputs;
}

// From the cheap checks to the costly one, an engine that reads all the data.
absl::StatusOr<v1::Job> Create(ApiContext& api, const v1::CreateJobRequest& request) {
  if (api.queue.draining()) return DrainingError();
  RETURN_IF_ERROR(CheckCreateJob(request));
  ASSIGN_OR_RETURN(std::optional<v1::Job> submitted, api.queue.FindSubmitted(request));
  if (submitted) return *std::move(submitted);
  ASSIGN_OR_RETURN(const ValidateInputs inputs, FindInputs(api.store, request.spec()));
  RETURN_IF_ERROR(api.queue.CheckSubmit(request));
  const absl::Status valid = api.inspector.Validate(request.spec(), inputs).status();
  // The job runs the same checks, with a job's time: the data are only too many for a quick look.
  const bool is_for_the_job =
      ReasonOf(valid) == "INSPECTION_TOO_COSTLY" && !request.validate_only();
  if (!is_for_the_job) RETURN_IF_ERROR(valid);
  return api.queue.Submit(request);
}

}  // namespace

grpc::ServerUnaryReactor* JobService::CreateJob(grpc::CallbackServerContext* context,
                                                const v1::CreateJobRequest* request,
                                                v1::CreateJobResponse* response) {
  return RunUnary(api_, api_.inspections, "/octavo.v1.JobService/CreateJob", context,
                  [this, request, response](Call& call) -> absl::Status {
                    absl::StatusOr<v1::Job> job = Create(api_, *request);
                    if (!job.ok()) {
                      api_.metrics.jobs_refused.At({ReasonOf(job.status())}).Increment();
                      return job.status();
                    }
                    call.Note("job", job->name());
                    *response->mutable_job() = *std::move(job);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* JobService::GetJob(grpc::CallbackServerContext* context,
                                             const v1::GetJobRequest* request,
                                             v1::GetJobResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/GetJob", context,
                  [this, request, response](Call& call) -> absl::Status {
                    RETURN_IF_ERROR(CheckedName(request->name(), "jobs"));
                    call.Note("job", request->name());
                    absl::StatusOr<v1::Job> job = api_.queue.Get(request->name());
                    RETURN_IF_ERROR(WithResource(job.status(), request->name()));
                    *response->mutable_job() = *std::move(job);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* JobService::ListJobs(grpc::CallbackServerContext* context,
                                               const v1::ListJobsRequest* request,
                                               v1::ListJobsResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/ListJobs", context,
                  [this, request, response](Call&) -> absl::Status {
                    FieldErrors errors;
                    if (!request->model().empty()) {
                      CheckName("model", request->model(), "models", errors);
                    }
                    for (int state : request->states()) {
                      errors.Check(v1::Job::State_IsValid(state) && state != 0, "states",
                                   "has one that is none of the states");
                    }
                    RETURN_IF_ERROR(errors.ToStatus());
                    ASSIGN_OR_RETURN(*response, api_.queue.List(*request));
                    return absl::OkStatus();
                  });
}

grpc::ServerWriteReactor<v1::WatchJobResponse>* JobService::WatchJob(
    grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) {
  return NewWatchStream(api_, context, *request);
}

grpc::ServerUnaryReactor* JobService::CancelJob(grpc::CallbackServerContext* context,
                                                const v1::CancelJobRequest* request,
                                                v1::CancelJobResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/CancelJob", context,
                  [this, request, response](Call& call) -> absl::Status {
                    RETURN_IF_ERROR(CheckedName(request->name(), "jobs"));
                    call.Note("job", request->name());
                    absl::StatusOr<v1::Job> job = api_.queue.Cancel(request->name());
                    RETURN_IF_ERROR(WithResource(job.status(), request->name()));
                    *response->mutable_job() = *std::move(job);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* JobService::DeleteJob(grpc::CallbackServerContext* context,
                                                const v1::DeleteJobRequest* request,
                                                v1::DeleteJobResponse*) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/DeleteJob", context,
                  [this, request](Call& call) -> absl::Status {
                    RETURN_IF_ERROR(CheckedName(request->name(), "jobs"));
                    call.Note("job", request->name());
                    return WithResource(api_.queue.Delete(request->name()), request->name());
                  });
}

grpc::ServerUnaryReactor* JobService::GetReport(grpc::CallbackServerContext* context,
                                                const v1::GetReportRequest* request,
                                                v1::GetReportResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/GetReport", context,
                  [this, request, response](Call& call) -> absl::Status {
                    RETURN_IF_ERROR(CheckedName(request->name(), "jobs"));
                    call.Note("job", request->name());
                    absl::StatusOr<v1::Report> report = api_.queue.GetReport(request->name());
                    RETURN_IF_ERROR(WithResource(report.status(), request->name()));
                    *response->mutable_report() = *std::move(report);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* JobService::GetCapabilities(grpc::CallbackServerContext* context,
                                                      const v1::GetCapabilitiesRequest*,
                                                      v1::GetCapabilitiesResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.JobService/GetCapabilities", context,
                  [this, response](Call&) {
                    *response = api_.options.capabilities;
                    return absl::OkStatus();
                  });
}

}  // namespace octavo
