// Zip files and .npy arrays made byte by byte, so that tests can make wrong ones.

#ifndef OCTAVO_TESTS_CORE_DATA_ZIP_BYTES_H_
#define OCTAVO_TESTS_CORE_DATA_ZIP_BYTES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/file.h"

namespace octavo {

struct ZipEntry {
  std::string name;
  std::string bytes;
  bool deflate = false;
  // Said instead of the truth.
  std::optional<uint32_t> claimed_size{};
  std::optional<uint32_t> claimed_packed_size{};
  std::optional<uint32_t> claimed_crc{};
  uint16_t flags = 0;
};

std::string ZipBytes(const std::vector<ZipEntry>& entries);

// A version 1 array: `header` is the dictionary's text.
std::string NpyBytes(absl::string_view header, absl::string_view data);
// One of NumPy's usual headers: NpyBytes("<f4", "(2, 3)", ...).
std::string NpyBytes(absl::string_view descr, absl::string_view shape, absl::string_view data);

// A file without a name that holds `bytes`.
UniqueFd FileOf(absl::string_view bytes);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_DATA_ZIP_BYTES_H_
