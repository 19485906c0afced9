// octavo-engine: does one work and ends. Started by octavod and by `octavo optimize --local`, never
// by hand: its request and all its files are descriptors that it inherits
// (proto/octavo/engine/v1/engine.proto).

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/engine/compare.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/engine_identity.h"
#include "core/engine/engine_progress.h"
#include "core/engine/inspect.h"
#include "core/engine/optimize.h"
#include "core/engine/process_memory.h"
#include "core/engine/progress_pipe.h"
#include "core/engine/sandbox.h"
#include "core/engine/valid_utf8.h"
#include "core/evaluate/memory.h"
#include "core/runtime/executor.h"
#include "google/rpc/status.pb.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {
namespace {

using engine::v1::EngineMessage;
using engine::v1::EngineRequest;
using engine::v1::EngineResult;

constexpr int64_t kMaxRequestBytes = 64 << 20;
// Of a thread: RLIMIT_DATA counts all of it, and nothing here is deeply recursive.
constexpr size_t kStackBytes = 2 << 20;

constexpr char kAbout[] =
    "octavo-engine " OCTAVO_VERSION
    "\n\nOptimizes one model in a sandbox of its own. It is started by octavod and by\n"
    "`octavo optimize --local`, not by hand: its request and its files are descriptors\n"
    "that it inherits.\n";

struct Descriptors {
  int request = -1;
  int progress = -1;
  int control = -1;
};

[[noreturn]] void EndOutOfMemory() {
  constexpr char kText[] = "out of memory\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  std::_Exit(kOutOfMemoryExitCode);
}

// Ends this process when whoever started it is gone: the kernel's parent-death signal does not
// outlive every way to die.
void EndWithParent(int control_fd) {
  pollfd polled = {control_fd, POLLIN, 0};
  while (::poll(&polled, 1, -1) < 0 && errno == EINTR) {
  }
  std::_Exit(kOrphanedExitCode);
}

absl::StatusOr<EngineRequest> ReadRequest(int fd) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, ReadFile(fd, kMaxRequestBytes));
  EngineRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("no request");
  }
  return request;
}

void Send(int progress_fd, EngineMessage message) {
  MakeValidUtf8(message);
  // Whoever does not listen is about to end us.
  WriteMessage(progress_fd, message).IgnoreError();
}

absl::Status EnterSandbox(const EngineRequest& request, int progress_fd) {
  SandboxOptions options;
  if (request.has_optimize()) options.output_fd = request.optimize().output_fd();
  options.memory_limit_bytes = request.memory_limit_bytes();
  options.cpu_limit_seconds = request.cpu_limit_seconds();
  options.file_limit_bytes = request.file_limit_bytes();
  options.required = request.require_sandbox();
  ASSIGN_OR_RETURN(const std::vector<std::string> active, EnterSandbox(options));
  EngineMessage message;
  for (const std::string& part : active) message.mutable_sandbox()->add_active(part);
  Send(progress_fd, std::move(message));
  return absl::OkStatus();
}

absl::StatusOr<EngineResult> Work(const EngineRequest& request, const EngineIdentity& identity,
                                  EngineProgress& progress) {
  EngineResult result;
  switch (request.work_case()) {
    case EngineRequest::kOptimize:
      return Optimize(request.optimize(), identity, request.memory_limit_bytes(), progress);
    case EngineRequest::kValidate:
      return Validate(request.validate(), identity, request.memory_limit_bytes());
    case EngineRequest::kInspectModel: {
      ASSIGN_OR_RETURN(*result.mutable_model_info(), InspectModel(request.inspect_model().model()));
      return result;
    }
    case EngineRequest::kInspectDataset: {
      ASSIGN_OR_RETURN(*result.mutable_dataset_info(),
                       InspectDataset(request.inspect_dataset().dataset()));
      return result;
    }
    case EngineRequest::kDescribe:
      *result.mutable_description() = DescribeEngine(identity);
      return result;
    case EngineRequest::kCompare: {
      ASSIGN_OR_RETURN(*result.mutable_comparison(),
                       CompareModels(request.compare(), request.memory_limit_bytes(), progress));
      return result;
    }
    case EngineRequest::WORK_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("the request has no work");
}

// Everything that opens files or reads the machine is done before the sandbox; the first byte of
// input is read after it, and threads start after it too, so that it holds them all.
absl::StatusOr<EngineResult> Serve(const Descriptors& descriptors) {
  ASSIGN_OR_RETURN(const EngineRequest request, ReadRequest(descriptors.request), "request");
  RETURN_IF_ERROR(InitializeRuntime());
  const EngineIdentity identity = IdentifyEngine();
  PeakResidentBytes();
  ResidentBytes();
  RETURN_IF_ERROR(EnterSandbox(request, descriptors.progress));

  // Never joined: it ends with the process.
  [[maybe_unused]] static const auto& watch = *new std::thread(EndWithParent, descriptors.control);
  EngineProgress progress(
      [&](const EngineMessage& message) { Send(descriptors.progress, message); });
  return Work(request, identity, progress);
}

[[noreturn]] void Run(const Descriptors& descriptors) {
  std::set_new_handler(EndOutOfMemory);
  ::signal(SIGPIPE, SIG_IGN);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  ::pthread_setattr_default_np(&attributes);

  absl::StatusOr<EngineResult> result = Serve(descriptors);
  EngineMessage last;
  if (result.ok()) {
    *last.mutable_result() = *std::move(result);
  } else {
    *last.mutable_error() = ToRpcStatus(result.status());
  }
  Send(descriptors.progress, std::move(last));
  std::_Exit(0);
}

int Main(int argc, char** argv) {
  CLI::App app(kAbout);
  app.set_version_flag("--version", std::string("octavo-engine " OCTAVO_VERSION));
  Descriptors descriptors;
  const char* const works[] = {"optimize",        "validate", "inspect-model",
                               "inspect-dataset", "describe", "compare"};
  for (const char* work : works) {
    CLI::App* command = app.add_subcommand(work);
    command->add_option("--request-fd", descriptors.request, "the request, one message");
    command->add_option("--progress-fd", descriptors.progress, "where messages are written");
    command->add_option("--control-fd", descriptors.control, "its end ends the engine");
  }
  CLI11_PARSE(app, argc, argv);
  if (descriptors.request < 0 || descriptors.progress < 0 || descriptors.control < 0) {
    std::fputs(kAbout, stdout);
    return app.get_subcommands().empty() ? 0 : 2;
  }
  Run(descriptors);
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) { return octavo::Main(argc, argv); }
