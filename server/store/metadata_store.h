// Metadata: every row the service keeps, behind one interface. It stores and finds; it knows no
// rules.

#ifndef OCTAVO_SERVER_STORE_METADATA_STORE_H_
#define OCTAVO_SERVER_STORE_METADATA_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "octavo/v1/datasets.pb.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/models.pb.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/uploads.pb.h"
#include "server/store/page.h"

namespace octavo {

// A job and what the queue must know of it beyond what clients see.
struct JobRecord {
  // Its progress is that of the last stored event.
  v1::Job job;
  // Number of its last event.
  int64_t last_event = 0;
  // Who may write to it while it is RUNNING; empty: nobody.
  std::string lease_token;
  absl::Time lease_expiry = absl::InfinitePast();
  // Failed attempts that count against the model, and those that count against nothing.
  int32_t own_failures = 0;
  int32_t other_failures = 0;
  // Digest of the model, by which it is quarantined.
  std::string model_digest;
};

// What a request id was first used for.
struct RequestRecord {
  // Of what was asked, to see whether it is asked again.
  std::string fingerprint;
  // Of the resource that was made.
  std::string name;
};

struct JobFilter {
  // Empty: all.
  std::vector<v1::Job::State> states;
  // Empty: all.
  std::string model;
};

// Jobs by state, and since when the longest waiting one waits.
struct QueueCounts {
  std::map<v1::Job::State, int64_t> jobs;
  std::optional<absl::Time> oldest_pending;
};

// Reads of one transaction: all see the same state. Get... is NOT_FOUND ("jobs/x: not found") where
// there is none.
class StoreReader {
 public:
  virtual ~StoreReader() = default;

  virtual absl::StatusOr<v1::Upload> GetUpload(absl::string_view name) = 0;
  // Open uploads that expire before `now`, and complete ones older than that.
  virtual absl::StatusOr<std::vector<v1::Upload>> ListExpiredUploads(absl::Time now, int limit) = 0;
  virtual absl::StatusOr<int64_t> CountOpenUploads() = 0;

  virtual absl::StatusOr<v1::Model> GetModel(absl::string_view name) = 0;
  virtual absl::StatusOr<Page<v1::Model>> ListModels(const PageRequest& page) = 0;
  virtual absl::StatusOr<v1::Dataset> GetDataset(absl::string_view name) = 0;
  virtual absl::StatusOr<Page<v1::Dataset>> ListDatasets(const PageRequest& page) = 0;

  virtual absl::StatusOr<JobRecord> GetJob(absl::string_view name) = 0;
  virtual absl::StatusOr<Page<v1::Job>> ListJobs(const JobFilter& filter,
                                                 const PageRequest& page) = 0;
  // The PENDING job that waits longest of those whose retry time has come.
  virtual absl::StatusOr<std::optional<JobRecord>> NextPendingJob(absl::Time now) = 0;
  // RUNNING jobs whose lease expires before `now`.
  virtual absl::StatusOr<std::vector<JobRecord>> ListExpiredLeases(absl::Time now, int limit) = 0;
  virtual absl::StatusOr<QueueCounts> CountJobs() = 0;
  virtual absl::StatusOr<int64_t> CountJobsIn(v1::Job::State state) = 0;
  // Whether a job that has not ended names this model or data set.
  virtual absl::StatusOr<bool> IsInUse(absl::string_view name) = 0;

  // Events numbered above `after`, in order.
  virtual absl::StatusOr<std::vector<v1::JobEvent>> ListEvents(absl::string_view job, int64_t after,
                                                               int limit) = 0;
  virtual absl::StatusOr<v1::Report> GetReport(absl::string_view job) = 0;
  // Variants that earlier attempts of a job finished, whole reports.
  virtual absl::StatusOr<std::vector<v1::VariantReport>> ListFinishedVariants(
      absl::string_view job) = 0;
  // An artifact of any job, "artifacts/{digest}".
  virtual absl::StatusOr<v1::Artifact> GetArtifact(absl::string_view name) = 0;

  // `collection`: whose request ids; "uploads", "jobs".
  virtual absl::StatusOr<std::optional<RequestRecord>> FindRequest(
      absl::string_view collection, absl::string_view request_id) = 0;
  // Why a model's digest is quarantined, by this build of the engine.
  virtual absl::StatusOr<std::optional<std::string>> FindQuarantine(
      absl::string_view digest, absl::string_view engine_build) = 0;
  // Whether any row names this blob.
  virtual absl::StatusOr<bool> IsBlobReferenced(absl::string_view digest) = 0;
};

// A transaction that writes. Put... inserts or replaces the whole row; Insert... is ALREADY_EXISTS
// where it is; Delete... is OK also where nothing is. INTERNAL: a message that could not be read
// again, such as one whose string is not UTF-8.
class StoreWriter : public StoreReader {
 public:
  virtual absl::Status PutUpload(const v1::Upload& upload) = 0;
  virtual absl::Status DeleteUpload(absl::string_view name) = 0;
  virtual absl::Status PutModel(const v1::Model& model) = 0;
  virtual absl::Status DeleteModel(absl::string_view name) = 0;
  virtual absl::Status PutDataset(const v1::Dataset& dataset) = 0;
  virtual absl::Status DeleteDataset(absl::string_view name) = 0;

  // The job's artifacts are kept as rows of their own too.
  virtual absl::Status PutJob(const JobRecord& record) = 0;
  // With its events, report, artifacts, finished variants and request id.
  virtual absl::Status DeleteJob(absl::string_view name) = 0;
  virtual absl::Status InsertEvent(absl::string_view job, const v1::JobEvent& event) = 0;
  virtual absl::Status PutReport(absl::string_view job, const v1::Report& report) = 0;
  virtual absl::Status PutFinishedVariant(absl::string_view job,
                                          const v1::VariantReport& variant) = 0;
  virtual absl::Status DeleteFinishedVariants(absl::string_view job) = 0;

  virtual absl::Status InsertRequest(absl::string_view collection, absl::string_view request_id,
                                     const RequestRecord& record) = 0;
  virtual absl::Status PutQuarantine(absl::string_view digest, absl::string_view engine_build,
                                     absl::string_view reason) = 0;
};

// Thread-safe; every call blocks on the disk or the database.
class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  // Runs `body` in one transaction and commits it where `body` returns OK: when this returns OK, no
  // crash takes it away. Otherwise nothing of it stays. `body` may run more than once and must
  // change nothing else. It must not call the store again. UNAVAILABLE (STORE_DOWN),
  // RESOURCE_EXHAUSTED (DISK_FULL), DATA_LOSS.
  virtual absl::Status Write(absl::FunctionRef<absl::Status(StoreWriter&)> body) = 0;
  virtual absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> body) = 0;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_METADATA_STORE_H_
