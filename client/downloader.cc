// Downloads: into a temporary file beside the target, which appears whole and checked.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// What has come so far.
struct Received {
  Sha256 sha256;
  int64_t bytes = 0;
  std::string digest;
};

absl::Status ReadOnce(Connection& connection, const v1::Artifact& artifact, int fd,
                      Received& received, const ByteProgress& progress) {
  grpc::ClientContext context;
  v1::DownloadArtifactRequest request;
  request.set_name(artifact.name());
  request.set_offset(received.bytes);
  v1::DownloadArtifactResponse response;
  const auto stream = connection.artifacts->DownloadArtifact(&context, request);
  while (stream->Read(&response)) {
    if (Crc32c(response.chunk()) != response.crc32c()) {
      context.TryCancel();
      return absl::UnavailableError("a chunk arrived damaged");
    }
    RETURN_IF_ERROR(WriteAll(fd, absl::string_view(response.chunk())));
    received.sha256.Update(absl::string_view(response.chunk()));
    received.bytes += response.chunk().size();
    if (!response.digest().empty()) received.digest = response.digest();
    if (progress) progress(received.bytes, artifact.size_bytes());
  }
  return FromGrpc(stream->Finish());
}

}  // namespace

absl::Status Download(Connection& connection, const v1::Artifact& artifact, const std::string& path,
                      const ByteProgress& progress) {
  const std::string temporary = absl::StrCat(path, ".part");
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(errno, temporary);
  Received received;
  Backoff backoff = connection.NewBackoff();
  absl::Status status;
  while (true) {
    const int64_t before = received.bytes;
    status = ReadOnce(connection, artifact, fd.get(), received, progress);
    if (!IsTransient(status)) break;
    if (received.bytes > before) backoff.Progress();
    if (!backoff.Wait()) break;
  }
  if (status.ok() && received.sha256.HexDigest() != artifact.digest()) {
    status = absl::DataLossError(absl::StrCat("its digest is ", received.sha256.HexDigest()));
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, "rename");
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return Annotate(status, artifact.file_name());
  }
  return absl::OkStatus();
}

}  // namespace octavo
