#include "server/api/model_service.h"

#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "server/api/field_checks.h"
#include "server/api/finished_upload.h"
#include "server/api/grpc_status.h"
#include "server/api/unary.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

// What inspection found, as a state: a file that cannot be a model is an answer, not an error.
absl::Status Inspect(Inspector& inspector, v1::Model& model) {
  auto info = inspector.InspectModel(model.digest(), model.display_name());
  if (info.ok()) {
    model.set_state(v1::Model::STATE_READY);
    *model.mutable_info() = *std::move(info);
    return absl::OkStatus();
  }
  if (!Inspector::IsVerdict(info.status())) return info.status();
  model.set_state(v1::Model::STATE_REJECTED);
  *model.mutable_error() = ToRpcStatus(info.status());
  return absl::OkStatus();
}

absl::Status Create(ApiContext& api, const v1::CreateModelRequest& request, v1::Model& model) {
  FieldErrors errors;
  CheckName("upload", request.upload(), "uploads", errors);
  CheckText("display_name", request.display_name(), errors);
  CheckLabels("labels", request.labels(), errors);
  RETURN_IF_ERROR(errors.ToStatus());
  ASSIGN_OR_RETURN(const v1::Upload upload,
                   FinishedUpload(api, request.upload(), v1::UPLOAD_KIND_MODEL));

  model.set_name(absl::StrCat("models/", NewId()));
  model.set_display_name(request.display_name());
  model.set_size_bytes(upload.size_bytes());
  model.set_digest(upload.digest());
  *model.mutable_labels() = request.labels();
  RETURN_IF_ERROR(Inspect(api.inspector, model));
  *model.mutable_create_time() = ToTimestamp(api.clock.Now());
  // Inspection took its time: the blob must not be swept before the row names it.
  RETURN_IF_ERROR(api.blobs.Touch(model.digest()).status());
  return api.store.Write([&](StoreWriter& writer) { return writer.PutModel(model); });
}

absl::Status Get(ApiContext& api, const std::string& name, v1::Model& model) {
  RETURN_IF_ERROR(CheckedName(name, "models"));
  const absl::Status read = api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(model, reader.GetModel(name));
    return absl::OkStatus();
  });
  return WithResource(read, name);
}

absl::Status List(ApiContext& api, const v1::ListModelsRequest& request,
                  v1::ListModelsResponse& response) {
  ASSIGN_OR_RETURN(const PageRequest page,
                   ParsePageRequest(request.page_size(), request.page_token()));
  return api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(Page<v1::Model> found, reader.ListModels(page));
    response.mutable_models()->Assign(found.items.begin(), found.items.end());
    response.set_next_page_token(found.next_page_token);
    return absl::OkStatus();
  });
}

absl::Status Delete(ApiContext& api, const std::string& name) {
  RETURN_IF_ERROR(CheckedName(name, "models"));
  const absl::Status written = api.store.Write([&](StoreWriter& writer) -> absl::Status {
    RETURN_IF_ERROR(writer.GetModel(name).status());
    ASSIGN_OR_RETURN(const bool in_use, writer.IsInUse(name));
    if (in_use) return InUseError(name);
    return writer.DeleteModel(name);
  });
  return WithResource(written, name);
}

}  // namespace

grpc::ServerUnaryReactor* ModelService::CreateModel(grpc::CallbackServerContext* context,
                                                    const v1::CreateModelRequest* request,
                                                    v1::CreateModelResponse* response) {
  return RunUnary(api_, api_.inspections, "/octavo.v1.ModelService/CreateModel", context,
                  [this, request, response](Call& call) {
                    v1::Model& model = *response->mutable_model();
                    RETURN_IF_ERROR(Create(api_, *request, model));
                    call.Note("model", model.name());
                    call.Note("state", v1::Model::State_Name(model.state()));
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* ModelService::GetModel(grpc::CallbackServerContext* context,
                                                 const v1::GetModelRequest* request,
                                                 v1::GetModelResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.ModelService/GetModel", context,
                  [this, request, response](Call&) {
                    return Get(api_, request->name(), *response->mutable_model());
                  });
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* context,
                                                   const v1::ListModelsRequest* request,
                                                   v1::ListModelsResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.ModelService/ListModels", context,
                  [this, request, response](Call&) { return List(api_, *request, *response); });
}

grpc::ServerUnaryReactor* ModelService::DeleteModel(grpc::CallbackServerContext* context,
                                                    const v1::DeleteModelRequest* request,
                                                    v1::DeleteModelResponse*) {
  return RunUnary(api_, api_.io, "/octavo.v1.ModelService/DeleteModel", context,
                  [this, request](Call&) { return Delete(api_, request->name()); });
}

}  // namespace octavo
