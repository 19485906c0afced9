// octavo report: a job's report as a table or as JSON.

#include <cstdio>

#include "client/cli/command.h"
#include "client/cli/json_output.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace octavo {

void AddReportCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand("report", "Prints a job's report");
  struct Flags {
    std::string job, server, output;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("job", flags->job, "The job's name")->required();
  AddServerFlag(*command, flags->server);
  AddOutputFlag(*command, flags->output);
  command->footer(
      "The page report.html comes with `octavo download`.\nExample:\n  octavo report jobs/abc -o "
      "json");
  command->callback([flags, &run] {
    run = [flags]() -> absl::StatusOr<ExitCode> {
      ASSIGN_OR_RETURN(const auto client, ConnectTo(flags->server));
      ASSIGN_OR_RETURN(const v1::Report report, client->GetReport(JobName(flags->job)));
      if (flags->output == "json") {
        PrintJson(report);
      } else {
        std::fputs(RenderReport(report, ColorWanted()).c_str(), stdout);
      }
      return kExitOk;
    };
  });
}

}  // namespace octavo
