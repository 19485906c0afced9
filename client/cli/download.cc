// octavo download: a job's artifacts.

#include <cstdio>

#include "client/cli/command.h"
#include "client/cli/job_outcome.h"
#include "core/base/status_macros.h"

namespace octavo {

void AddDownloadCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand("download", "Fetches what a job made");
  struct Flags {
    std::string job, out = ".", server;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("job", flags->job, "The job's name")->required();
  command->add_option("--out", flags->out, "Folder for NAME.tflite, report.json, report.html")
      ->capture_default_str();
  AddServerFlag(*command, flags->server);
  command->footer("Example:\n  octavo download jobs/abc --out out/");
  command->callback([flags, &run] {
    run = [flags]() -> absl::StatusOr<ExitCode> {
      ASSIGN_OR_RETURN(const auto client, ConnectTo(flags->server));
      ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(JobName(flags->job)));
      if (EndedWithoutSuccess(job)) return ExplainFailure(job);
      if (job.artifacts().empty()) {
        return absl::FailedPreconditionError("the job has not ended and has no artifacts yet");
      }
      ProgressDisplay progress;
      RETURN_IF_ERROR(DownloadArtifacts(*client, job, flags->out, progress));
      for (const v1::Artifact& artifact : job.artifacts()) {
        std::printf("%s/%s\n", flags->out.c_str(), artifact.file_name().c_str());
      }
      return kExitOk;
    };
  });
}

}  // namespace octavo
