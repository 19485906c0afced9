// Downloads: into memory, or into a temporary file beside the target, which appears whole and
// checked.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Takes the artifact's bytes in order, each once.
using Sink = absl::FunctionRef<absl::Status(absl::string_view)>;

// What has come so far.
struct Received {
  Sha256 sha256;
  int64_t bytes = 0;
};

absl::Status ReadOnce(Connection& connection, const v1::Artifact& artifact, Sink sink,
                      Received& received, const ByteProgress& progress) {
  grpc::ClientContext context;
  v1::DownloadArtifactRequest request;
  request.set_name(artifact.name());
  request.set_offset(received.bytes);
  if (progress) progress(received.bytes, artifact.size_bytes());
  v1::DownloadArtifactResponse response;
  const auto stream = connection.artifacts->DownloadArtifact(&context, request);
  while (stream->Read(&response)) {
    if (Crc32c(response.chunk()) != response.crc32c()) {
      context.TryCancel();
      return absl::UnavailableError("a chunk arrived damaged");
    }
    RETURN_IF_ERROR(sink(response.chunk()));
    received.sha256.Update(absl::string_view(response.chunk()));
    received.bytes += response.chunk().size();
    if (progress) progress(received.bytes, artifact.size_bytes());
  }
  return FromGrpc(stream->Finish());
}

// The whole artifact, over broken connections.
absl::Status ReadAll(Connection& connection, const v1::Artifact& artifact, Sink sink,
                     const ByteProgress& progress) {
  Received received;
  Backoff backoff = connection.NewBackoff();
  absl::Status status;
  do {
    const int64_t before = received.bytes;
    status = ReadOnce(connection, artifact, sink, received, progress);
    if (received.bytes > before) backoff.Progress();
  } while (backoff.WaitAfter(status));
  RETURN_IF_ERROR(status);
  if (received.sha256.HexDigest() != artifact.digest()) {
    return absl::DataLossError(absl::StrCat("its digest is ", received.sha256.HexDigest()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Download(Connection& connection, const v1::Artifact& artifact, const std::string& path,
                      const ByteProgress& progress) {
  const std::string temporary = absl::StrCat(path, ".part");
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(errno, temporary);
  const auto write = [&fd](absl::string_view bytes) { return WriteAll(fd.get(), bytes); };
  absl::Status status = ReadAll(connection, artifact, write, progress);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, "rename");
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return Annotate(status, artifact.file_name());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DownloadIntoMemory(Connection& connection,
                                               const v1::Artifact& artifact) {
  std::string text;
  const auto append = [&text](absl::string_view bytes) {
    text.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ReadAll(connection, artifact, append, {}), artifact.file_name());
  return text;
}

}  // namespace octavo
