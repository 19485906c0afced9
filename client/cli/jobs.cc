// octavo jobs list|get|watch|cancel.

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/job_display.h"
#include "client/cli/job_outcome.h"
#include "client/cli/json_output.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

struct Flags {
  std::string job, server, output, state;
  int limit = 50;
};

std::string StateText(v1::Job::State state) {
  return std::string(absl::StripPrefix(v1::Job::State_Name(state), "STATE_"));
}

std::string VerdictText(v1::Verdict verdict) {
  return verdict == v1::VERDICT_UNSPECIFIED
             ? ""
             : std::string(absl::StripPrefix(v1::Verdict_Name(verdict), "VERDICT_"));
}

std::string AgeText(const google::protobuf::Timestamp& time) {
  return absl::StrCat(DurationText(absl::Now() - absl::FromUnixSeconds(time.seconds())), " ago");
}

absl::StatusOr<ExitCode> List(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto client, ConnectTo(flags.server));
  v1::ListJobsRequest request;
  if (!flags.state.empty()) {
    v1::Job::State state;
    if (!v1::Job::State_Parse(absl::StrCat("STATE_", absl::AsciiStrToUpper(flags.state)), &state)) {
      return absl::InvalidArgumentError(absl::StrCat("--state '", flags.state, "' is none"));
    }
    request.add_states(state);
  }
  ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, client->ListJobs(request, flags.limit));
  if (flags.output == "json") {
    v1::ListJobsResponse response;
    for (const v1::Job& job : jobs) *response.add_jobs() = job;
    RETURN_IF_ERROR(PrintJson(response));
    return kExitOk;
  }
  TableText table;
  table.rows.push_back({"job", "state", "verdict", "recommended", "model", "created"});
  table.left_columns = {0, 1, 2, 3, 4, 5};
  for (const v1::Job& job : jobs) {
    table.rows.push_back({job.name(), StateText(job.state()), VerdictText(job.verdict()),
                          job.recommended_variant(),
                          job.display_name().empty() ? job.spec().model() : job.display_name(),
                          AgeText(job.create_time())});
  }
  std::fputs(RenderTable(table, ColorWanted()).c_str(), stdout);
  return kExitOk;
}

void PrintJob(const v1::Job& job) {
  std::printf("%s  %s", job.name().c_str(), StateText(job.state()).c_str());
  if (job.cancelling()) std::printf(" (cancelling)");
  if (job.verdict() != v1::VERDICT_UNSPECIFIED) {
    std::printf("  %s", VerdictText(job.verdict()).c_str());
  }
  if (!job.recommended_variant().empty()) {
    std::printf("  recommended: %s", job.recommended_variant().c_str());
  }
  std::printf("\n");
  for (const v1::Attempt& attempt : job.attempts()) {
    if (attempt.has_error()) {
      std::printf("attempt %d: %s\n", attempt.number(), attempt.error().message().c_str());
    }
  }
  if (job.has_error()) std::printf("error: %s\n", job.error().message().c_str());
  for (const v1::Artifact& artifact : job.artifacts()) {
    std::printf("%12s  %s  %s\n", GroupDigits(artifact.size_bytes()).c_str(),
                artifact.digest().substr(0, 16).c_str(), artifact.file_name().c_str());
  }
}

absl::Status Print(const v1::Job& job, const std::string& output) {
  if (output == "json") return PrintJson(job);
  PrintJob(job);
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Get(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto client, ConnectTo(flags.server));
  ASSIGN_OR_RETURN(const v1::Job job, client->GetJob(JobName(flags.job)));
  RETURN_IF_ERROR(Print(job, flags.output));
  return kExitOk;
}

absl::StatusOr<ExitCode> Watch(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto client, ConnectTo(flags.server));
  JobDisplay display;
  const auto job = client->WatchJob(JobName(flags.job), [&](const v1::JobEvent& event) {
    display.Show(event);
    return true;
  });
  display.progress().Clear();
  if (!job.ok()) return job.status();
  PrintLastLines(*job);
  RETURN_IF_ERROR(Print(*job, flags.output));
  return JobExitCode(*job);
}

absl::StatusOr<ExitCode> Cancel(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto client, ConnectTo(flags.server));
  ASSIGN_OR_RETURN(const v1::Job job, client->CancelJob(JobName(flags.job)));
  RETURN_IF_ERROR(Print(job, flags.output));
  return kExitOk;
}

CLI::App* AddVerb(CLI::App& parent, RunCommand& run, const std::shared_ptr<Flags>& flags,
                  const std::string& name, const std::string& description, const char* example,
                  absl::StatusOr<ExitCode> (*verb)(const Flags&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  AddServerFlag(*command, flags->server);
  AddOutputFlag(*command, flags->output);
  command->footer(absl::StrCat("Example:\n  ", example));
  command->callback([flags, &run, verb] { run = [flags, verb] { return verb(*flags); }; });
  return command;
}

}  // namespace

void AddJobsCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand("jobs", "Lists, shows, watches and cancels jobs");
  command->require_subcommand(1);
  command->footer("Example:\n  octavo jobs watch jobs/abc");
  auto flags = std::make_shared<Flags>();
  CLI::App* list = AddVerb(*command, run, flags, "list", "The newest jobs",
                           "octavo jobs list --state running --limit 10", List);
  list->add_option("--state", flags->state,
                   "Only pending, running, succeeded, failed or cancelled");
  list->add_option("--limit", flags->limit, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  for (CLI::App* verb : {AddVerb(*command, run, flags, "get", "One job: state, attempts, artifacts",
                                 "octavo jobs get jobs/abc -o json", Get),
                         AddVerb(*command, run, flags, "watch", "Follows a job to its end",
                                 "octavo jobs watch jobs/abc", Watch),
                         AddVerb(*command, run, flags, "cancel", "Ends a job",
                                 "octavo jobs cancel jobs/abc", Cancel)}) {
    verb->add_option("job", flags->job, "The job's name")->required();
  }
}

}  // namespace octavo
