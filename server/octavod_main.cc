// octavod: the Octavo server.
//
// Exit status: 0 after SIGTERM or SIGINT, 1 where it could not serve, 2 after a mistake on the
// command line.

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <span>
#include <string>

#include "absl/time/clock.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "server/api/log.h"
#include "server/server.h"
#include "server/server_config.h"

namespace octavo {
namespace {

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Waits for one of the signals; false where `timeout` passes first.
bool WaitForSignal(const sigset_t& signals, absl::Duration timeout) {
  const timespec wait = absl::ToTimespec(timeout);
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

absl::Status WriteReadyFile(const std::string& path, const std::string& address) {
  const std::filesystem::path file(path);
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForReading(folder.string()));
  const std::string line = address + "\n";
  return WriteFileAtomically(fd.get(), file.filename().string(),
                             std::span(reinterpret_cast<const uint8_t*>(line.data()), line.size()));
}

absl::Status TellReady(const ServerConfig& config, const Server& server) {
  std::cout << "octavod ready on " << server.address() << " (data " << config.data_folder
            << ", workers " << config.workers << ")" << std::endl;
  return config.ready_file.empty() ? absl::OkStatus()
                                   : WriteReadyFile(config.ready_file, server.address());
}

// Gives jobs their time to end; a second signal cuts it short.
void Drain(Server& server, const sigset_t& signals, absl::Duration grace, Log& log) {
  constexpr absl::Duration kLook = absl::Milliseconds(50);
  server.BeginDrain();
  const absl::Time end = absl::Now() + grace;
  while (!server.idle() && absl::Now() < end) {
    if (WaitForSignal(signals, kLook)) break;
  }
  log.Info(server.idle() ? "no job runs any more" : "jobs that still run are handed back");
  server.Stop();
}

int Run(const ServerConfig& config) {
  // Before any thread is made, so that all of them leave these signals to this one.
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // Else how an engine ended would not be known.
  signal(SIGCHLD, SIG_DFL);

  Log log(config.log_format);
  RouteLibraryLogs(log);
  auto server = Server::Start(config, log);
  if (!server.ok()) {
    log.Error("octavod cannot serve", {{"error", std::string(server.status().message())}});
    return 1;
  }
  if (absl::Status status = TellReady(config, **server); !status.ok()) {
    log.Error("octavod cannot say that it is ready", {{"error", std::string(status.message())}});
    return 1;
  }
  log.Info("ready", {{"address", (*server)->address()},
                     {"metrics_port", int64_t{(*server)->metrics_port()}}});
  while (!WaitForSignal(signals, absl::Hours(1))) {
  }
  log.Info("draining");
  Drain(**server, signals, config.drain_timeout, log);
  log.Info("ended");
  return 0;
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) {
  const auto config = octavo::ParseServerConfig(argc, argv);
  if (const int* status = std::get_if<int>(&config)) return *status;
  if (absl::Status status = octavo::CheckServerConfig(std::get<octavo::ServerConfig>(config));
      !status.ok()) {
    std::cerr << "octavod: " << status.message() << "\n";
    return 2;
  }
  return octavo::Run(std::get<octavo::ServerConfig>(config));
}
