#include "core/base/file_digest.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {

absl::StatusOr<std::string> DigestOfFile(int fd) {
  constexpr int64_t kPartBytes = 1 << 20;
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd));
  Sha256 sha256;
  std::vector<uint8_t> part;
  for (int64_t offset = 0; offset < size_bytes; offset += kPartBytes) {
    part.resize(std::min(size_bytes - offset, kPartBytes));
    RETURN_IF_ERROR(ReadAt(fd, offset, part));
    sha256.Update(part);
  }
  return sha256.HexDigest();
}

}  // namespace octavo
