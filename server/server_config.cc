#include "server/server_config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"

#ifndef OCTAVO_VERSION
#error "the build gives the version"
#endif

namespace octavo {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct HostPort {
  absl::string_view host;
  int port = -1;
};

absl::StatusOr<HostPort> ParseHostPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  HostPort parsed;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &parsed.port) || parsed.port < 0 ||
      parsed.port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("'", address, "' is not HOST:PORT"));
  }
  parsed.host = address.substr(0, colon);
  return parsed;
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
}

}  // namespace

std::string DefaultDataFolder() {
  if (const std::string data = Environment("XDG_DATA_HOME"); !data.empty()) return data + "/octavo";
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return home + "/.local/share/octavo";
  }
  return "";
}

std::variant<ServerConfig, int> ParseServerConfig(int argc, const char* const* argv) {
  ServerConfig config;
  config.data_folder = DefaultDataFolder();
  // A job's engine spreads over all processors; a second one at once fills what the first leaves
  // idle.
  config.workers = std::max(1, NumProcessors() / 4);
  double drain_seconds = absl::ToDoubleSeconds(config.drain_timeout);

  CLI::App app("The Octavo server: takes models and data, and gives back optimized variants.");
  app.set_version_flag("--version", OCTAVO_VERSION);
  app.add_option("--listen", config.listen, "HOST:PORT to serve gRPC on; port 0 picks one")
      ->capture_default_str();
  app.add_flag("--insecure", config.insecure,
               "Serve on an address that other hosts reach, without TLS and without tokens");
  app.add_option("--data", config.data_folder, "Folder of everything that is kept")
      ->capture_default_str();
  app.add_option("--workers", config.workers, "Jobs that run at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--metrics-listen", config.metrics_listen,
                 "HOST:PORT to serve /metrics on; empty for none")
      ->capture_default_str();
  app.add_option("--max-queued-jobs", config.max_queued_jobs, "Jobs that wait; more are refused")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--max-upload-bytes", config.max_upload_bytes, "Largest upload, such as 4GiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::PositiveNumber)
      ->default_str("16GiB");
  app.add_option("--engine", config.engine, "The octavo-engine program; by default the one beside");
  app.add_option("--engine-memory", config.engine_memory_bytes,
                 "Most memory of one engine, such as 4GiB; 0 for no limit")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->default_str("4GiB");
  app.add_option("--cache-bytes", config.cache_bytes,
                 "Most bytes of calibrations kept for later jobs, such as 1GiB; 0 for none")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->default_str("1GiB");
  app.add_flag("--require-sandbox", config.require_sandbox,
               "Refuse to run engines where seccomp or landlock are not to be had");
  app.add_option("--drain-timeout", drain_seconds, "Seconds for jobs to end after SIGTERM")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--log-format", config.log_format, "json or text")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Log::Format>{
          {"json", Log::Format::kJson}, {"text", Log::Format::kText}}))
      ->default_str("json");
  app.add_option("--ready-file", config.ready_file,
                 "File to write the address to once the server is ready");
  app.footer(
      "Example:\n  octavod --listen 127.0.0.1:8470 --data /srv/octavo --workers 2\n\n"
      "Exit status: 0 after SIGTERM or SIGINT, 1 where it could not serve, 2 usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  config.drain_timeout = absl::Seconds(drain_seconds);
  return config;
}

absl::Status CheckServerConfig(const ServerConfig& config) {
  ASSIGN_OR_RETURN(const HostPort listen, ParseHostPort(config.listen), "--listen");
  if (!config.metrics_listen.empty()) {
    RETURN_IF_ERROR(ParseHostPort(config.metrics_listen).status(), "--metrics-listen");
  }
  if (!config.insecure && !IsLoopback(listen.host)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "other hosts would reach ", config.listen, " without TLS and without tokens: listen on ",
        "127.0.0.1, or say --insecure where the network itself is trusted"));
  }
  if (config.data_folder.empty()) {
    return absl::InvalidArgumentError("neither --data nor $HOME says where to keep anything");
  }
  return absl::OkStatus();
}

}  // namespace octavo
