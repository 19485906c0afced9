#include "core/base/crc32c.h"

#include "absl/crc/crc32c.h"

namespace octavo {

uint32_t Crc32c(absl::string_view bytes) {
  return static_cast<uint32_t>(absl::ComputeCrc32c(bytes));
}

}  // namespace octavo
