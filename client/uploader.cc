// Uploads: the file is digested first, so that bytes which are there already are not sent.

#include <algorithm>

#include "client/connection.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/file_digest.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// What a stream, beside a broken connection, may end with and yet be gone on with from the
// committed size.
bool IsResumable(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status) || absl::IsAborted(status) ||
         absl::IsDeadlineExceeded(status);
}

// One stream, from `upload.committed_bytes` to the end.
absl::StatusOr<v1::Upload> WriteOnce(Connection& connection, int fd, const v1::Upload& upload,
                                     int chunk_bytes, const ByteProgress& progress) {
  grpc::ClientContext context;
  v1::WriteUploadResponse response;
  const auto stream = connection.uploads->WriteUpload(&context, &response);
  int64_t offset = upload.committed_bytes();
  v1::WriteUploadRequest request;
  request.set_name(upload.name());
  request.set_offset(offset);
  bool open = stream->Write(request);
  if (progress) progress(offset, upload.size_bytes());
  request.Clear();
  while (open && offset < upload.size_bytes()) {
    std::string& chunk = *request.mutable_chunk();
    chunk.resize(std::min<int64_t>(chunk_bytes, upload.size_bytes() - offset));
    RETURN_IF_ERROR(
        ReadAt(fd, offset, std::span(reinterpret_cast<uint8_t*>(chunk.data()), chunk.size())));
    request.set_crc32c(Crc32c(chunk));
    open = stream->Write(request);
    offset += chunk.size();
    if (open && progress) progress(offset, upload.size_bytes());
  }
  request.Clear();
  request.set_finish(true);
  if (open) stream->Write(request);
  stream->WritesDone();
  RETURN_IF_ERROR(FromGrpc(stream->Finish()));
  return response.upload();
}

}  // namespace

absl::StatusOr<v1::Upload> SendFile(Connection& connection, const std::string& path,
                                    v1::UploadKind kind, const ByteProgress& progress) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForReading(path));
  v1::CreateUploadRequest request;
  request.set_kind(kind);
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd.get()), path);
  request.set_size_bytes(size_bytes);
  ASSIGN_OR_RETURN(*request.mutable_digest(), DigestOfFile(fd.get()), path);
  ASSIGN_OR_RETURN(
      const v1::CreateUploadResponse created,
      Call(connection, *connection.uploads, &v1::UploadService::Stub::CreateUpload, request), path);
  if (created.already_exists()) {
    if (progress) progress(size_bytes, size_bytes);
    return created.upload();
  }
  Backoff backoff = connection.NewBackoff();
  v1::Upload upload = created.upload();
  upload.set_size_bytes(size_bytes);
  while (true) {
    absl::StatusOr<v1::Upload> written =
        WriteOnce(connection, fd.get(), upload, created.chunk_bytes(), progress);
    if (written.ok()) return written;
    const absl::Status& status = written.status();
    const bool again = IsResumable(status) ? backoff.Wait() : backoff.WaitAfter(status);
    if (!again) return Annotate(status, path);
    v1::GetUploadRequest get;
    get.set_name(upload.name());
    ASSIGN_OR_RETURN(
        const v1::GetUploadResponse now,
        Call(connection, *connection.uploads, &v1::UploadService::Stub::GetUpload, get), path);
    if (now.upload().state() == v1::Upload::STATE_COMPLETE) return now.upload();
    if (now.upload().committed_bytes() > upload.committed_bytes()) backoff.Progress();
    upload.set_committed_bytes(now.upload().committed_bytes());
  }
}

}  // namespace octavo
