// The commands of `octavo`, one a file. Each adds its subcommand; when it is chosen, `run` is set
// to what it does.

#ifndef OCTAVO_CLIENT_CLI_COMMAND_H_
#define OCTAVO_CLIENT_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/exit_code.h"
#include "client/octavo/client.h"

namespace octavo {

// What a command ends with: a status that is printed, or a code of its own.
using RunCommand = std::function<absl::StatusOr<ExitCode>()>;

void AddServeCommand(CLI::App& app, RunCommand& run);
void AddOptimizeCommand(CLI::App& app, RunCommand& run);
void AddUploadCommand(CLI::App& app, RunCommand& run);
void AddJobsCommand(CLI::App& app, RunCommand& run);
void AddDownloadCommand(CLI::App& app, RunCommand& run);
void AddReportCommand(CLI::App& app, RunCommand& run);
void AddInspectCommand(CLI::App& app, RunCommand& run);
void AddCompareCommand(CLI::App& app, RunCommand& run);

// --server ADDR, or the environment's OCTAVO_SERVER, or the default address.
CLI::Option* AddServerFlag(CLI::App& command, std::string& address);
// -o table|json.
void AddOutputFlag(CLI::App& command, std::string& output);

// Connects, and where nobody answers says how to start a server.
absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const std::string& address);

// On standard error: what went wrong, with its reason.
void PrintError(const absl::Status& status);

// `name` with "jobs/" before it, unless it is there.
std::string JobName(const std::string& name);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_COMMAND_H_
