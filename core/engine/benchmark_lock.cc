#include "core/engine/benchmark_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Nobody waits at a FIFO or follows a link that somebody put there.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

// Somebody else's file in a sticky folder can be opened, but not with O_CREAT (protected_regular).
UniqueFd OpenOrCreate(const char* path) {
  constexpr int kAttempts = 3;  // it may come and go between the two calls
  UniqueFd fd;
  for (int attempt = 0; attempt < kAttempts && !fd.valid(); ++attempt) {
    fd = UniqueFd(::open(path, kFlags));
    if (fd.valid() || errno != ENOENT) return fd;
    fd = UniqueFd(::open(path, kFlags | O_CREAT | O_EXCL, 0666));
    // Against the umask.
    if (fd.valid()) ::fchmod(fd.get(), 0666);
  }
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> OpenBenchmarkLock(const std::string& path) {
  UniqueFd fd = OpenOrCreate(path.c_str());
  if (!fd.valid()) return ErrnoStatus(errno, path);
  RETURN_IF_ERROR(FileSize(fd.get()).status(), path);
  return fd;
}

}  // namespace octavo
