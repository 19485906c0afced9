// CRC32C checksums (RFC 3720, section 12.1), of chunks on the wire.

#ifndef OCTAVO_CORE_BASE_CRC32C_H_
#define OCTAVO_CORE_BASE_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace octavo {

uint32_t Crc32c(absl::string_view bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_CRC32C_H_
