#include "core/engine/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sanitizer.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Descriptors that an engine needs: what it was given, and a few while it writes.
constexpr rlim_t kMaxDescriptors = 64;

absl::Status Limit(int resource, rlim_t soft, rlim_t hard) {
  rlimit now;
  ::getrlimit(resource, &now);
  const rlimit limit = {std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
  if (::setrlimit(resource, &limit) != 0) return ErrnoStatus(errno, "setrlimit");
  return absl::OkStatus();
}

absl::Status LimitResources(const SandboxOptions& options) {
  // The shadow memory of a sanitizer is data too: under it no limit can hold.
  if (options.memory_limit_bytes > 0 && !kHasSanitizer) {
    RETURN_IF_ERROR(Limit(RLIMIT_DATA, options.memory_limit_bytes, options.memory_limit_bytes));
  }
  if (options.cpu_limit_seconds > 0) {
    // SIGXCPU says what it was; SIGKILL follows for whoever does not listen.
    RETURN_IF_ERROR(Limit(RLIMIT_CPU, options.cpu_limit_seconds, options.cpu_limit_seconds + 1));
  }
  if (options.file_limit_bytes > 0) {
    // Writing fails with EFBIG instead.
    ::signal(SIGXFSZ, SIG_IGN);
    RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, options.file_limit_bytes, options.file_limit_bytes));
  }
  RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0, 0));
  RETURN_IF_ERROR(Limit(RLIMIT_NOFILE, kMaxDescriptors, kMaxDescriptors));
  // A core pattern that is a program is not held by RLIMIT_CORE.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return ErrnoStatus(errno, "PR_SET_DUMPABLE");
  return absl::OkStatus();
}

absl::Status RefuseNewPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoStatus(errno, "no_new_privs");
  return absl::OkStatus();
}

// Landlock's interface as of version 6: the distribution's headers may be older than the kernel
// that runs.
struct LandlockRights {
  uint64_t files = 0;
  uint64_t network = 0;
  uint64_t scoped = 0;
};
constexpr uint64_t kFirstFileRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // version 1
constexpr uint64_t kRefer = 1 << 13;                                           // version 2
constexpr uint64_t kTruncate = 1 << 14;                                        // version 3
constexpr uint64_t kBindAndConnectTcp = 3;                                     // version 4
constexpr uint64_t kIoctlDevice = 1 << 15;                                     // version 5
constexpr uint64_t kAbstractSocketsAndSignals = 3;                             // version 6
constexpr uint64_t kOutputRights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | kTruncate;

LandlockRights DeniedRights(long version) {
  LandlockRights rights;
  rights.files = kFirstFileRights;
  if (version >= 2) rights.files |= kRefer;
  if (version >= 3) rights.files |= kTruncate;
  if (version >= 4) rights.network = kBindAndConnectTcp;
  if (version >= 5) rights.files |= kIoctlDevice;
  if (version >= 6) rights.scoped = kAbstractSocketsAndSignals;
  return rights;
}

absl::Status RestrictFiles(int output_fd) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return ErrnoStatus(errno, "landlock");
  const LandlockRights rights = DeniedRights(version);
  // An older kernel takes a longer struct whose rest is zero.
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0)));
  if (!rules.valid()) return ErrnoStatus(errno, "landlock");
  if (output_fd >= 0) {
    landlock_path_beneath_attr rule;
    std::memset(&rule, 0, sizeof rule);
    rule.allowed_access = kOutputRights & rights.files;
    rule.parent_fd = output_fd;
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
      return ErrnoStatus(errno, "landlock's rule of the output folder");
    }
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) {
    return ErrnoStatus(errno, "landlock");
  }
  return absl::OkStatus();
}

// What an engine calls, whatever the arguments: memory, threads, time, and descriptors that it has.
constexpr int kAllowedCalls[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(flock),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
};

// What libraries try and do without; to kill them for it would help nobody. glibc takes clone where
// there is no clone3, whose flags a filter cannot see.
struct RefusedCall {
  int call;
  int error;
};
constexpr RefusedCall kRefusedCalls[] = {
    {SCMP_SYS(open), EACCES},     {SCMP_SYS(stat), EACCES},       {SCMP_SYS(lstat), EACCES},
    {SCMP_SYS(statx), ENOSYS},    {SCMP_SYS(access), EACCES},     {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(readlink), EACCES}, {SCMP_SYS(readlinkat), EACCES}, {SCMP_SYS(ioctl), ENOTTY},
    {SCMP_SYS(clone3), ENOSYS},   {SCMP_SYS(prctl), EPERM},       {SCMP_SYS(faccessat2), EACCES},
};

// A call that is allowed where its arguments are such.
struct ConditionalCall {
  int call;
  std::vector<scmp_arg_cmp> conditions;
};

std::vector<ConditionalCall> ConditionalCalls(int output_fd) {
  const auto output = static_cast<scmp_datum_t>(output_fd);
  const auto own_pid = static_cast<scmp_datum_t>(::getpid());
  std::vector<ConditionalCall> calls = {
      {SCMP_SYS(mmap), {SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
      {SCMP_SYS(mprotect), {SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
      {SCMP_SYS(clone), {SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)}},
      {SCMP_SYS(tgkill), {SCMP_A0_64(SCMP_CMP_EQ, own_pid)}},
      // To read a limit.
      {SCMP_SYS(prlimit64), {SCMP_A0_64(SCMP_CMP_EQ, 0), SCMP_A2_64(SCMP_CMP_EQ, 0)}},
      // fstat, as glibc spells it.
      {SCMP_SYS(newfstatat), {SCMP_A3_64(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)}},
  };
  if (output_fd >= 0) {
    const scmp_arg_cmp in_output = SCMP_A0_64(SCMP_CMP_EQ, output);
    calls.insert(calls.end(), {{SCMP_SYS(openat),
                                {in_output, SCMP_A2_64(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY)}},
                               {SCMP_SYS(renameat), {in_output, SCMP_A2_64(SCMP_CMP_EQ, output)}},
                               {SCMP_SYS(renameat2), {in_output, SCMP_A2_64(SCMP_CMP_EQ, output)}},
                               {SCMP_SYS(unlinkat), {in_output}}});
  }
  return calls;
}

// Any other openat is refused, not killed; seccomp knows no order of rules, so what is allowed must
// be left out. libseccomp takes one action a call and set of arguments: a masked comparison for
// each way to differ.
std::vector<ConditionalCall> RefusedOpens(int output_fd) {
  if (output_fd < 0) return {{SCMP_SYS(openat), {}}};
  const auto output = static_cast<scmp_datum_t>(output_fd);
  std::vector<ConditionalCall> calls = {{SCMP_SYS(openat), {SCMP_A0_64(SCMP_CMP_NE, output)}}};
  // O_ACCMODE itself is a mode too: neither reading nor writing, for ioctl.
  for (const scmp_datum_t mode : {O_RDONLY, O_RDWR, O_ACCMODE}) {
    calls.push_back(
        {SCMP_SYS(openat),
         {SCMP_A0_64(SCMP_CMP_EQ, output), SCMP_A2_64(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode)}});
  }
  return calls;
}

absl::Status AddRule(scmp_filter_ctx filter, uint32_t action, int call,
                     std::span<const scmp_arg_cmp> conditions = {}) {
  const int error = ::seccomp_rule_add_array(filter, action, call, conditions.size(),
                                             conditions.empty() ? nullptr : conditions.data());
  if (error != 0) return ErrnoStatus(-error, absl::StrCat("seccomp's rule of call ", call));
  return absl::OkStatus();
}

absl::Status RestrictCalls(int output_fd) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(
      ::seccomp_init(SCMP_ACT_KILL_PROCESS), ::seccomp_release);
  if (filter == nullptr) return absl::InternalError("seccomp");
  for (const int call : kAllowedCalls) {
    RETURN_IF_ERROR(AddRule(filter.get(), SCMP_ACT_ALLOW, call));
  }
  // By which a sanitizer finds out whether an address can be read.
  if (kHasSanitizer) RETURN_IF_ERROR(AddRule(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(pipe2)));
  for (const ConditionalCall& call : ConditionalCalls(output_fd)) {
    RETURN_IF_ERROR(AddRule(filter.get(), SCMP_ACT_ALLOW, call.call, call.conditions));
  }
  for (const RefusedCall& call : kRefusedCalls) {
    RETURN_IF_ERROR(AddRule(filter.get(), SCMP_ACT_ERRNO(call.error), call.call));
  }
  for (const ConditionalCall& call : RefusedOpens(output_fd)) {
    RETURN_IF_ERROR(AddRule(filter.get(), SCMP_ACT_ERRNO(EACCES), call.call, call.conditions));
  }
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (const int error = ::seccomp_load(filter.get()); error != 0) {
    return ErrnoStatus(-error, "seccomp");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EnterSandbox(const SandboxOptions& options) {
  struct Part {
    const char* name;
    absl::Status status;
  };
  std::vector<std::string> active;
  // In this order: landlock and seccomp ask for no_new_privs, and seccomp forbids the others'
  // calls.
  for (const auto& [name, status] :
       {Part{"rlimits", LimitResources(options)}, Part{"no_new_privs", RefuseNewPrivileges()},
        Part{"landlock", RestrictFiles(options.output_fd)},
        Part{"seccomp", RestrictCalls(options.output_fd)}}) {
    if (status.ok()) {
      active.push_back(name);
    } else if (options.required) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat("no sandbox: ", status.message())),
          "NO_SANDBOX", {{"part", name}});
    }
  }
  return active;
}

}  // namespace octavo
