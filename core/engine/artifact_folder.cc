#include "core/engine/artifact_folder.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

constexpr int kLevel = 9;
constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to ask for gzip's frame
constexpr int kMemoryLevel = 8;           // zlib's default

}  // namespace

absl::StatusOr<int64_t> GzipSize(std::span<const uint8_t> bytes) {
  z_stream stream;
  std::memset(&stream, 0, sizeof stream);
  if (::deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    return absl::InternalError("zlib cannot begin");
  }
  std::array<uint8_t, 64 << 10> packed;
  int64_t packed_bytes = 0;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const size_t part = std::min<size_t>(bytes.size(), 1 << 30);
    stream.next_in = const_cast<uint8_t*>(bytes.data());
    stream.avail_in = static_cast<uInt>(part);
    stream.next_out = packed.data();
    stream.avail_out = packed.size();
    state = ::deflate(&stream, part == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    if (state == Z_STREAM_ERROR) break;
    bytes = bytes.subspan(part - stream.avail_in);
    packed_bytes += static_cast<int64_t>(packed.size() - stream.avail_out);
  }
  ::deflateEnd(&stream);
  if (state != Z_STREAM_END) return absl::InternalError("zlib cannot go on");
  return packed_bytes;
}

absl::StatusOr<v1::Artifact> ArtifactFolder::Write(const std::string& file_name,
                                                   std::span<const uint8_t> bytes,
                                                   Gzip gzip) const {
  RETURN_IF_ERROR(WriteFileAtomically(folder_fd_, file_name, bytes));
  v1::Artifact artifact;
  artifact.set_digest(Sha256Hex(bytes));
  artifact.set_name(absl::StrCat("artifacts/", artifact.digest()));
  artifact.set_file_name(file_name);
  artifact.set_size_bytes(static_cast<int64_t>(bytes.size()));
  if (gzip == Gzip::kMeasure) {
    ASSIGN_OR_RETURN(const int64_t packed_bytes, GzipSize(bytes), file_name);
    artifact.set_gzip_size_bytes(packed_bytes);
  }
  return artifact;
}

void ArtifactFolder::Remove(const std::string& file_name) const {
  ::unlinkat(folder_fd_, file_name.c_str(), 0);
}

}  // namespace octavo
