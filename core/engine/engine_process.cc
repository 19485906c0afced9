#include "core/engine/engine_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"
#include "core/engine/child_process.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/last_lines.h"
#include "core/engine/progress_pipe.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

// The child's numbers of what RunEngine itself gives it; callers' begin at kFirstInheritedFd.
constexpr int kRequestFd = 3;
constexpr int kProgressFd = 4;
constexpr int kControlFd = 5;
static_assert(kControlFd < kFirstInheritedFd);

// Twice as often as promised of cancelling and of looking at memory.
constexpr absl::Duration kTick = absl::Milliseconds(50);
// From its last message to its end.
constexpr absl::Duration kEndGrace = absl::Seconds(5);
// More than a pipe of the largest size (1 MB) holds.
constexpr int kMaxReadsAfterEnd = 128;
constexpr size_t kMaxLastLines = 50;
constexpr size_t kMaxLineBytes = 1000;
// A child's own words about its failure: more would not fit into an RPC's trailers.
constexpr size_t kMaxErrorMessageBytes = 4000;
constexpr size_t kMaxErrorDetailBytes = 16 << 10;

constexpr int kOwnSignals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS};

absl::Status ProtocolError(absl::string_view problem) {
  return WithReason(absl::DataLossError(absl::StrCat("the engine ", problem)), "ENGINE_PROTOCOL");
}

absl::Status TimeoutError(absl::string_view what) {
  return WithReason(absl::DeadlineExceededError(absl::StrCat("the engine ran out of ", what)),
                    "STAGE_TIMEOUT");
}

absl::Status MemoryError(absl::string_view how) {
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat("the engine needs too much memory: ", how)),
      "WORKER_OOM");
}

absl::StatusOr<std::string> EngineProgram(const EngineOptions& options) {
  if (!options.program.empty()) return options.program;
  std::array<char, 4096> path;
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return ErrnoStatus(errno, "/proc/self/exe");
  const absl::string_view own(path.data(), length);
  return absl::StrCat(own.substr(0, own.rfind('/') + 1), "octavo-engine");
}

absl::StatusOr<std::string> Subcommand(const engine::v1::EngineRequest& request) {
  switch (request.work_case()) {
    case engine::v1::EngineRequest::kOptimize:
      return "optimize";
    case engine::v1::EngineRequest::kInspectModel:
      return "inspect-model";
    case engine::v1::EngineRequest::kInspectDataset:
      return "inspect-dataset";
    case engine::v1::EngineRequest::kValidate:
      return "validate";
    case engine::v1::EngineRequest::kDescribe:
      return "describe";
    case engine::v1::EngineRequest::kCompare:
      return "compare";
    case engine::v1::EngineRequest::WORK_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("the request has no work");
}

// A file in memory: a pipe might fill before the child reads.
absl::StatusOr<UniqueFd> RequestFile(const engine::v1::EngineRequest& request) {
  UniqueFd fd(::memfd_create("octavo-request", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "memfd_create");
  RETURN_IF_ERROR(WriteAll(fd.get(), request.SerializeAsString()));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "lseek");
  return fd;
}

struct Pipe {
  UniqueFd read, write;
};

absl::StatusOr<Pipe> NewPipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

absl::StatusOr<Pipe> NewOutputPipe() {
  ASSIGN_OR_RETURN(Pipe pipe, NewPipe());
  // Ours alone: the child's end is another file description and blocks.
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "fcntl");
  return pipe;
}

// Our ends of a child's pipes. Closing `control` tells it to end.
struct Ends {
  UniqueFd control, progress, errors;
};

struct Started {
  ChildProcess child;
  Ends ends;
};

absl::StatusOr<Started> Start(const engine::v1::EngineRequest& request,
                              const std::vector<InheritedFd>& fds, const EngineOptions& options) {
  ChildCommand command;
  command.file_mask = options.file_mask;
  ASSIGN_OR_RETURN(command.program, EngineProgram(options));
  ASSIGN_OR_RETURN(const std::string subcommand, Subcommand(request));
  command.arguments = {subcommand,
                       "--request-fd",
                       absl::StrCat(kRequestFd),
                       "--progress-fd",
                       absl::StrCat(kProgressFd),
                       "--control-fd",
                       absl::StrCat(kControlFd)};

  ASSIGN_OR_RETURN(const UniqueFd request_file, RequestFile(request));
  ASSIGN_OR_RETURN(Pipe control, NewPipe());
  ASSIGN_OR_RETURN(Pipe progress, NewOutputPipe());
  ASSIGN_OR_RETURN(Pipe errors, NewOutputPipe());
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.valid()) return ErrnoStatus(errno, "/dev/null");
  command.fds = {{nothing.get(), STDIN_FILENO},       {nothing.get(), STDOUT_FILENO},
                 {errors.write.get(), STDERR_FILENO}, {request_file.get(), kRequestFd},
                 {progress.write.get(), kProgressFd}, {control.read.get(), kControlFd}};
  for (const InheritedFd& fd : fds) {
    if (fd.in_child < kFirstInheritedFd) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptor ", fd.in_child, " is the engine's own"));
    }
    command.fds.emplace_back(fd.ours, fd.in_child);
  }
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(command));
  return Started{std::move(child),
                 Ends{std::move(control.write), std::move(progress.read), std::move(errors.read)}};
}

// The most resident memory that this process ever had, which an exec'd child's own figure begins
// with.
int64_t OwnPeakBytes() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// One child that is listened to and watched, until it has ended.
class Session {
 public:
  Session(Started started, const EngineOptions& options, int64_t cpu_limit_seconds)
      : options_(options),
        cpu_limit_seconds_(cpu_limit_seconds),
        child_(std::move(started.child)),
        ends_(std::move(started.ends)),
        reader_(options.max_message_bytes),
        last_lines_(kMaxLastLines, kMaxLineBytes),
        start_(absl::Now()) {}

  EngineExit Run();

 private:
  // Reads what is there, at most so much that the clock is looked at in between. Whether there was
  // something.
  bool ReadProgress();
  bool ReadErrors();
  absl::Status Receive(engine::v1::EngineMessage message);
  // Kills the child where it is over a limit or no longer wanted.
  void Watch();
  void KillBecause(absl::Status why);
  // Until there is something to read or a tick has passed.
  void Wait() const;
  absl::Status Judge(const ChildEnd& end);

  const EngineOptions& options_;
  const int64_t cpu_limit_seconds_;
  ChildProcess child_;
  Ends ends_;
  MessageReader reader_;
  LastLines last_lines_;
  const absl::Time start_;
  const int64_t own_peak_bytes_ = OwnPeakBytes();
  EngineExit exit_;
  // Why we killed it.
  absl::Status kill_reason_;
  // Its last message, and when that came: nothing may follow but its end.
  bool has_result_ = false;
  absl::Status own_error_;
  std::optional<absl::Time> last_message_time_;
  absl::Time last_look_ = absl::InfinitePast();
  int64_t messages_ = 0;
  int64_t progress_bytes_ = 0;
  int64_t peak_bytes_ = 0;
};

void Session::KillBecause(absl::Status why) {
  if (!kill_reason_.ok()) return;
  kill_reason_ = std::move(why);
  child_.Kill();
}

void Session::Wait() const {
  pollfd polled[] = {{ends_.progress.get(), POLLIN, 0},
                     {ends_.errors.get(), POLLIN, 0},
                     {child_.end_fd(), POLLIN, 0}};
  // Closed pipes have fd -1, which poll leaves out: then the tick alone counts.
  ::poll(polled, std::size(polled), static_cast<int>(absl::ToInt64Milliseconds(kTick)));
}

absl::Status OwnError(const google::rpc::Status& error) {
  google::rpc::Status bounded = error;
  bounded.set_message(Shortened(error.message(), kMaxErrorMessageBytes));
  if (bounded.ByteSizeLong() > kMaxErrorDetailBytes) bounded.clear_details();
  absl::Status status = FromRpcStatus(bounded);
  if (status.ok()) return ProtocolError("ended with an error that is none");
  // Only we cancel, and a job that was cancelled by us is run again without end.
  if (absl::IsCancelled(status)) return ProtocolError("says that it was cancelled");
  return status;
}

absl::Status Session::Receive(engine::v1::EngineMessage message) {
  using engine::v1::EngineMessage;
  if (last_message_time_.has_value()) return ProtocolError("went on after its last message");
  if (++messages_ > options_.max_messages) return ProtocolError("sent too many messages");
  switch (message.message_case()) {
    case EngineMessage::kResult:
      exit_.result = std::move(*message.mutable_result());
      has_result_ = true;
      last_message_time_ = absl::Now();
      return absl::OkStatus();
    case EngineMessage::kError:
      own_error_ = OwnError(message.error());
      last_message_time_ = absl::Now();
      return absl::OkStatus();
    case EngineMessage::kSandbox:
      exit_.sandbox.assign(message.sandbox().active().begin(), message.sandbox().active().end());
      break;
    default:
      break;
  }
  if (options_.on_message) options_.on_message(message);
  return absl::OkStatus();
}

bool Session::ReadProgress() {
  if (!ends_.progress.valid() || !kill_reason_.ok()) return false;
  std::array<uint8_t, 64 << 10> bytes;
  const ssize_t count = ::read(ends_.progress.get(), bytes.data(), bytes.size());
  if (count == 0) ends_.progress.Close();
  if (count <= 0) return false;
  progress_bytes_ += count;
  if (progress_bytes_ > options_.max_total_bytes) {
    KillBecause(ProtocolError("sent too many bytes"));
    return false;
  }
  const absl::Status status = reader_.Push(
      std::span(bytes.data(), count),
      [this](engine::v1::EngineMessage message) { return Receive(std::move(message)); });
  if (!status.ok()) KillBecause(status);
  return true;
}

bool Session::ReadErrors() {
  if (!ends_.errors.valid()) return false;
  std::array<char, 16 << 10> text;
  const ssize_t count = ::read(ends_.errors.get(), text.data(), text.size());
  if (count == 0) ends_.errors.Close();
  if (count > 0) last_lines_.Push(absl::string_view(text.data(), count));
  return count > 0;
}

void Session::Watch() {
  const absl::Time now = absl::Now();
  if (now - last_look_ < kTick) return;
  last_look_ = now;
  if (options_.cancelled != nullptr && options_.cancelled->load()) {
    return KillBecause(absl::CancelledError("cancelled"));
  }
  if (now - start_ > options_.timeout) {
    return KillBecause(
        TimeoutError(absl::StrCat("time, ", absl::FormatDuration(options_.timeout))));
  }
  if (last_message_time_.has_value() && now - *last_message_time_ > kEndGrace) {
    return KillBecause(ProtocolError("did not end after its last message"));
  }
  const int64_t resident_bytes = child_.ResidentBytes();
  peak_bytes_ = std::max({peak_bytes_, resident_bytes, child_.PeakResidentBytes()});
  if (options_.memory_limit_bytes > 0 && resident_bytes > options_.memory_limit_bytes) {
    exit_.out_of_memory = true;
    KillBecause(MemoryError(absl::StrCat(resident_bytes, " bytes are resident, the limit is ",
                                         options_.memory_limit_bytes)));
  }
}

// The child is gone: what it did, in the order of what is most sure.
absl::Status Session::Judge(const ChildEnd& end) {
  if (!kill_reason_.ok()) return kill_reason_;
  // Whoever does not listen to SIGXCPU is killed by the kernel a second later.
  const bool is_over_limit =
      cpu_limit_seconds_ > 0 && end.cpu_seconds >= static_cast<double>(cpu_limit_seconds_);
  if (end.signal == SIGXCPU || (end.signal == SIGKILL && is_over_limit)) {
    return TimeoutError("CPU time");
  }
  if (end.signal != 0) {
    exit_.crashed_by_itself = std::ranges::count(kOwnSignals, end.signal) > 0;
    return WithReason(
        absl::InternalError(absl::StrCat("the engine was ended by signal ", end.signal, " (",
                                         ::strsignal(end.signal), ")")),
        "WORKER_CRASH", {{"signal", absl::StrCat(end.signal)}});
  }
  if (end.exit_code == kOutOfMemoryExitCode) {
    exit_.out_of_memory = true;
    return MemoryError("an allocation failed under its limit");
  }
  if (!own_error_.ok()) return own_error_;
  if (end.exit_code != 0) {
    exit_.crashed_by_itself = true;
    return WithReason(absl::InternalError(absl::StrCat("the engine ended with exit code ",
                                                       end.exit_code, " and gave no reason")),
                      "WORKER_CRASH", {{"exit_code", absl::StrCat(end.exit_code)}});
  }
  if (!has_result_ || !reader_.at_border()) return ProtocolError("ended without a result");
  return absl::OkStatus();
}

EngineExit Session::Run() {
  if (options_.on_start) options_.on_start(child_.pid());
  while (!child_.HasEnded()) {
    Wait();
    ReadProgress();
    ReadErrors();
    Watch();
  }
  const ChildEnd end = child_.Reap();
  // What is left in the pipes. Their writers are dead, but for one that fled from its group: so not
  // for ever.
  const auto read_both = [this] {
    const bool has_progress = ReadProgress();
    return ReadErrors() || has_progress;
  };
  for (int reads = 0; reads < kMaxReadsAfterEnd && read_both(); ++reads) {
  }
  exit_.status = Judge(end);
  if (!exit_.status.ok()) exit_.result.Clear();
  exit_.signal = end.signal;
  exit_.cpu_seconds = end.cpu_seconds;
  // The child may reset its own mark, and the kernel's figure begins with ours: the larger of what
  // can be believed.
  exit_.peak_memory_bytes =
      std::max(peak_bytes_, end.max_resident_bytes > own_peak_bytes_ ? end.max_resident_bytes : 0);
  exit_.last_lines = last_lines_.Get();
  return std::move(exit_);
}

}  // namespace

EngineExit RunEngine(const engine::v1::EngineRequest& request, const std::vector<InheritedFd>& fds,
                     const EngineOptions& options) {
  absl::StatusOr<Started> started = Start(request, fds, options);
  if (!started.ok()) {
    EngineExit exit;
    exit.status = started.status();
    return exit;
  }
  return Session(*std::move(started), options, request.cpu_limit_seconds()).Run();
}

}  // namespace octavo
