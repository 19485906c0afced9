#include "client/cli/job_outcome.h"

#include <cstdio>
#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "google/rpc/error_details.pb.h"

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

void PrintLastLines(const v1::Job& job) {
  google::rpc::DebugInfo info;
  for (const google::protobuf::Any& detail : job.error().details()) {
    if (detail.Is<google::rpc::DebugInfo>()) detail.UnpackTo(&info);
  }
  for (const std::string& line : info.stack_entries()) std::fprintf(stderr, "%s\n", line.c_str());
}

bool EndedWithoutSuccess(const v1::Job& job) {
  return job.state() == v1::Job::STATE_FAILED || job.state() == v1::Job::STATE_CANCELLED;
}

ExitCode ExplainFailure(const v1::Job& job) {
  PrintLastLines(job);
  const bool cancelled = job.state() == v1::Job::STATE_CANCELLED;
  std::string text = cancelled ? "the job was cancelled" : "the job failed";
  if (!job.error().message().empty()) absl::StrAppend(&text, ": ", job.error().message());
  const std::string reason = ReasonOf(FromRpcStatus(job.error()));
  if (!reason.empty()) absl::StrAppend(&text, " [", reason, "]");
  std::fprintf(stderr, "octavo: %s\n", text.c_str());
  return kExitFailed;
}

void NameStaleVariants(const std::string& folder,
                       const google::protobuf::RepeatedPtrField<v1::Artifact>& written) {
  std::set<std::string> stale;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".tflite") stale.insert(entry.path().filename());
  }
  for (const v1::Artifact& artifact : written) stale.erase(artifact.file_name());
  for (const std::string& name : stale) {
    std::fprintf(stderr, "octavo: %s/%s was there before and is not of this report\n",
                 folder.c_str(), name.c_str());
  }
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
  int64_t total_bytes = 0, bytes_before = 0;
  for (const v1::Artifact& artifact : job.artifacts()) total_bytes += artifact.size_bytes();
  for (const v1::Artifact& artifact : job.artifacts()) {
    // A server's word is not taken for a path.
    if (artifact.file_name().empty() || absl::StrContains(artifact.file_name(), "/") ||
        absl::StartsWith(artifact.file_name(), ".")) {
      return absl::DataLossError(
          absl::StrCat("the server names an artifact '", artifact.file_name(), "'"));
    }
    RETURN_IF_ERROR(client.DownloadArtifact(
        artifact, absl::StrCat(folder, "/", artifact.file_name()), [&](int64_t done, int64_t) {
          progress.Update("download", bytes_before + done, total_bytes, "bytes");
        }));
    bytes_before += artifact.size_bytes();
  }
  progress.Clear();
  return absl::OkStatus();
}

}  // namespace octavo
