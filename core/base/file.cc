#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::Status ErrnoStatus(int error, absl::string_view doing) {
  const std::string message = absl::StrCat(doing, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
      return WithReason(absl::ResourceExhaustedError(message), "DISK_FULL");
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::ResourceExhaustedError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case EISDIR:
      return absl::InvalidArgumentError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<UniqueFd> OpenForReading(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, path);
  return UniqueFd(fd);
}

absl::StatusOr<int64_t> FileSize(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus(errno, "fstat");
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError("not a regular file");
  return info.st_size;
}

absl::Status ReadAt(int fd, int64_t offset, std::span<uint8_t> into) {
  while (!into.empty()) {
    const ssize_t count = ::pread(fd, into.data(), into.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "read");
    if (count == 0) return absl::OutOfRangeError("the file ends too early");
    into = into.subspan(count);
    offset += count;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint8_t>> ReadFile(int fd, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd));
  if (size_bytes > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the file has ", size_bytes, " bytes, more than ", max_bytes));
  }
  std::vector<uint8_t> bytes(size_bytes);
  RETURN_IF_ERROR(ReadAt(fd, 0, bytes));
  return bytes;
}

absl::StatusOr<std::vector<uint8_t>> ReadFile(const std::string& path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForReading(path));
  return ReadFile(fd.get(), max_bytes);
}

absl::Status WriteAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "write");
    bytes = bytes.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  return WriteAll(fd, std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

absl::Status WriteFileAtomically(int folder_fd, const std::string& name,
                                 std::span<const uint8_t> bytes) {
  const std::string temporary = absl::StrCat(".", name, ".part");
  UniqueFd fd(
      ::openat(folder_fd, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(errno, name);
  absl::Status status = WriteAll(fd.get(), bytes);
  if (status.ok() && ::fsync(fd.get()) != 0) status = ErrnoStatus(errno, "fsync");
  fd.Close();
  if (status.ok() && ::renameat(folder_fd, temporary.c_str(), folder_fd, name.c_str()) != 0) {
    status = ErrnoStatus(errno, "rename");
  }
  if (!status.ok()) {
    ::unlinkat(folder_fd, temporary.c_str(), 0);
    return Annotate(status, name);
  }
  if (::fsync(folder_fd) != 0 && errno != EINVAL) return ErrnoStatus(errno, "fsync of the folder");
  return absl::OkStatus();
}

}  // namespace octavo
