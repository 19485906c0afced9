// Stands in for octavo-engine and misbehaves in the way that the inspected model's name says.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/file.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/progress_pipe.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {
namespace {

constexpr int kRequestFd = 3;
constexpr int kProgressFd = 4;

void Send(const engine::v1::EngineMessage& message) {
  if (!WriteMessage(kProgressFd, message).ok()) std::_Exit(1);
}

void SendResult(const std::string& description) {
  engine::v1::EngineMessage message;
  message.mutable_result()->mutable_model_info()->set_description(description);
  Send(message);
}

void SendProgress(int64_t done) {
  engine::v1::EngineMessage message;
  message.mutable_progress()->set_done(done);
  Send(message);
}

void SendError(int code, const std::string& text) {
  engine::v1::EngineMessage message;
  message.mutable_error()->set_code(code);
  message.mutable_error()->set_message(text);
  Send(message);
}

void SendBytes(const std::string& bytes) {
  if (!WriteAll(kProgressFd, bytes).ok()) std::_Exit(1);
}

void Crash() {
  ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would make an exit code of it
  ::raise(SIGSEGV);
}

[[noreturn]] void Hang() {
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  while (true) ::pause();
}

std::string OpenDescriptors() {
  std::set<int> open;
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    int fd = 0;
    if (absl::SimpleAtoi(entry->d_name, &fd) && fd != ::dirfd(folder)) open.insert(fd);
  }
  ::closedir(folder);
  return absl::StrJoin(open, " ");
}

std::string FirstLine(const char* path) {
  char text[200] = "";
  if (FILE* file = std::fopen(path, "r")) {
    if (std::fgets(text, sizeof text, file) == nullptr) text[0] = '\0';
    std::fclose(file);
  }
  return text;
}

std::string TextOf(int fd) {
  char text[100];
  const ssize_t count = ::pread(fd, text, sizeof text, 0);
  return count > 0 ? std::string(text, count) : "";
}

// What a child can see of how it was started.
void Describe(char** environment) {
  int death_signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &death_signal);
  struct sigaction pipe_action;
  ::sigaction(SIGPIPE, nullptr, &pipe_action);
  const mode_t mask = ::umask(0);
  SendResult(absl::StrCat("fds ", OpenDescriptors(), "\nenvironment ",
                          environment[0] == nullptr ? "empty" : "full", "\ndeath ", death_signal,
                          "\nsession ", ::getsid(0) == ::getpid() ? "own" : "shared", "\noom ",
                          FirstLine("/proc/self/oom_score_adj"), "sigpipe ",
                          pipe_action.sa_handler == SIG_DFL ? "default" : "changed", "\numask ",
                          mask, "\n10 ", TextOf(10), "\n11 ", TextOf(11), "\n"));
}

void Allocate() {
  std::vector<char*> kept;
  while (true) {
    constexpr size_t kBytes = 1 << 20;
    char* bytes = static_cast<char*>(std::malloc(kBytes));
    std::memset(bytes, 1, kBytes);
    kept.push_back(bytes);
    ::usleep(1000);
  }
}

void FloodProgress() {
  for (int64_t i = 0;; ++i) SendProgress(i);
}

void FloodErrors() {
  while (std::fprintf(stderr, "noise noise noise\n") > 0) {
  }
}

void WriteLines() {
  for (int i = 0; i < 100; ++i) std::fprintf(stderr, "line %d\x1b[31m\n", i);
  std::fprintf(stderr, "%s\nlast", std::string(5000, 'x').c_str());
  SendError(3, "wrong");
}

// Leaves a process behind that holds the pipes and never ends, and says which.
void Fork() {
  const pid_t child = ::fork();
  if (child == 0) Hang();
  SendResult(absl::StrCat(child));
}

void BurnCpu() {
  const rlimit limit = {1, 2};
  ::setrlimit(RLIMIT_CPU, &limit);
  volatile uint64_t sum = 0;
  while (true) sum = sum + 1;
}

const std::map<std::string, std::function<void()>>& Behaviours() {
  static const auto& behaviours = *new std::map<std::string, std::function<void()>>{
      {"result", [] { SendResult("fine"); }},
      {"progress",
       [] {
         for (int i = 1; i <= 3; ++i) SendProgress(i);
         SendResult("fine");
       }},
      {"abort", [] { std::abort(); }},
      {"segfault", [] { Crash(); }},
      {"killed", [] { ::raise(SIGKILL); }},
      {"exit 7", [] { std::_Exit(7); }},
      {"out of memory", [] { std::_Exit(kOutOfMemoryExitCode); }},
      {"silent", [] {}},
      {"error", [] { SendError(9, "not like this"); }},
      {"error that is none", [] { SendError(0, ""); }},
      {"long error", [] { SendError(3, std::string(1 << 20, 'x')); }},
      {"allocate", Allocate},
      {"flood progress", FloodProgress},
      {"flood errors", FloodErrors},
      {"lines", WriteLines},
      {"garbage", [] { SendBytes("\x05qwert"); }},
      {"empty message", [] { SendBytes(std::string(1, '\0')); }},
      {"huge length",
       [] {
         SendBytes("\xff\xff\xff\xff\x0f");
         Hang();
       }},
      {"endless length",
       [] {
         SendBytes(std::string(100, '\xff'));
         Hang();
       }},
      {"half a message",
       [] {
         SendResult("fine");
         SendBytes("\x05q");
       }},
      {"talk after the result",
       [] {
         SendResult("fine");
         SendProgress(1);
       }},
      {"crash after the result",
       [] {
         SendResult("fine");
         std::abort();
       }},
      {"stay after the result",
       [] {
         SendResult("fine");
         Hang();
       }},
      {"hang", Hang},
      {"fork", Fork},
      {"burn", BurnCpu},
  };
  return behaviours;
}

int Run(char** environment) {
  const auto bytes = ReadFile(kRequestFd, 1 << 20);
  engine::v1::EngineRequest request;
  if (!bytes.ok() || !request.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return 1;
  }
  const std::string& name = request.inspect_model().model().name();
  if (name == "describe") {
    Describe(environment);
    return 0;
  }
  const auto behaviour = Behaviours().find(name);
  if (behaviour == Behaviours().end()) return 1;
  behaviour->second();
  return 0;
}

}  // namespace
}  // namespace octavo

int main(int, char**, char** environment) { return octavo::Run(environment); }
