#include "core/engine/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/error_reason.h"
#include "core/base/proc_status.h"

namespace octavo {
namespace {

// Everything that the child needs between vfork and exec, made before: it may not allocate.
struct ExecPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const std::pair<int, int>* fds;  // copies above all targets, so that no dup2 covers a source
  int fd_count;
  int parent;
  int file_mask;
  // What the child leaves behind where it cannot start: vfork shares its memory with us.
  volatile int error = 0;
  const char* volatile failed_step = "";
};

constexpr int kCannotExec = 127;

// Where the kernel kills on a lack of memory, it shall be the engine and not who started it.
void OfferToOomKiller() {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, "500", 3);
  ::close(fd);
}

// From `first` on, at exec.
void CloseFromAtExec(int first) {
  if (::syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  for (int fd = first; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Signals that the parent ignores would stay ignored through exec; those it handles would not, but
// must not be handled here meanwhile.
void DefaultAllSignals() {
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void GiveUp(ExecPlan& plan, const char* step) {
  plan.error = errno;
  plan.failed_step = step;
  ::_exit(kCannotExec);
}

// Runs in the child. Only async-signal-safe calls.
[[noreturn]] void ExecChild(ExecPlan& plan) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) GiveUp(plan, "prctl");
  // A parent that died before that line sends no signal.
  if (::getppid() != plan.parent) ::_exit(kCannotExec);
  if (::setsid() < 0) GiveUp(plan, "setsid");
  ::umask(static_cast<mode_t>(plan.file_mask));
  OfferToOomKiller();
  CloseFromAtExec(0);
  for (int i = 0; i < plan.fd_count; ++i) {
    if (::dup2(plan.fds[i].first, plan.fds[i].second) < 0) GiveUp(plan, "dup2");
  }
  DefaultAllSignals();
  ::execve(plan.program, plan.arguments, plan.environment);
  GiveUp(plan, "exec");
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Signals are blocked meanwhile: a handler that ran in the child would write into the parent's
// memory.
pid_t VforkAndExec(ExecPlan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();  // NOLINT(bugprone-unsafe-functions): posix_spawn sets no limits
  if (pid == 0) ExecChild(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

absl::Status StartError(int error, absl::string_view step) {
  return WithReason(absl::UnavailableError(absl::StrCat("the engine cannot be started: ", step,
                                                        ": ", std::strerror(error))),
                    "WORKER_START");
}

// What a small file under /proc/PID holds; empty: not to be read.
std::string ReadProc(int pid, absl::string_view name) {
  const std::string path = absl::StrCat("/proc/", pid, "/", name);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return "";
  char text[4096];
  const ssize_t count = ::read(fd.get(), text, sizeof text);
  return count > 0 ? std::string(text, count) : "";
}

double Seconds(const timeval& time) { return time.tv_sec + time.tv_usec * 1e-6; }

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const ChildCommand& command) {
  int above_targets = 3;
  for (const auto& [ours, in_child] : command.fds) {
    above_targets = std::max(above_targets, in_child + 1);
  }
  std::vector<UniqueFd> copies;
  std::vector<std::pair<int, int>> fds;
  for (const auto& [ours, in_child] : command.fds) {
    copies.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, above_targets));
    if (!copies.back().valid()) return StartError(errno, "dup");
    fds.emplace_back(copies.back().get(), in_child);
  }

  std::vector<std::string> texts = {command.program};
  texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
  const std::vector<char*> arguments = Pointers(texts);
  char* const no_environment[] = {nullptr};
  ExecPlan plan = {.program = command.program.c_str(),
                   .arguments = arguments.data(),
                   .environment = no_environment,
                   .fds = fds.data(),
                   .fd_count = static_cast<int>(fds.size()),
                   .parent = ::getpid(),
                   .file_mask = command.file_mask};
  const pid_t pid = VforkAndExec(plan);
  if (pid < 0) return StartError(errno, "fork");
  ChildProcess child(pid);
  if (plan.error != 0) {
    child.Reap();
    return StartError(plan.error, plan.failed_step);
  }
  return child;
}

// The system call alone: pidfd descriptors close at exec by themselves.
ChildProcess::ChildProcess(int pid)
    : pid_(pid), end_fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), end_fd_(std::move(other.end_fd_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  Kill();
  Reap();
}

bool ChildProcess::HasEnded() const {
  siginfo_t info;
  info.si_pid = 0;
  if (::waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno == ECHILD;
  return info.si_pid == pid_;
}

void ChildProcess::Kill() const {
  // Reaped: its number is somebody else's by now, and what stands in its place, -1, is everybody's.
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

ChildEnd ChildProcess::Reap() {
  siginfo_t info;
  int error = 0;
  while ((error = ::waitid(P_PID, pid_, &info, WEXITED | WNOWAIT)) != 0 && errno == EINTR) {
  }
  // Until it is reaped its number is nobody else's, so this reaches only its own group.
  if (error == 0) ::kill(-pid_, SIGKILL);

  int status = 0;
  rusage usage;
  std::memset(&usage, 0, sizeof usage);
  while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return {.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
          .cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime),
          .max_resident_bytes = int64_t{usage.ru_maxrss} * 1024};
}

int64_t ChildProcess::ResidentBytes() const {
  const std::string statm = ReadProc(pid_, "statm");
  const std::vector<absl::string_view> fields = absl::StrSplit(statm, ' ');
  int64_t pages = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) return 0;
  return pages * ::sysconf(_SC_PAGESIZE);
}

int64_t ChildProcess::PeakResidentBytes() const {
  return ProcStatusBytes(ReadProc(pid_, "status"), "VmHWM");
}

}  // namespace octavo
