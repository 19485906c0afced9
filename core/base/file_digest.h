// The digest of a file's bytes, however many there are.

#ifndef OCTAVO_CORE_BASE_FILE_DIGEST_H_
#define OCTAVO_CORE_BASE_FILE_DIGEST_H_

#include <string>

#include "absl/status/statusor.h"

namespace octavo {

// SHA-256 of a regular file, as Sha256::HexDigest writes it; by pread from offset 0, in parts,
// because a data set may be larger than memory. OUT_OF_RANGE: it became shorter meanwhile.
absl::StatusOr<std::string> DigestOfFile(int fd);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_FILE_DIGEST_H_
