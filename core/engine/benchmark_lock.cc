#include "core/engine/benchmark_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Not below TMPDIR: users have tmp folders of their own, and the processors in common.
constexpr char kPath[] = "/tmp/octavo-benchmark.lock";
// Nobody waits at a FIFO or follows a link that somebody put there.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

// Somebody else's file in a sticky folder can be opened, but not with O_CREAT (protected_regular).
UniqueFd OpenOrCreate() {
  constexpr int kAttempts = 3;  // it may come and go between the two calls
  UniqueFd fd;
  for (int attempt = 0; attempt < kAttempts && !fd.valid(); ++attempt) {
    fd = UniqueFd(::open(kPath, kFlags));
    if (fd.valid() || errno != ENOENT) return fd;
    fd = UniqueFd(::open(kPath, kFlags | O_CREAT | O_EXCL, 0666));
    // Against the umask.
    if (fd.valid()) ::fchmod(fd.get(), 0666);
  }
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> OpenBenchmarkLock() {
  UniqueFd fd = OpenOrCreate();
  if (!fd.valid()) return ErrnoStatus(errno, kPath);
  RETURN_IF_ERROR(FileSize(fd.get()).status(), kPath);
  return fd;
}

}  // namespace octavo
