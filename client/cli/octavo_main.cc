// `octavo`: the command line.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "core/base/error_reason.h"

namespace octavo {

CLI::Option* AddServerFlag(CLI::App& command, std::string& address) {
  // Not by envname: a variable that is set would count as a flag that is given.
  const char* from_environment = std::getenv("OCTAVO_SERVER");
  const bool is_set = from_environment != nullptr && *from_environment != '\0';
  address = is_set ? from_environment : kDefaultAddress;
  return command
      .add_option("--server", address,
                  "Address of the server, HOST:PORT; or by OCTAVO_SERVER in the environment")
      ->capture_default_str();
}

void AddOutputFlag(CLI::App& command, std::string& output) {
  output = "table";
  command.add_option("-o,--output", output, "How to print: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const std::string& address) {
  auto client = Client::Connect({.address = address});
  if (client.ok()) return client;
  return absl::Status(client.status().code(),
                      absl::StrCat(client.status().message(),
                                   "; start one with `octavo serve`, name another with --server, "
                                   "or run without one: `octavo optimize --local`"));
}

void PrintError(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  std::fprintf(stderr, "octavo: %s%s\n", std::string(status.message()).c_str(),
               reason.empty() ? "" : absl::StrCat(" [", reason, "]").c_str());
}

std::string JobName(const std::string& name) {
  return absl::StartsWith(name, "jobs/") ? name : absl::StrCat("jobs/", name);
}

namespace {

constexpr char kExamples[] = R"(
Examples:
  octavo optimize digits.tflite --variant float16 --variant dynamic-int8 --out out/ --local
  octavo serve    # and in another terminal:
  octavo optimize digits.tflite --calibrate train.npz --evaluate test.npz --scale 1/255 --variant all --out out/
  octavo jobs list
  octavo inspect digits.tflite
  octavo compare digits.tflite out/int8.tflite --data test.npz --scale 1/255

Exit status: 0 ok, 2 usage or input that is refused, 3 goals missed, 4 the job or a named variant failed, 5 no server
answers, or one that has too much to do.)";

int Main(int argc, char** argv) {
  ::signal(SIGCHLD, SIG_DFL);  // else how an engine ended would not be known
  CLI::App app("Octavo optimizes machine-learning models: quantized variants, each one measured.",
               "octavo");
  app.set_version_flag("--version", OCTAVO_VERSION);
  app.footer(kExamples);
  app.require_subcommand(1);
  RunCommand run;
  AddServeCommand(app, run);
  AddOptimizeCommand(app, run);
  AddUploadCommand(app, run);
  AddJobsCommand(app, run);
  AddDownloadCommand(app, run);
  AddReportCommand(app, run);
  AddInspectCommand(app, run);
  AddCompareCommand(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const absl::StatusOr<ExitCode> code = run();
  if (code.ok()) return *code;
  PrintError(code.status());
  return ExitCodeOf(code.status());
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) { return octavo::Main(argc, argv); }
