// What octavod is told at its start.

#ifndef OCTAVO_SERVER_SERVER_CONFIG_H_
#define OCTAVO_SERVER_SERVER_CONFIG_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/api/log.h"

namespace octavo {

struct ServerConfig {
  // HOST:PORT; port 0 picks a free one.
  std::string listen = "127.0.0.1:8470";
  // There is no TLS yet: an address that others reach is taken only with this.
  bool insecure = false;
  std::string data_folder;
  int workers = 1;
  // HOST:PORT; empty: no metrics.
  std::string metrics_listen = "127.0.0.1:9464";
  int32_t max_queued_jobs = 1000;
  int64_t max_upload_bytes = int64_t{16} << 30;
  // Empty: `octavo-engine` beside this program.
  std::string engine;
  // Of an engine; 0: no limit.
  int64_t engine_memory_bytes = int64_t{4} << 30;
  // Of calibrations' statistics, kept for later jobs; 0: none are.
  int64_t cache_bytes = int64_t{1} << 30;
  // Engines must be confined by seccomp and landlock.
  bool require_sandbox = false;
  // For jobs to end after SIGTERM.
  absl::Duration drain_timeout = absl::Seconds(30);
  Log::Format log_format = Log::Format::kJson;
  // Where the address is written once the server is ready; empty: nowhere.
  std::string ready_file;
};

// $XDG_DATA_HOME/octavo or ~/.local/share/octavo; empty where neither is known.
std::string DefaultDataFolder();

// The configuration, or the program's exit status: 0 after --help and --version, 2 after a mistake,
// which is told on standard error.
std::variant<ServerConfig, int> ParseServerConfig(int argc, const char* const* argv);

// INVALID_ARGUMENT: an address that is none, or one that others reach without --insecure.
absl::Status CheckServerConfig(const ServerConfig& config);

}  // namespace octavo

#endif  // OCTAVO_SERVER_SERVER_CONFIG_H_
