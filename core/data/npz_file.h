// A .npz file as a table of arrays: where each one's bytes are.

#ifndef OCTAVO_CORE_DATA_NPZ_FILE_H_
#define OCTAVO_CORE_DATA_NPZ_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/data/npy_header.h"

namespace octavo {

struct NpzArray {
  std::string name;  // without ".npy"
  NpyHeader header;
  uint64_t entry = 0;  // its place in the zip
  // Where the first element lies in the file; -1: the array is deflated.
  int64_t file_offset = -1;
  // Of the entry, as it lies in the file.
  int64_t packed_bytes = 0;
};

// Not thread-safe: one thread at a time, because libzip has one place in the file.
class NpzFile {
 public:
  // Reads the directory and every array's header, by pread. `fd` must outlive the file.
  //
  // INVALID_ARGUMENT (DATASET_MALFORMED), naming the array: no zip, encrypted, packed otherwise
  // than by deflate, no .npy array, a name twice, a size that contradicts the shape or that deflate
  // cannot reach. Nothing is unpacked but headers.
  static absl::StatusOr<NpzFile> Open(int fd);
  NpzFile(NpzFile&&) noexcept;
  NpzFile& operator=(NpzFile&&) noexcept;
  ~NpzFile();

  // In the order of the zip.
  const std::vector<NpzArray>& arrays() const;
  // Null where there is none.
  const NpzArray* Find(absl::string_view name) const;

  // The first `bytes` bytes of a deflated array's elements. DATASET_MALFORMED: they cannot be
  // unpacked.
  absl::StatusOr<std::vector<uint8_t>> Unpack(const NpzArray& array, int64_t bytes);

 private:
  struct State;
  explicit NpzFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_NPZ_FILE_H_
