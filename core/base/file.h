// Files and descriptors: read whole, written so that a crash leaves the old file or the new one.

#ifndef OCTAVO_CORE_BASE_FILE_H_
#define OCTAVO_CORE_BASE_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

// A file descriptor that is closed at the end. -1: none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void Close();

 private:
  int fd_ = -1;
};

// Opened with O_CLOEXEC. NOT_FOUND, PERMISSION_DENIED or INTERNAL, naming the path.
absl::StatusOr<UniqueFd> OpenForReading(const std::string& path);

// Of a regular file, bytes. INVALID_ARGUMENT: it is none.
absl::StatusOr<int64_t> FileSize(int fd);

// Fills `into` from `offset`, by pread. OUT_OF_RANGE: the file ends before.
absl::Status ReadAt(int fd, int64_t offset, std::span<uint8_t> into);

// The whole file, by pread from offset 0. RESOURCE_EXHAUSTED: more than `max_bytes`.
absl::StatusOr<std::vector<uint8_t>> ReadFile(int fd, int64_t max_bytes);
absl::StatusOr<std::vector<uint8_t>> ReadFile(const std::string& path, int64_t max_bytes);

// All of `bytes`, however the kernel cuts them. RESOURCE_EXHAUSTED: the disk is full or a limit is
// reached.
absl::Status WriteAll(int fd, std::span<const uint8_t> bytes);
absl::Status WriteAll(int fd, absl::string_view bytes);

// Writes a temporary file beside `name` in the folder, syncs it, renames it into place and syncs
// the folder.
absl::Status WriteFileAtomically(int folder_fd, const std::string& name,
                                 std::span<const uint8_t> bytes);

// An errno as a status: "`doing`: No space left on device".
absl::Status ErrnoStatus(int error, absl::string_view doing);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_FILE_H_
