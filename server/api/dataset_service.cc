#include "server/api/dataset_service.h"

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

// What inspection found, as a state: a file that cannot be a data set is an answer, not an error.
absl::Status Inspect(Inspector& inspector, v1::Dataset& dataset) {
  auto info = inspector.InspectDataset(dataset.digest(), dataset.display_name());
  if (info.ok()) {
    dataset.set_state(v1::Dataset::STATE_READY);
    *dataset.mutable_info() = *std::move(info);
    return absl::OkStatus();
  }
  if (!Inspector::IsVerdict(info.status())) return info.status();
  dataset.set_state(v1::Dataset::STATE_REJECTED);
  *dataset.mutable_error() = ToRpcStatus(info.status());
  return absl::OkStatus();
}

absl::Status Create(ApiContext& api, const v1::CreateDatasetRequest& request,
                    v1::Dataset& dataset) {
  FieldErrors errors;
  CheckName("upload", request.upload(), "uploads", errors);
  CheckText("display_name", request.display_name(), errors);
  CheckLabels("labels", request.labels(), errors);
  RETURN_IF_ERROR(errors.ToStatus());
  ASSIGN_OR_RETURN(const v1::Upload upload,
                   FinishedUpload(api, request.upload(), v1::UPLOAD_KIND_DATASET));

  dataset.set_name(absl::StrCat("datasets/", NewId()));
  dataset.set_display_name(request.display_name());
  dataset.set_size_bytes(upload.size_bytes());
  dataset.set_digest(upload.digest());
  *dataset.mutable_labels() = request.labels();
  RETURN_IF_ERROR(Inspect(api.inspector, dataset));
  *dataset.mutable_create_time() = ToTimestamp(api.clock.Now());
  // Inspection took its time: the blob must not be swept before the row names it.
  RETURN_IF_ERROR(api.blobs.Touch(dataset.digest()).status());
  return api.store.Write([&](StoreWriter& writer) { return writer.PutDataset(dataset); });
}

absl::Status Get(ApiContext& api, const std::string& name, v1::Dataset& dataset) {
  RETURN_IF_ERROR(CheckedName(name, "datasets"));
  const absl::Status read = api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(dataset, reader.GetDataset(name));
    return absl::OkStatus();
  });
  return WithResource(read, name);
}

absl::Status List(ApiContext& api, const v1::ListDatasetsRequest& request,
                  v1::ListDatasetsResponse& response) {
  ASSIGN_OR_RETURN(const PageRequest page,
                   ParsePageRequest(request.page_size(), request.page_token()));
  return api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(Page<v1::Dataset> found, reader.ListDatasets(page));
    response.mutable_datasets()->Assign(found.items.begin(), found.items.end());
    response.set_next_page_token(found.next_page_token);
    return absl::OkStatus();
  });
}

absl::Status Delete(ApiContext& api, const std::string& name) {
  RETURN_IF_ERROR(CheckedName(name, "datasets"));
  const absl::Status written = api.store.Write([&](StoreWriter& writer) -> absl::Status {
    RETURN_IF_ERROR(writer.GetDataset(name).status());
    ASSIGN_OR_RETURN(const bool in_use, writer.IsInUse(name));
    if (in_use) return InUseError(name);
    return writer.DeleteDataset(name);
  });
  return WithResource(written, name);
}

}  // namespace

grpc::ServerUnaryReactor* DatasetService::CreateDataset(grpc::CallbackServerContext* context,
                                                        const v1::CreateDatasetRequest* request,
                                                        v1::CreateDatasetResponse* response) {
  return RunUnary(api_, api_.inspections, "/octavo.v1.DatasetService/CreateDataset", context,
                  [this, request, response](Call& call) {
                    v1::Dataset& dataset = *response->mutable_dataset();
                    RETURN_IF_ERROR(Create(api_, *request, dataset));
                    call.Note("dataset", dataset.name());
                    call.Note("state", v1::Dataset::State_Name(dataset.state()));
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* DatasetService::GetDataset(grpc::CallbackServerContext* context,
                                                     const v1::GetDatasetRequest* request,
                                                     v1::GetDatasetResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.DatasetService/GetDataset", context,
                  [this, request, response](Call&) {
                    return Get(api_, request->name(), *response->mutable_dataset());
                  });
}

grpc::ServerUnaryReactor* DatasetService::ListDatasets(grpc::CallbackServerContext* context,
                                                       const v1::ListDatasetsRequest* request,
                                                       v1::ListDatasetsResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.DatasetService/ListDatasets", context,
                  [this, request, response](Call&) { return List(api_, *request, *response); });
}

grpc::ServerUnaryReactor* DatasetService::DeleteDataset(grpc::CallbackServerContext* context,
                                                        const v1::DeleteDatasetRequest* request,
                                                        v1::DeleteDatasetResponse*) {
  return RunUnary(api_, api_.io, "/octavo.v1.DatasetService/DeleteDataset", context,
                  [this, request](Call&) { return Delete(api_, request->name()); });
}

}  // namespace octavo
