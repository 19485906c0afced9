// What becomes of a job that has ended: its files fetched, its exit status.

#ifndef OCTAVO_CLIENT_CLI_JOB_OUTCOME_H_
#define OCTAVO_CLIENT_CLI_JOB_OUTCOME_H_

#include <string>

#include "absl/status/status.h"
#include "client/cli/exit_code.h"
#include "client/cli/progress_display.h"
#include "client/octavo/client.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

ExitCode VerdictExitCode(v1::Verdict verdict);
ExitCode JobExitCode(const v1::Job& job);

// On standard error: the engine's last lines of a job that failed.
void PrintLastLines(const v1::Job& job);

// Says why a job that ended without success did so, with its last lines; kExitFailed.
ExitCode ExplainFailure(const v1::Job& job);
bool EndedWithoutSuccess(const v1::Job& job);

// Names, on standard error, each .tflite file in the folder that is none of `written`: of an
// earlier job, and not what the report beside it is about.
void NameStaleVariants(const std::string& folder,
                       const google::protobuf::RepeatedPtrField<v1::Artifact>& written);

// Every artifact of the job, into `folder`, which is made where there is none.
absl::Status DownloadArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                               ProgressDisplay& progress);

// Makes the folder and those above it.
absl::Status MakeFolder(const std::string& folder);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_JOB_OUTCOME_H_
