#include "core/engine/engine_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/engine/child_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

engine::v1::EngineRequest RequestFor(const std::string& behaviour) {
  engine::v1::EngineRequest request;
  request.mutable_inspect_model()->mutable_model()->set_name(behaviour);
  return request;
}

EngineOptions HostileEngine() {
  EngineOptions options;
  options.program = OCTAVO_HOSTILE_ENGINE;
  options.timeout = absl::Seconds(60);
  return options;
}

EngineExit Misbehave(const std::string& behaviour, const EngineOptions& options = HostileEngine()) {
  return RunEngine(RequestFor(behaviour), {}, options);
}

// Whether the process `pidfd` ends within a time that only a survivor needs.
bool Ends(int pidfd) {
  pollfd polled = {pidfd, POLLIN, 0};
  return ::poll(&polled, 1, 10'000) == 1;
}

UniqueFd MemoryFile(const std::string& text) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_THAT(WriteAll(fd.get(), text), IsOk());
  return fd;
}

TEST(RunEngine, GivesTheResult) {
  const EngineExit exit = Misbehave("result");
  EXPECT_THAT(exit.status, IsOk());
  EXPECT_EQ(exit.result.model_info().description(), "fine");
  EXPECT_EQ(exit.signal, 0);
  EXPECT_GT(exit.cpu_seconds, 0);
}

TEST(RunEngine, ShowsProgressInOrder) {
  std::vector<int64_t> dones;
  EngineOptions options = HostileEngine();
  options.on_message = [&](const engine::v1::EngineMessage& message) {
    dones.push_back(message.progress().done());
  };
  EXPECT_THAT(Misbehave("progress", options).status, IsOk());
  EXPECT_THAT(dones, ElementsAre(1, 2, 3));
}

TEST(RunEngine, StartsTheChildWithNothingOfOurs) {
  const UniqueFd first = MemoryFile("first");
  const UniqueFd second = MemoryFile("second");
  // Each at the other's place, so that one dup2 would cover the other's source.
  ASSERT_EQ(::dup2(first.get(), 11), 11);
  ASSERT_EQ(::dup2(second.get(), 10), 10);
  const UniqueFd not_inherited(::dup(first.get()));
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  const EngineExit exit = RunEngine(RequestFor("describe"), {{11, 10}, {10, 11}}, HostileEngine());
  ::signal(SIGPIPE, before);
  ::close(10);
  ::close(11);
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_EQ(exit.result.model_info().description(),
            "fds 0 1 2 3 4 5 10 11\nenvironment empty\ndeath 9\nsession own\noom 500\n"
            "sigpipe default\numask 63\n10 first\n11 second\n");
}

TEST(RunEngine, PassesOnWhatTheEngineSays) {
  EXPECT_THAT(Misbehave("error").status,
              StatusIs(absl::StatusCode::kFailedPrecondition, "not like this"));
}

TEST(RunEngine, CutsALongError) {
  const EngineExit exit = Misbehave("long error");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(exit.status.message(), SizeIs(4000));
}

TEST(RunEngine, TellsACrashFromAKill) {
  struct Case {
    std::string behaviour;
    int signal;
    bool by_itself;
  };
  for (const Case& c :
       {Case{"abort", SIGABRT, true}, Case{"segfault", SIGSEGV, true},
        Case{"killed", SIGKILL, false}, Case{"crash after the result", SIGABRT, true}}) {
    SCOPED_TRACE(c.behaviour);
    const EngineExit exit = Misbehave(c.behaviour);
    EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInternal, HasSubstr("signal")));
    EXPECT_EQ(ReasonOf(exit.status), "WORKER_CRASH");
    EXPECT_EQ(exit.signal, c.signal);
    EXPECT_EQ(exit.crashed_by_itself, c.by_itself);
    EXPECT_FALSE(exit.result.has_model_info());
  }
}

TEST(RunEngine, DoesNotTakeAnExitCodeForAnAnswer) {
  const EngineExit exit = Misbehave("exit 7");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInternal,
                                    "the engine ended with exit code 7 and gave no reason"));
  EXPECT_TRUE(exit.crashed_by_itself);
}

TEST(RunEngine, SaysWhenMemoryRanOut) {
  const EngineExit exit = Misbehave("out of memory");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(exit.status), "WORKER_OOM");
  EXPECT_TRUE(exit.out_of_memory);
}

TEST(RunEngine, KillsAChildThatTakesTooMuchMemory) {
  EngineOptions options = HostileEngine();
  options.memory_limit_bytes = 64 << 20;
  const EngineExit exit = Misbehave("allocate", options);
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(exit.status), "WORKER_OOM");
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_GT(exit.peak_memory_bytes, 64 << 20);
  EXPECT_LT(exit.peak_memory_bytes, 1 << 30);
}

TEST(RunEngine, DoesNotCountOurMemoryAsTheChilds) {
  const std::vector<char> ours(400 << 20, 1);
  EXPECT_LT(Misbehave("result").peak_memory_bytes, 100 << 20);
  EXPECT_EQ(ours.back(), 1);
}

TEST(RunEngine, KillsAChildThatSpeaksAnotherLanguage) {
  for (const std::string behaviour :
       {"silent", "error that is none", "garbage", "empty message", "huge length", "endless length",
        "half a message", "talk after the result", "stay after the result"}) {
    SCOPED_TRACE(behaviour);
    const EngineExit exit = Misbehave(behaviour);
    EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(ReasonOf(exit.status), "ENGINE_PROTOCOL");
  }
}

TEST(RunEngine, KillsAChildThatNeverStopsTalking) {
  EngineOptions options = HostileEngine();
  options.max_messages = 10'000;
  EXPECT_THAT(Misbehave("flood progress", options).status,
              StatusIs(absl::StatusCode::kDataLoss, "the engine sent too many messages"));
  options.max_messages = 1'000'000'000;
  options.max_total_bytes = 100'000;
  EXPECT_THAT(Misbehave("flood progress", options).status,
              StatusIs(absl::StatusCode::kDataLoss, "the engine sent too many bytes"));
}

TEST(RunEngine, KillsAChildThatHangs) {
  EngineOptions options = HostileEngine();
  options.timeout = absl::Milliseconds(200);
  for (const std::string behaviour : {"hang", "flood errors", "flood progress"}) {
    SCOPED_TRACE(behaviour);
    const absl::Time start = absl::Now();
    const EngineExit exit = Misbehave(behaviour, options);
    EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kDeadlineExceeded));
    EXPECT_EQ(ReasonOf(exit.status), "STAGE_TIMEOUT");
    EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  }
}

TEST(RunEngine, CallsACpuLimitATimeout) {
  const EngineExit exit = Misbehave("burn");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("CPU")));
  EXPECT_FALSE(exit.crashed_by_itself);
}

TEST(RunEngine, KillsAChildThatIsNoLongerWanted) {
  std::atomic<bool> cancelled = false;
  EngineOptions options = HostileEngine();
  options.cancelled = &cancelled;
  absl::Time cancel_time;
  options.on_start = [&](int) {
    cancel_time = absl::Now();
    cancelled = true;
  };
  EXPECT_THAT(Misbehave("hang", options).status, StatusIs(absl::StatusCode::kCancelled));
  // Promised within 100 ms; a loaded machine is slower.
  EXPECT_LT(absl::Now() - cancel_time, absl::Seconds(5));
}

TEST(RunEngine, EndsWithItsChildWhereSigchldIsIgnored) {
  // The kernel then reaps children by itself.
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  const EngineExit result = Misbehave("result");
  const EngineExit crash = Misbehave("abort");
  ::signal(SIGCHLD, before);
  EXPECT_THAT(result.status, IsOk());
  EXPECT_EQ(result.result.model_info().description(), "fine");
  EXPECT_THAT(crash.status, StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RunEngine, LeavesNoGrandchildBehind) {
  // What the child leaves behind becomes ours, so that its number stays its own until we have
  // looked.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const EngineExit exit = Misbehave("fork");
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ASSERT_THAT(exit.status, IsOk());
  int grandchild = 0;
  ASSERT_TRUE(absl::SimpleAtoi(exit.result.model_info().description(), &grandchild));
  const UniqueFd end_fd(static_cast<int>(::syscall(SYS_pidfd_open, grandchild, 0)));
  ASSERT_TRUE(end_fd.valid());
  EXPECT_TRUE(Ends(end_fd.get()));
  ::kill(grandchild, SIGKILL);  // where it has not
  EXPECT_EQ(::waitpid(grandchild, nullptr, 0), grandchild);
}

// In a world of processes of its own: what a wrong Kill would reach is all that there is.
int KillAfterReapInAWorldOfItsOwn() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) return 2;
  const pid_t first = ::fork();
  if (first == 0) {
    const pid_t bystander = ::fork();
    if (bystander == 0) {
      while (true) ::pause();
    }
    auto child = ChildProcess::Start({.program = "/bin/true", .arguments = {}, .fds = {}});
    if (!child.ok()) std::_Exit(3);
    child->Reap();
    child->Kill();
    std::_Exit(::waitpid(bystander, nullptr, WNOHANG) == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(first, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

TEST(ChildProcess, KillsNobodyOnceItIsReaped) {
  const pid_t pid = ::fork();
  if (pid == 0) std::_Exit(KillAfterReapInAWorldOfItsOwn());
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no process namespaces here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(RunEngine, KeepsTheLastLinesSafeToPrint) {
  const EngineExit exit = Misbehave("lines");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInvalidArgument, "wrong"));
  ASSERT_THAT(exit.last_lines, SizeIs(50));
  EXPECT_EQ(exit.last_lines[0], "line 52\\x1b[31m");
  EXPECT_THAT(exit.last_lines[48], SizeIs(1000));
  EXPECT_EQ(exit.last_lines[49], "last");
}

TEST(RunEngine, SaysThatThereIsNoProgram) {
  EngineOptions options = HostileEngine();
  options.program = "/nonexistent/octavo-engine";
  const EngineExit exit = Misbehave("result", options);
  EXPECT_THAT(exit.status,
              StatusIs(absl::StatusCode::kUnavailable,
                       "the engine cannot be started: exec: No such file or directory"));
  EXPECT_EQ(ReasonOf(exit.status), "WORKER_START");
}

TEST(RunEngine, RefusesARequestWithoutWorkAndItsOwnDescriptors) {
  EXPECT_THAT(RunEngine({}, {}, HostileEngine()).status,
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RunEngine(RequestFor("result"), {{0, 4}}, HostileEngine()).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("descriptor 4")));
}

TEST(RunEngine, RunsManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> succeeded = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&succeeded] {
      for (int round = 0; round < 5; ++round) succeeded += Misbehave("progress").status.ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(succeeded, 40);
}

TEST(RunEngine, DiesWithItsParent) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    EngineOptions options = HostileEngine();
    options.on_start = [&](int pid) {
      if (::write(pipe_fds[1], &pid, sizeof pid) != sizeof pid) std::_Exit(1);
    };
    Misbehave("hang", options);
    std::_Exit(0);
  }
  int engine = 0;
  ASSERT_EQ(::read(pipe_fds[0], &engine, sizeof engine), static_cast<ssize_t>(sizeof engine));
  const UniqueFd engine_fd(static_cast<int>(::syscall(SYS_pidfd_open, engine, 0)));
  ASSERT_TRUE(engine_fd.valid());
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(Ends(engine_fd.get()));
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
}

}  // namespace
}  // namespace octavo
