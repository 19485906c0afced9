// A zip as a table of entries: what each one claims, and where its bytes are.

#ifndef OCTAVO_CORE_DATA_ZIP_FILE_H_
#define OCTAVO_CORE_DATA_ZIP_FILE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

// What the directory says of an entry, as far as it can be true.
struct PackedEntry {
  uint64_t index = 0;
  int64_t size_bytes = 0;
  int64_t packed_bytes = 0;
  bool is_deflated = false;  // else stored
  bool is_regular = true;    // neither a folder nor a link
  uint32_t crc32 = 0;
};

// Not thread-safe: one thread at a time, because libzip has one place in the file.
class ZipFile {
 public:
  // Reads the directory, by pread. `fd` must outlive the file. INVALID_ARGUMENT
  // (DATASET_MALFORMED): `this is no <kind>`, for libzip's reason.
  static absl::StatusOr<ZipFile> Open(int fd, absl::string_view kind);
  ZipFile(ZipFile&&) noexcept;
  ZipFile& operator=(ZipFile&&) noexcept;
  ~ZipFile();

  int64_t num_entries() const;
  // In UTF-8, if libzip can make it so. Empty: there is none.
  std::string Name(uint64_t index) const;
  // DATASET_MALFORMED: damaged, encrypted, packed otherwise than by deflate, or of a size that
  // deflate cannot reach.
  absl::StatusOr<PackedEntry> Stat(uint64_t index) const;
  // Where the packed bytes of an entry begin, which lie in the file. DATASET_MALFORMED: they do
  // not.
  absl::StatusOr<int64_t> Offset(const PackedEntry& entry);
  // The first bytes of an entry, unpacked, into each part in turn; gives how many there were. The
  // sum over the entry is checked where its end is reached.
  absl::StatusOr<int64_t> Read(uint64_t index, std::span<const std::span<uint8_t>> parts);

 private:
  struct State;
  explicit ZipFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ZIP_FILE_H_
