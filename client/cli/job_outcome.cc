#include "client/cli/job_outcome.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo {

ExitCode VerdictExitCode(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_GOALS_MISSED:
      return kExitGoalsMissed;
    case v1::VERDICT_PARTIAL:
      return kExitFailed;
    default:
      return kExitOk;
  }
}

ExitCode JobExitCode(const v1::Job& job) {
  return job.state() == v1::Job::STATE_SUCCEEDED ? VerdictExitCode(job.verdict()) : kExitFailed;
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder)) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": cannot be made: ", error.message()));
  }
  return absl::OkStatus();
}

absl::Status DownloadArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                               ProgressDisplay& progress) {
  RETURN_IF_ERROR(MakeFolder(folder));
  for (const v1::Artifact& artifact : job.artifacts()) {
    // A server's word is not taken for a path.
    if (artifact.file_name().empty() || absl::StrContains(artifact.file_name(), "/") ||
        absl::StartsWith(artifact.file_name(), ".")) {
      return absl::DataLossError(
          absl::StrCat("the server names an artifact '", artifact.file_name(), "'"));
    }
    RETURN_IF_ERROR(client.DownloadArtifact(
        artifact, absl::StrCat(folder, "/", artifact.file_name()),
        [&](int64_t done, int64_t total) { progress.Update("download", done, total, "bytes"); }));
  }
  progress.Clear();
  return absl::OkStatus();
}

}  // namespace octavo
