#include "tests/client/fake_server.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "core/base/crc32c.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToRpcStatus(status).SerializeAsString());
}

grpc::Status Broken() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the line broke"); }

// Whether `planned` is now; it happens once.
bool Comes(int& planned, int now) {
  if (planned != now) return false;
  planned = -1;
  return true;
}

}  // namespace

grpc::Status FakeUploads::CreateUpload(grpc::ServerContext*, const v1::CreateUploadRequest* request,
                                       v1::CreateUploadResponse* response) {
  upload.Clear();
  bytes.clear();
  upload.set_name("uploads/one");
  upload.set_kind(request->kind());
  upload.set_size_bytes(request->size_bytes());
  upload.set_digest(request->digest());
  upload.set_state(v1::Upload::STATE_OPEN);
  if (blobs.count(request->digest()) > 0) {
    upload.set_state(v1::Upload::STATE_COMPLETE);
    response->set_already_exists(true);
  }
  *response->mutable_upload() = upload;
  response->set_chunk_bytes(kChunkBytes);
  return grpc::Status::OK;
}

grpc::Status FakeUploads::Append(v1::WriteUploadRequest request) {
  const int number = chunks_++;
  if (Comes(break_before_chunk, number)) return Broken();
  if (Comes(damage_chunk, number)) (*request.mutable_chunk())[0] ^= 1;
  if (Crc32c(request.chunk()) != request.crc32c()) {
    return ToGrpc(WithReason(absl::DataLossError("a chunk is damaged"), "CHECKSUM_MISMATCH"));
  }
  bytes += request.chunk();
  upload.set_committed_bytes(static_cast<int64_t>(bytes.size()));
  return grpc::Status::OK;
}

grpc::Status FakeUploads::WriteUpload(grpc::ServerContext*,
                                      grpc::ServerReader<v1::WriteUploadRequest>* reader,
                                      v1::WriteUploadResponse* response) {
  v1::WriteUploadRequest request;
  reader->Read(&request);
  offsets.push_back(request.offset());
  if (request.name() != upload.name() || request.offset() != upload.committed_bytes()) {
    return ToGrpc(WithReason(absl::OutOfRangeError("another offset"), "OFFSET_MISMATCH"));
  }
  while (reader->Read(&request) && !request.finish()) {
    if (const grpc::Status status = Append(request); !status.ok()) return status;
  }
  if (!request.finish()) return Broken();
  if (Sha256Hex(absl::string_view(bytes)) != upload.digest()) {
    return ToGrpc(WithReason(absl::InvalidArgumentError("another digest"), "DIGEST_MISMATCH"));
  }
  blobs[upload.digest()] = bytes;
  upload.set_state(v1::Upload::STATE_COMPLETE);
  if (std::exchange(drop_finish_answer, false)) return Broken();
  *response->mutable_upload() = upload;
  return grpc::Status::OK;
}

grpc::Status FakeUploads::GetUpload(grpc::ServerContext*, const v1::GetUploadRequest* request,
                                    v1::GetUploadResponse* response) {
  if (request->name() != upload.name()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "");
  *response->mutable_upload() = upload;
  return grpc::Status::OK;
}

grpc::Status FakeModels::CreateModel(grpc::ServerContext*, const v1::CreateModelRequest* request,
                                     v1::CreateModelResponse* response) {
  requests.push_back(*request);
  v1::Model& model = *response->mutable_model();
  model.set_name("models/aaaaaaaaaaaaaaaaaaaaaaaaaa");
  model.set_display_name(request->display_name());
  model.set_state(error.code() == 0 ? v1::Model::STATE_READY : v1::Model::STATE_REJECTED);
  if (error.code() != 0) *model.mutable_error() = error;
  return grpc::Status::OK;
}

grpc::Status FakeJobs::CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                                 v1::CreateJobResponse* response) {
  request_ids.push_back(request->request_id());
  if (refuse_creates > 0) {
    --refuse_creates;
    return ToGrpc(WithRetryDelay(
        WithReason(absl::ResourceExhaustedError("too many jobs are queued"), "QUEUE_FULL"),
        retry_delay));
  }
  const auto [job, is_new] = queued.try_emplace(request->request_id());
  if (is_new) {
    job->second.set_name(absl::StrCat("jobs/", queued.size()));
    *job->second.mutable_spec() = request->spec();
  }
  if (lose_create_answers > 0) {
    --lose_create_answers;
    return Broken();
  }
  *response->mutable_job() = job->second;
  return grpc::Status::OK;
}

grpc::Status FakeJobs::WatchJob(grpc::ServerContext*, const v1::WatchJobRequest* request,
                                grpc::ServerWriter<v1::WatchJobResponse>* writer) {
  after_numbers.push_back(request->after_number());
  v1::WatchJobResponse response;
  *response.mutable_snapshot() = watched;
  response.mutable_snapshot()->set_state(v1::Job::STATE_RUNNING);
  writer->Write(response);
  for (const v1::JobEvent& event : events) {
    if (event.number() <= request->after_number()) continue;
    *response.mutable_event() = event;
    writer->Write(response);
    const auto planned =
        std::find(break_after_events.begin(), break_after_events.end(), event.number());
    if (planned == break_after_events.end()) continue;
    break_after_events.erase(planned);
    return Broken();
  }
  *response.mutable_snapshot() = watched;
  writer->Write(response);
  return grpc::Status::OK;
}

grpc::Status FakeArtifacts::DownloadArtifact(
    grpc::ServerContext*, const v1::DownloadArtifactRequest* request,
    grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) {
  offsets.push_back(request->offset());
  v1::DownloadArtifactResponse response;
  for (size_t at = request->offset(); at < bytes.size(); at += kChunkBytes) {
    const int number = chunks_++;
    if (Comes(break_before_chunk, number)) return Broken();
    response.set_chunk(bytes.substr(at, kChunkBytes));
    response.set_crc32c(Crc32c(response.chunk()));
    if (Comes(damage_chunk, number)) (*response.mutable_chunk())[0] ^= 1;
    writer->Write(response);
  }
  return grpc::Status::OK;
}

FakeServer::FakeServer() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&uploads);
  builder.RegisterService(&models);
  builder.RegisterService(&jobs);
  builder.RegisterService(&artifacts);
  server_ = builder.BuildAndStart();
  CHECK(server_ != nullptr);
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeServer::~FakeServer() { server_->Shutdown(); }

}  // namespace octavo
