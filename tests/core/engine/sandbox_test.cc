#include "core/engine/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/file.h"
#include "core/base/parallel.h"
#include "core/base/sanitizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;

constexpr uint8_t kBytes[] = {1, 2, 3};

// How a child ended that entered the sandbox and then did `act`: the exit code, or minus the
// signal.
int EndOf(const SandboxOptions& options, const std::function<int()>& act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto active = EnterSandbox(options);
    std::_Exit(active.ok() ? act() : 100);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

class Sandbox : public testing::Test {
 protected:
  Sandbox() {
    std::string path = testing::TempDir() + "octavo-sandbox-XXXXXX";
    folder_ = ::mkdtemp(path.data());
    output_ = UniqueFd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    options_.output_fd = output_.get();
    options_.required = true;
  }
  ~Sandbox() override {
    for (const char* name : {"a.tflite", "b"}) ::unlinkat(output_.get(), name, 0);
    ::rmdir(folder_.c_str());
  }

  int EndOf(const std::function<int()>& act) { return octavo::EndOf(options_, act); }

  std::string folder_;
  UniqueFd output_;
  SandboxOptions options_;
};

TEST_F(Sandbox, SaysWhatHolds) {
  EXPECT_EQ(EndOf([] { return 0; }), 0) << "this kernel lacks a part";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto active = EnterSandbox(options_);
    std::_Exit(active.ok() && *active == std::vector<std::string>{"rlimits", "no_new_privs",
                                                                  "landlock", "seccomp"}
                   ? 0
                   : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, EndsWhoeverTalksToTheNetwork) {
  EXPECT_EQ(EndOf([] { return ::socket(AF_INET, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(EndOf([] {
              int fds[2];
              return ::socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
            }),
            -SIGSYS);
}

TEST_F(Sandbox, EndsWhoeverStartsAProcess) {
  EXPECT_EQ(EndOf([] { return ::execl("/bin/true", "true", nullptr); }), -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::fork() == 0 ? 0 : 1; }), -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::vfork(); }), -SIGSYS);
}

TEST_F(Sandbox, EndsWhoeverTouchesOthers) {
  EXPECT_EQ(EndOf([] { return static_cast<int>(::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0)); }),
            -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::kill(::getppid(), 0); }), -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::mkdir("/tmp/octavo-sandbox-test", 0700); }), -SIGSYS);
  EXPECT_EQ(EndOf([] { return ::chmod("/tmp", 0777); }), -SIGSYS);
}

TEST_F(Sandbox, GivesNoExecutableMemory) {
  EXPECT_EQ(EndOf([] {
              return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
            }),
            -SIGSYS);
  EXPECT_EQ(EndOf([] {
              void* page =
                  ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
            }),
            -SIGSYS);
}

TEST_F(Sandbox, OpensNoFileForReading) {
  for (const char* path : {"/etc/passwd", "/proc/self/environ", "/proc/self/mem"}) {
    EXPECT_EQ(EndOf([path] { return ::open(path, O_RDONLY) < 0 ? errno : 0; }), EACCES) << path;
    EXPECT_EQ(
        EndOf([path, this] { return ::openat(output_.get(), path, O_RDONLY) < 0 ? errno : 0; }),
        EACCES)
        << path;
  }
}

TEST_F(Sandbox, RefusesToOpenOtherwiseThanForWriting) {
  ::close(::openat(output_.get(), "b", O_WRONLY | O_CREAT, 0600));
  for (const int flags : {O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_ACCMODE}) {
    EXPECT_EQ(
        EndOf([flags, this] { return ::openat(output_.get(), "b", flags, 0600) < 0 ? errno : 0; }),
        EACCES)
        << flags;
  }
  EXPECT_EQ(EndOf([this] { return ::openat(output_.get(), "b", O_WRONLY) < 0 ? errno : 0; }), 0);
}

TEST_F(Sandbox, WritesBelowItsFolderAlone) {
  EXPECT_EQ(
      EndOf([this] { return WriteFileAtomically(output_.get(), "a.tflite", kBytes).ok() ? 0 : 1; }),
      0);
  EXPECT_EQ(::access((folder_ + "/a.tflite").c_str(), R_OK), 0);
  // Landlock's part: seccomp cannot see where a path leads.
  const auto create = [this](const std::string& path) {
    return EndOf([this, &path] {
      return ::openat(output_.get(), path.c_str(), O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(create("b"), 0);
  EXPECT_EQ(create("../octavo-outside"), EACCES);
  EXPECT_EQ(create("/tmp/octavo-outside"), EACCES);
  const std::string victim = "../octavo-victim-" + std::to_string(::getpid());
  ::close(::openat(output_.get(), victim.c_str(), O_WRONLY | O_CREAT, 0600));
  EXPECT_EQ(EndOf([&] { return ::unlinkat(output_.get(), victim.c_str(), 0) < 0 ? errno : 0; }),
            EACCES);
  EXPECT_NE(EndOf([&] {
              return ::renameat(output_.get(), "b", output_.get(), victim.c_str()) < 0 ? errno : 0;
            }),
            0);
  EXPECT_EQ(::unlinkat(output_.get(), victim.c_str(), 0), 0);
}

TEST_F(Sandbox, WithoutAFolderWritesNowhere) {
  options_.output_fd = -1;
  EXPECT_EQ(
      EndOf([] { return ::open("/tmp/octavo-outside", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0; }),
      EACCES);
}

TEST_F(Sandbox, HoldsThreadsThatComeLater) {
  EXPECT_EQ(EndOf([] {
              std::thread([] { ::socket(AF_INET, SOCK_STREAM, 0); }).join();
              return 0;
            }),
            -SIGSYS);
}

TEST_F(Sandbox, LetsAnEngineWork) {
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(EndOf([&] {
              std::vector<uint8_t> bytes(1 << 20);
              if (!ReadAt(file.get(), 0, std::span(bytes).first(100)).ok()) return 1;
              const auto status = ParallelFor(4, 100, [](int64_t) {
                std::vector<double> values(100'000, 1.0);
                return values.back() == 1.0 ? absl::OkStatus() : absl::InternalError("");
              });
              return status.ok() ? 0 : 2;
            }),
            0);
  EXPECT_EQ(EndOf([]() -> int { std::abort(); }), -SIGABRT);
}

TEST_F(Sandbox, LimitsMemory) {
  if (kHasSanitizer) GTEST_SKIP() << "sanitizers need memory of their own";
  options_.memory_limit_bytes = 64 << 20;
  EXPECT_EQ(EndOf([] { return std::malloc(256 << 20) == nullptr ? 3 : 0; }), 3);
  EXPECT_EQ(EndOf([] { return std::malloc(16 << 20) == nullptr ? 3 : 0; }), 0);
}

TEST_F(Sandbox, LimitsFiles) {
  options_.file_limit_bytes = 1000;
  EXPECT_EQ(EndOf([this] {
              const std::vector<uint8_t> bytes(1001);
              return absl::IsResourceExhausted(WriteFileAtomically(output_.get(), "b", bytes)) ? 0
                                                                                               : 1;
            }),
            0);
  EXPECT_NE(::access((folder_ + "/b").c_str(), F_OK), 0);
}

TEST_F(Sandbox, LimitsCpuTimeAndDescriptors) {
  options_.cpu_limit_seconds = 1;
  EXPECT_EQ(EndOf([]() -> int {
              for (volatile uint64_t i = 0;;) {
                i = i + 1;
              }
            }),
            -SIGXCPU);
  EXPECT_EQ(EndOf([] {
              while (::dup(0) >= 0) {
              }
              return errno;
            }),
            EMFILE);
}

}  // namespace
}  // namespace octavo
