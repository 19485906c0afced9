#include "server/api/upload_service.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "server/api/field_checks.h"
#include "server/api/grpc_status.h"
#include "server/api/unary.h"
#include "server/api/upload_stream.h"
#include "server/store/random_id.h"
#include "server/store/timestamps.h"

namespace octavo {
namespace {

// What the client is told to send in one message: large enough for the disk, small enough to show
// progress.
constexpr int32_t kGoodChunkBytes = 512 << 10;

absl::Status CheckRequest(const v1::CreateUploadRequest& request, const ApiOptions& options) {
  FieldErrors errors;
  errors.Check(request.kind() == v1::UPLOAD_KIND_MODEL || request.kind() == v1::UPLOAD_KIND_DATASET,
               "kind", "is neither a model nor a data set");
  errors.Check(request.size_bytes() >= 0, "size_bytes", "is negative");
  errors.Check(request.size_bytes() <= options.max_upload_bytes, "size_bytes",
               absl::StrCat("is more than the ", options.max_upload_bytes, " that are taken"));
  errors.Check(request.digest().empty() || IsSha256Hex(request.digest()), "digest",
               "is not 64 lower-case hexadecimal digits");
  CheckText("request_id", request.request_id(), errors);
  return errors.ToStatus();
}

// What makes two requests the same.
std::string FingerprintOf(const v1::CreateUploadRequest& request) {
  return Sha256Hex(absl::StrCat(request.kind(), " ", request.size_bytes(), " ", request.digest()));
}

// The blob that the request declares, if the bytes are here already.
absl::StatusOr<std::optional<StoredBlob>> FindBlob(const v1::CreateUploadRequest& request,
                                                   BlobStore& blobs) {
  if (request.digest().empty()) return std::nullopt;
  const absl::StatusOr<StoredBlob> blob = blobs.Touch(request.digest());
  if (absl::IsNotFound(blob.status())) return std::nullopt;
  RETURN_IF_ERROR(blob.status());
  if (request.size_bytes() != 0 && request.size_bytes() != blob->size_bytes) {
    return FieldError("size_bytes", "is not the size of the bytes with this digest");
  }
  return *blob;
}

absl::Status CheckRoom(const v1::CreateUploadRequest& request, BlobStore& blobs) {
  ASSIGN_OR_RETURN(const int64_t free_bytes, blobs.FreeBytes());
  if (request.size_bytes() < free_bytes) return absl::OkStatus();
  const absl::Status full =
      WithReason(absl::ResourceExhaustedError("there is no room for so many bytes"), "DISK_FULL");
  return WithRetryDelay(WithQuotaFailure(full, "server"), absl::Minutes(1));
}

absl::Status TooManyUploadsError(int64_t limit) {
  const absl::Status full =
      WithReason(absl::ResourceExhaustedError(absl::StrCat(limit, " uploads are open already")),
                 "QUOTA_UPLOADS");
  return WithRetryDelay(WithQuotaFailure(full, "server"), absl::Seconds(30));
}

v1::Upload NewUpload(const v1::CreateUploadRequest& request, const std::optional<StoredBlob>& blob,
                     absl::Time now, absl::Duration lifetime) {
  v1::Upload upload;
  upload.set_name(absl::StrCat("uploads/", NewId()));
  upload.set_kind(request.kind());
  upload.set_state(v1::Upload::STATE_OPEN);
  upload.set_size_bytes(request.size_bytes());
  upload.set_digest(request.digest());
  *upload.mutable_create_time() = ToTimestamp(now);
  *upload.mutable_expire_time() = ToTimestamp(now + lifetime);
  if (blob) {
    upload.set_state(v1::Upload::STATE_COMPLETE);
    upload.set_size_bytes(blob->size_bytes);
    upload.set_committed_bytes(blob->size_bytes);
  }
  return upload;
}

// The upload that this request id made before, if it did.
absl::StatusOr<std::optional<v1::Upload>> FindEarlier(StoreReader& reader,
                                                      const v1::CreateUploadRequest& request) {
  if (request.request_id().empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<RequestRecord> record,
                   reader.FindRequest("uploads", request.request_id()));
  if (!record) return std::nullopt;
  if (record->fingerprint != FingerprintOf(request)) {
    return WithReason(
        absl::AlreadyExistsError("the request id was used with another kind, size or digest"),
        "REQUEST_ID_REUSED");
  }
  ASSIGN_OR_RETURN(v1::Upload upload, reader.GetUpload(record->name));
  return upload;
}

// The row, with what the disk knows better of an open upload.
absl::StatusOr<v1::Upload> WithCommittedBytes(v1::Upload upload, BlobStore& blobs) {
  if (upload.state() == v1::Upload::STATE_OPEN) {
    ASSIGN_OR_RETURN(const int64_t bytes, blobs.PartialBytes(IdOf(upload.name())));
    upload.set_committed_bytes(bytes);
  }
  return upload;
}

absl::Status Create(ApiContext& api, const v1::CreateUploadRequest& request,
                    v1::CreateUploadResponse& response) {
  RETURN_IF_ERROR(CheckRequest(request, api.options));
  ASSIGN_OR_RETURN(const std::optional<StoredBlob> blob, FindBlob(request, api.blobs));
  if (!blob) RETURN_IF_ERROR(CheckRoom(request, api.blobs));
  const v1::Upload fresh = NewUpload(request, blob, api.clock.Now(), api.options.upload_lifetime);
  v1::Upload upload;
  RETURN_IF_ERROR(api.store.Write([&](StoreWriter& writer) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::Upload> earlier, FindEarlier(writer, request));
    upload = earlier.value_or(fresh);
    if (earlier) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t open, writer.CountOpenUploads());
    if (!blob && open >= api.options.max_open_uploads) {
      return TooManyUploadsError(api.options.max_open_uploads);
    }
    if (!request.request_id().empty()) {
      RETURN_IF_ERROR(writer.InsertRequest("uploads", request.request_id(),
                                           {FingerprintOf(request), fresh.name()}));
    }
    return writer.PutUpload(fresh);
  }));
  ASSIGN_OR_RETURN(*response.mutable_upload(), WithCommittedBytes(std::move(upload), api.blobs));
  response.set_already_exists(response.upload().state() == v1::Upload::STATE_COMPLETE);
  response.set_chunk_bytes(std::min(kGoodChunkBytes, api.options.max_chunk_bytes));
  return absl::OkStatus();
}

absl::Status Get(ApiContext& api, const v1::GetUploadRequest& request,
                 v1::GetUploadResponse& response) {
  RETURN_IF_ERROR(CheckedName(request.name(), "uploads"));
  v1::Upload upload;
  const absl::Status read = api.store.Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(upload, reader.GetUpload(request.name()));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(WithResource(read, request.name()));
  ASSIGN_OR_RETURN(*response.mutable_upload(), WithCommittedBytes(std::move(upload), api.blobs));
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* UploadService::CreateUpload(grpc::CallbackServerContext* context,
                                                      const v1::CreateUploadRequest* request,
                                                      v1::CreateUploadResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.UploadService/CreateUpload", context,
                  [this, request, response](Call& call) {
                    const absl::Status status = Create(api_, *request, *response);
                    if (status.ok()) {
                      call.Note("upload", response->upload().name());
                    } else if (const std::string reason = ReasonOf(status); !reason.empty()) {
                      api_.metrics.upload_rejected.At({reason}).Increment();
                    }
                    return status;
                  });
}

grpc::ServerReadReactor<v1::WriteUploadRequest>* UploadService::WriteUpload(
    grpc::CallbackServerContext* context, v1::WriteUploadResponse* response) {
  return NewUploadStream(api_, context, response);
}

grpc::ServerUnaryReactor* UploadService::GetUpload(grpc::CallbackServerContext* context,
                                                   const v1::GetUploadRequest* request,
                                                   v1::GetUploadResponse* response) {
  return RunUnary(api_, api_.io, "/octavo.v1.UploadService/GetUpload", context,
                  [this, request, response](Call&) { return Get(api_, *request, *response); });
}

}  // namespace octavo
