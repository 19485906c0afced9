// octavo report: a job's report as a table or as JSON.

#include <cstdio>

#include "client/cli/command.h"
#include "client/cli/job_outcome.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// The artifact that `octavo optimize --out` and `octavo download` write, as it is.
absl::Status PrintReportFile(Client& client, const v1::Job& job) {
  for (const v1::Artifact& artifact : job.artifacts()) {
    if (artifact.file_name() != "report.json") continue;
    ASSIGN_OR_RETURN(const std::string json, client.ReadArtifact(artifact));
    std::fputs(json.c_str(), stdout);
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError("the job has not ended and has no report yet");
}

}  // namespace

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
      ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(JobName(flags->job)));
      if (EndedWithoutSuccess(job)) return ExplainFailure(job);
      if (flags->output == "json") {
        RETURN_IF_ERROR(PrintReportFile(*client, job));
        return kExitOk;
      }
      ASSIGN_OR_RETURN(const v1::Report report, client->GetReport(job.name()));
      std::fputs(RenderReport(report, ColorWanted()).c_str(), stdout);
      return kExitOk;
    };
  });
}

}  // namespace octavo
