// The C++ client: uploads, jobs and downloads over one channel to an Octavo server.
//
//   ASSIGN_OR_RETURN(auto client, octavo::Client::Connect({.address = "127.0.0.1:8470"}));
//   ASSIGN_OR_RETURN(const v1::Model model, client->UploadModel("digits.tflite"));
//   v1::OptimizeSpec spec;
//   spec.set_model(model.name());
//   spec.set_all_variants(true);
//   ASSIGN_OR_RETURN(const v1::Job job, client->CreateJob(spec));
//   const auto go_on = [](const v1::JobEvent&) { return true; };
//   ASSIGN_OR_RETURN(const v1::Job ended, client->WatchJob(job.name(), go_on));

#ifndef OCTAVO_CLIENT_OCTAVO_CLIENT_H_
#define OCTAVO_CLIENT_OCTAVO_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "octavo/v1/artifacts.pb.h"
#include "octavo/v1/datasets.pb.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/models.pb.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/uploads.pb.h"

namespace octavo {

inline constexpr char kDefaultAddress[] = "127.0.0.1:8470";

struct ClientOptions {
  std::string address = kDefaultAddress;
  // For the first answer. Afterwards a server that is away is waited for, with growing pauses, and
  // one that has too much to do as long as it says, up to `patience`.
  absl::Duration connect_timeout = absl::Seconds(3);
  absl::Duration patience = absl::Minutes(2);
  // How those pauses pass.
  std::function<void(absl::Duration)> sleep = absl::SleepFor;
};

// Told how many of `total` bytes are there, first where it begins.
using ByteProgress = std::function<void(int64_t done, int64_t total)>;

// Thread-safe. Every call blocks; statuses are the server's, with its details as payloads
// (core/base/error_reason.h).
class Client {
 public:
  // UNAVAILABLE: nobody answers at this address.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  ~Client();

  // Sends a file unless the server has it, resuming after broken connections, and makes a resource
  // of it. A rejected file is the status that the server gives for it.
  absl::StatusOr<v1::Model> UploadModel(const std::string& path, const ByteProgress& progress = {});
  absl::StatusOr<v1::Dataset> UploadDataset(const std::string& path,
                                            const ByteProgress& progress = {});
  // Only the first half: a complete upload.
  absl::StatusOr<v1::Upload> UploadFile(const std::string& path, v1::UploadKind kind,
                                        const ByteProgress& progress = {});

  // Queues one job, however often the request has to be sent: one without a request id is given
  // one.
  absl::StatusOr<v1::Job> CreateJob(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> CreateJob(const v1::OptimizeSpec& spec);
  absl::StatusOr<v1::Job> GetJob(const std::string& name);
  // All pages. Newest first.
  absl::StatusOr<std::vector<v1::Job>> ListJobs(v1::ListJobsRequest request, int limit);
  absl::StatusOr<v1::Job> CancelJob(const std::string& name);

  // Calls `on_event` for each event until the job has ended, over broken connections, and returns
  // it as it ended. `on_event` returns false to stop watching: then CANCELLED, and the job goes on.
  absl::StatusOr<v1::Job> WatchJob(const std::string& name,
                                   const std::function<bool(const v1::JobEvent&)>& on_event);

  // Writes the artifact to `path`, resuming after broken connections; the file appears whole, its
  // digest checked. DATA_LOSS: the bytes are not those that the digest names.
  absl::Status DownloadArtifact(const v1::Artifact& artifact, const std::string& path,
                                const ByteProgress& progress = {});
  // The same into memory, for a small one.
  absl::StatusOr<std::string> ReadArtifact(const v1::Artifact& artifact);

  absl::StatusOr<v1::Report> GetReport(const std::string& job);
  absl::StatusOr<v1::GetCapabilitiesResponse> GetCapabilities();

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace octavo

#endif  // OCTAVO_CLIENT_OCTAVO_CLIENT_H_
