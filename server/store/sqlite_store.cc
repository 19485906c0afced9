#include "server/store/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/log/log.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/store/migrations.h"
#include "server/store/random_id.h"
#include "server/store/sqlite_connection.h"

namespace octavo {
namespace {

using ::google::protobuf::util::TimeUtil;

int64_t Micros(const google::protobuf::Timestamp& time) {
  return TimeUtil::TimestampToMicroseconds(time);
}

// ListJobs' rows: what a list does not show is not sent.
v1::Job WithoutDetails(v1::Job job) {
  job.clear_artifacts();
  job.clear_attempts();
  job.clear_progress();
  return job;
}

absl::Status NotFound(absl::string_view name) {
  return absl::NotFoundError(absl::StrCat(name, ": not found"));
}

template <typename Message>
absl::StatusOr<Message> ParseRow(const std::string& bytes) {
  Message message;
  if (message.ParseFromString(bytes)) return message;
  return WithReason(absl::DataLossError("metadata store: a row cannot be read"), "STORE_DAMAGED");
}

// A message as a row keeps it. INTERNAL: one that ParseRow would refuse, such as one with half a
// character in a string; better no row than one that nobody can read or replace.
template <typename Message>
absl::StatusOr<std::string> RowOf(const Message& message) {
  std::string bytes = message.SerializeAsString();
  Message read_back;
  if (read_back.ParseFromString(bytes)) return bytes;
  return absl::InternalError(absl::StrCat("metadata store: a ", Message::descriptor()->name(),
                                          " could not be read again"));
}

// Rows of one column, each a message.
template <typename Message>
absl::StatusOr<std::vector<Message>> ReadAll(SqliteQuery& query) {
  std::vector<Message> messages;
  while (true) {
    ASSIGN_OR_RETURN(const bool has_row, query.Next());
    if (!has_row) return messages;
    ASSIGN_OR_RETURN(messages.emplace_back(), ParseRow<Message>(query.BytesAt(0)));
  }
}

template <typename Message>
absl::StatusOr<Message> ReadOne(SqliteQuery& query, absl::string_view name) {
  ASSIGN_OR_RETURN(const bool has_row, query.Next());
  if (!has_row) return NotFound(name);
  return ParseRow<Message>(query.BytesAt(0));
}

absl::StatusOr<bool> HasRow(SqliteQuery& query) { return query.Next(); }

// A page of rows of one column, each a message that `shown` makes what a list shows of it. The
// query gives one more row than `size` where there is a next page; a page is also full at
// kMaxPageBytes, but for its first row.
template <typename Message, typename Shown>
absl::StatusOr<Page<Message>> ReadPage(SqliteQuery& query, int size, const Shown& shown) {
  Page<Message> page;
  size_t bytes = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool has_row, query.Next());
    if (!has_row) return page;
    ASSIGN_OR_RETURN(Message row, ParseRow<Message>(query.BytesAt(0)));
    Message item = shown(std::move(row));
    bytes += item.ByteSizeLong();
    const bool is_full = static_cast<int>(page.items.size()) == size || bytes > kMaxPageBytes;
    if (is_full && !page.items.empty()) break;
    page.items.push_back(std::move(item));
  }
  const Message& last = page.items.back();
  page.next_page_token =
      EncodePageToken({.create_time_us = Micros(last.create_time()), .name = last.name()});
  return page;
}

template <typename Message>
Message Whole(Message message) {
  return message;
}

// The columns of JobRecord, in the order that ReadJobRecord takes them.
#define OCTAVO_JOB_COLUMNS \
  "job, last_event, lease_token, lease_expiry, own_failures, other_failures, model_digest"

absl::StatusOr<JobRecord> ReadJobRecord(SqliteQuery& query) {
  JobRecord record;
  ASSIGN_OR_RETURN(record.job, ParseRow<v1::Job>(query.BytesAt(0)));
  record.last_event = query.IntegerAt(1);
  record.lease_token = query.BytesAt(2);
  record.lease_expiry = absl::FromUnixMicros(query.IntegerAt(3));
  record.own_failures = query.IntegerAt(4);
  record.other_failures = query.IntegerAt(5);
  record.model_digest = query.BytesAt(6);
  return record;
}

// Every statement of the store, on one connection, within one transaction.
class SqliteTransaction final : public StoreWriter {
 public:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}

  // --- Uploads ---

  absl::StatusOr<v1::Upload> GetUpload(absl::string_view name) override {
    SqliteQuery query = connection_.Query("SELECT upload FROM uploads WHERE name = $1");
    query.Text(name);
    return ReadOne<v1::Upload>(query, name);
  }

  absl::StatusOr<std::vector<v1::Upload>> ListExpiredUploads(absl::Time now, int limit) override {
    SqliteQuery query = connection_.Query(
        "SELECT upload FROM uploads WHERE expire_time < $1 ORDER BY expire_time LIMIT $2");
    query.Integer(absl::ToUnixMicros(now)).Integer(limit);
    return ReadAll<v1::Upload>(query);
  }

  absl::StatusOr<int64_t> CountOpenUploads() override {
    SqliteQuery query = connection_.Query("SELECT COUNT(*) FROM uploads WHERE state = $1");
    RETURN_IF_ERROR(query.Integer(v1::Upload::STATE_OPEN).Next().status());
    return query.IntegerAt(0);
  }

  absl::Status PutUpload(const v1::Upload& upload) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(upload));
    SqliteQuery query = connection_.Query(
        "INSERT INTO uploads (name, state, digest, expire_time, upload) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state, digest = excluded.digest,"
        " expire_time = excluded.expire_time, upload = excluded.upload");
    // Only the digest of bytes that are there keeps a blob.
    const bool is_complete = upload.state() == v1::Upload::STATE_COMPLETE;
    return query.Text(upload.name())
        .Integer(upload.state())
        .Text(is_complete ? upload.digest() : "")
        .Integer(upload.has_expire_time() ? Micros(upload.expire_time()) : INT64_MAX)
        .Blob(row)
        .Run();
  }

  absl::Status DeleteUpload(absl::string_view name) override {
    RETURN_IF_ERROR(DeleteRequestsOf(name));
    return connection_.Query("DELETE FROM uploads WHERE name = $1").Text(name).Run();
  }

  // --- Models and data sets ---

  absl::StatusOr<v1::Model> GetModel(absl::string_view name) override {
    SqliteQuery query = connection_.Query("SELECT model FROM models WHERE name = $1");
    query.Text(name);
    return ReadOne<v1::Model>(query, name);
  }

  absl::StatusOr<Page<v1::Model>> ListModels(const PageRequest& page) override {
    SqliteQuery query = connection_.Query(
        "SELECT model FROM models WHERE (create_time, name) < ($1, $2)"
        " ORDER BY create_time DESC, name DESC LIMIT $3");
    query.Integer(page.start.create_time_us).Text(page.start.name).Integer(page.size + 1);
    return ReadPage<v1::Model>(query, page.size, Whole<v1::Model>);
  }

  absl::Status PutModel(const v1::Model& model) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(model));
    SqliteQuery query = connection_.Query(
        "INSERT INTO models (name, create_time, digest, model) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO UPDATE SET create_time = excluded.create_time,"
        " digest = excluded.digest, model = excluded.model");
    return query.Text(model.name())
        .Integer(Micros(model.create_time()))
        .Text(model.digest())
        .Blob(row)
        .Run();
  }

  absl::Status DeleteModel(absl::string_view name) override {
    return connection_.Query("DELETE FROM models WHERE name = $1").Text(name).Run();
  }

  absl::StatusOr<v1::Dataset> GetDataset(absl::string_view name) override {
    SqliteQuery query = connection_.Query("SELECT dataset FROM datasets WHERE name = $1");
    query.Text(name);
    return ReadOne<v1::Dataset>(query, name);
  }

  absl::StatusOr<Page<v1::Dataset>> ListDatasets(const PageRequest& page) override {
    SqliteQuery query = connection_.Query(
        "SELECT dataset FROM datasets WHERE (create_time, name) < ($1, $2)"
        " ORDER BY create_time DESC, name DESC LIMIT $3");
    query.Integer(page.start.create_time_us).Text(page.start.name).Integer(page.size + 1);
    return ReadPage<v1::Dataset>(query, page.size, Whole<v1::Dataset>);
  }

  absl::Status PutDataset(const v1::Dataset& dataset) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(dataset));
    SqliteQuery query = connection_.Query(
        "INSERT INTO datasets (name, create_time, digest, dataset) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO UPDATE SET create_time = excluded.create_time,"
        " digest = excluded.digest, dataset = excluded.dataset");
    return query.Text(dataset.name())
        .Integer(Micros(dataset.create_time()))
        .Text(dataset.digest())
        .Blob(row)
        .Run();
  }

  absl::Status DeleteDataset(absl::string_view name) override {
    return connection_.Query("DELETE FROM datasets WHERE name = $1").Text(name).Run();
  }

  // --- Jobs ---

  absl::StatusOr<JobRecord> GetJob(absl::string_view name) override {
    SqliteQuery query =
        connection_.Query("SELECT " OCTAVO_JOB_COLUMNS " FROM jobs WHERE name = $1");
    ASSIGN_OR_RETURN(const bool has_row, query.Text(name).Next());
    if (!has_row) return NotFound(name);
    return ReadJobRecord(query);
  }

  absl::StatusOr<Page<v1::Job>> ListJobs(const JobFilter& filter,
                                         const PageRequest& page) override {
    // A set of states as bits; 0 is any.
    int64_t states = 0;
    for (const v1::Job::State state : filter.states) states |= int64_t{1} << (state & 31);
    SqliteQuery query = connection_.Query(
        "SELECT job FROM jobs WHERE (create_time, name) < ($1, $2)"
        " AND ($3 = 0 OR (($3 >> state) & 1) = 1) AND ($4 = '' OR model = $4)"
        " ORDER BY create_time DESC, name DESC LIMIT $5");
    query.Integer(page.start.create_time_us)
        .Text(page.start.name)
        .Integer(states)
        .Text(filter.model)
        .Integer(page.size + 1);
    return ReadPage<v1::Job>(query, page.size, WithoutDetails);
  }

  absl::StatusOr<std::optional<JobRecord>> NextPendingJob(absl::Time now) override {
    SqliteQuery query = connection_.Query("SELECT " OCTAVO_JOB_COLUMNS
                                          " FROM jobs WHERE state = $1 AND retry_time <= $2"
                                          " ORDER BY create_time, name LIMIT 1");
    query.Integer(v1::Job::STATE_PENDING).Integer(absl::ToUnixMicros(now));
    ASSIGN_OR_RETURN(const bool has_row, query.Next());
    if (!has_row) return std::nullopt;
    ASSIGN_OR_RETURN(JobRecord record, ReadJobRecord(query));
    return record;
  }

  absl::StatusOr<std::vector<JobRecord>> ListExpiredLeases(absl::Time now, int limit) override {
    SqliteQuery query = connection_.Query("SELECT " OCTAVO_JOB_COLUMNS
                                          " FROM jobs WHERE state = $1 AND lease_expiry < $2"
                                          " ORDER BY create_time, name LIMIT $3");
    query.Integer(v1::Job::STATE_RUNNING).Integer(absl::ToUnixMicros(now)).Integer(limit);
    std::vector<JobRecord> records;
    while (true) {
      ASSIGN_OR_RETURN(const bool has_row, query.Next());
      if (!has_row) return records;
      ASSIGN_OR_RETURN(records.emplace_back(), ReadJobRecord(query));
    }
  }

  absl::StatusOr<QueueCounts> CountJobs() override {
    SqliteQuery query =
        connection_.Query("SELECT state, COUNT(*), MIN(create_time) FROM jobs GROUP BY state");
    QueueCounts counts;
    while (true) {
      ASSIGN_OR_RETURN(const bool has_row, query.Next());
      if (!has_row) return counts;
      const auto state = static_cast<v1::Job::State>(query.IntegerAt(0));
      counts.jobs[state] = query.IntegerAt(1);
      if (state == v1::Job::STATE_PENDING) {
        counts.oldest_pending = absl::FromUnixMicros(query.IntegerAt(2));
      }
    }
  }

  absl::StatusOr<int64_t> CountJobsIn(v1::Job::State state) override {
    SqliteQuery query = connection_.Query("SELECT COUNT(*) FROM jobs WHERE state = $1");
    RETURN_IF_ERROR(query.Integer(state).Next().status());
    return query.IntegerAt(0);
  }

  absl::StatusOr<bool> IsInUse(absl::string_view name) override {
    SqliteQuery query = connection_.Query(
        "SELECT 1 FROM jobs WHERE state IN ($1, $2)"
        " AND (model = $3 OR calibration = $3 OR evaluation = $3) LIMIT 1");
    query.Integer(v1::Job::STATE_PENDING).Integer(v1::Job::STATE_RUNNING).Text(name);
    return HasRow(query);
  }

  absl::Status PutJob(const JobRecord& record) override {
    const v1::Job& job = record.job;
    ASSIGN_OR_RETURN(const std::string row, RowOf(job));
    SqliteQuery query = connection_.Query(
        "INSERT INTO jobs (name, state, create_time, retry_time, model, calibration, evaluation,"
        " model_digest, lease_token, lease_expiry, last_event, own_failures, other_failures, job)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state,"
        " create_time = excluded.create_time, retry_time = excluded.retry_time,"
        " model = excluded.model, calibration = excluded.calibration,"
        " evaluation = excluded.evaluation, model_digest = excluded.model_digest,"
        " lease_token = excluded.lease_token, lease_expiry = excluded.lease_expiry,"
        " last_event = excluded.last_event, own_failures = excluded.own_failures,"
        " other_failures = excluded.other_failures, job = excluded.job");
    RETURN_IF_ERROR(query.Text(job.name())
                        .Integer(job.state())
                        .Integer(Micros(job.create_time()))
                        .Integer(job.has_retry_time() ? Micros(job.retry_time()) : 0)
                        .Text(job.spec().model())
                        .Text(job.spec().calibration().dataset())
                        .Text(job.spec().evaluation().dataset())
                        .Text(record.model_digest)
                        .Text(record.lease_token)
                        .Integer(absl::ToUnixMicros(record.lease_expiry))
                        .Integer(record.last_event)
                        .Integer(record.own_failures)
                        .Integer(record.other_failures)
                        .Blob(row)
                        .Run());
    for (const v1::Artifact& artifact : job.artifacts()) {
      RETURN_IF_ERROR(PutArtifact(job.name(), artifact));
    }
    return absl::OkStatus();
  }

  absl::Status DeleteJob(absl::string_view name) override {
    RETURN_IF_ERROR(DeleteRequestsOf(name));
    return connection_.Query("DELETE FROM jobs WHERE name = $1").Text(name).Run();
  }

  // --- What belongs to a job ---

  absl::StatusOr<std::vector<v1::JobEvent>> ListEvents(absl::string_view job, int64_t after,
                                                       int limit) override {
    SqliteQuery query = connection_.Query(
        "SELECT event FROM events WHERE job = $1 AND number > $2 ORDER BY number LIMIT $3");
    query.Text(job).Integer(after).Integer(limit);
    return ReadAll<v1::JobEvent>(query);
  }

  absl::Status InsertEvent(absl::string_view job, const v1::JobEvent& event) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(event));
    SqliteQuery query =
        connection_.Query("INSERT INTO events (job, number, event) VALUES ($1, $2, $3)");
    return query.Text(job).Integer(event.number()).Blob(row).Run();
  }

  absl::StatusOr<v1::Report> GetReport(absl::string_view job) override {
    SqliteQuery query = connection_.Query("SELECT report FROM reports WHERE job = $1");
    query.Text(job);
    return ReadOne<v1::Report>(query, job);
  }

  absl::Status PutReport(absl::string_view job, const v1::Report& report) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(report));
    SqliteQuery query = connection_.Query(
        "INSERT INTO reports (job, report) VALUES ($1, $2)"
        " ON CONFLICT (job) DO UPDATE SET report = excluded.report");
    return query.Text(job).Blob(row).Run();
  }

  absl::StatusOr<std::vector<v1::VariantReport>> ListFinishedVariants(
      absl::string_view job) override {
    SqliteQuery query =
        connection_.Query("SELECT report FROM finished_variants WHERE job = $1 ORDER BY variant");
    query.Text(job);
    return ReadAll<v1::VariantReport>(query);
  }

  absl::Status PutFinishedVariant(absl::string_view job,
                                  const v1::VariantReport& variant) override {
    ASSIGN_OR_RETURN(const std::string row, RowOf(variant));
    SqliteQuery query = connection_.Query(
        "INSERT INTO finished_variants (job, variant, digest, report) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (job, variant) DO UPDATE SET digest = excluded.digest,"
        " report = excluded.report");
    return query.Text(job)
        .Text(variant.spec().name())
        .Text(variant.artifact().digest())
        .Blob(row)
        .Run();
  }

  absl::Status DeleteFinishedVariants(absl::string_view job) override {
    return connection_.Query("DELETE FROM finished_variants WHERE job = $1").Text(job).Run();
  }

  absl::StatusOr<v1::Artifact> GetArtifact(absl::string_view name) override {
    if (!absl::StartsWith(name, "artifacts/")) return NotFound(name);
    SqliteQuery query = connection_.Query(
        "SELECT artifact FROM artifacts WHERE digest = $1 ORDER BY job, file_name LIMIT 1");
    query.Text(IdOf(name));
    return ReadOne<v1::Artifact>(query, name);
  }

  // --- The rest ---

  absl::StatusOr<std::optional<RequestRecord>> FindRequest(absl::string_view collection,
                                                           absl::string_view request_id) override {
    SqliteQuery query = connection_.Query(
        "SELECT fingerprint, name FROM requests WHERE collection = $1 AND request_id = $2");
    ASSIGN_OR_RETURN(const bool has_row, query.Text(collection).Text(request_id).Next());
    if (!has_row) return std::nullopt;
    return RequestRecord{.fingerprint = query.BytesAt(0), .name = query.BytesAt(1)};
  }

  absl::Status InsertRequest(absl::string_view collection, absl::string_view request_id,
                             const RequestRecord& record) override {
    SqliteQuery query = connection_.Query(
        "INSERT INTO requests (collection, request_id, fingerprint, name) VALUES ($1, $2, $3, $4)");
    return query.Text(collection).Text(request_id).Text(record.fingerprint).Text(record.name).Run();
  }

  absl::StatusOr<std::optional<std::string>> FindQuarantine(
      absl::string_view digest, absl::string_view engine_build) override {
    SqliteQuery query =
        connection_.Query("SELECT reason FROM quarantine WHERE digest = $1 AND engine_build = $2");
    ASSIGN_OR_RETURN(const bool has_row, query.Text(digest).Text(engine_build).Next());
    if (!has_row) return std::nullopt;
    return query.BytesAt(0);
  }

  absl::Status PutQuarantine(absl::string_view digest, absl::string_view engine_build,
                             absl::string_view reason) override {
    SqliteQuery query = connection_.Query(
        "INSERT INTO quarantine (digest, engine_build, reason) VALUES ($1, $2, $3)"
        " ON CONFLICT (digest, engine_build) DO UPDATE SET reason = excluded.reason");
    return query.Text(digest).Text(engine_build).Text(reason).Run();
  }

  absl::StatusOr<bool> IsBlobReferenced(absl::string_view digest) override {
    SqliteQuery query = connection_.Query(
        "SELECT 1 FROM uploads WHERE digest = $1"
        " UNION ALL SELECT 1 FROM models WHERE digest = $1"
        " UNION ALL SELECT 1 FROM datasets WHERE digest = $1"
        " UNION ALL SELECT 1 FROM artifacts WHERE digest = $1"
        " UNION ALL SELECT 1 FROM finished_variants WHERE digest = $1 LIMIT 1");
    query.Text(digest);
    return HasRow(query);
  }

 private:
  absl::Status PutArtifact(absl::string_view job, const v1::Artifact& artifact) {
    ASSIGN_OR_RETURN(const std::string row, RowOf(artifact));
    SqliteQuery query = connection_.Query(
        "INSERT INTO artifacts (job, file_name, digest, artifact) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (job, file_name) DO UPDATE SET digest = excluded.digest,"
        " artifact = excluded.artifact");
    return query.Text(job).Text(artifact.file_name()).Text(artifact.digest()).Blob(row).Run();
  }

  absl::Status DeleteRequestsOf(absl::string_view name) {
    return connection_.Query("DELETE FROM requests WHERE name = $1").Text(name).Run();
  }

  SqliteConnection& connection_;
};

#undef OCTAVO_JOB_COLUMNS

// The lock that makes this the folder's only server; held by the descriptor.
absl::StatusOr<UniqueFd> LockFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "making the data folder");
  }
  UniqueFd fd(::open(absl::StrCat(folder, "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd.valid()) return ErrnoStatus(errno, "opening the data folder's lock");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "locking the data folder");
  return WithReason(absl::FailedPreconditionError("another server uses this data folder"),
                    "FOLDER_IN_USE");
}

absl::Status CheckIntegrity(SqliteConnection& connection) {
  SqliteQuery query = connection.Query("PRAGMA quick_check(1)");
  ASSIGN_OR_RETURN(const bool has_row, query.Next());
  if (has_row && query.BytesAt(0) == "ok") return absl::OkStatus();
  return WithReason(absl::DataLossError("metadata store: the integrity check failed"),
                    "STORE_DAMAGED");
}

absl::StatusOr<int64_t> SchemaVersion(SqliteConnection& connection) {
  SqliteQuery query = connection.Query("SELECT COALESCE(MAX(version), 0) FROM schema_version");
  RETURN_IF_ERROR(query.Next().status());
  return query.IntegerAt(0);
}

absl::Status Migrate(SqliteConnection& connection) {
  RETURN_IF_ERROR(connection.RunScript(
      "CREATE TABLE IF NOT EXISTS schema_version"
      " (version INTEGER NOT NULL PRIMARY KEY, applied_time BIGINT NOT NULL)"));
  const std::span<const char* const> migrations = Migrations();
  const int64_t newest = migrations.size();
  ASSIGN_OR_RETURN(const int64_t found, SchemaVersion(connection));
  if (found > newest) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("metadata store: schema ", found,
                                                   " is newer than this server's ", newest)),
        "SCHEMA_TOO_NEW");
  }
  for (int64_t version = found + 1; version <= newest; ++version) {
    RETURN_IF_ERROR(
        connection.InTransaction("BEGIN IMMEDIATE",
                                 [&]() -> absl::Status {
                                   RETURN_IF_ERROR(connection.RunScript(migrations[version - 1]));
                                   return connection
                                       .Query(
                                           "INSERT INTO schema_version (version, applied_time)"
                                           " VALUES ($1, $2)")
                                       .Integer(version)
                                       .Integer(absl::ToUnixMicros(absl::Now()))
                                       .Run();
                                 }),
        "migration ", version);
  }
  return absl::OkStatus();
}

class SqliteStore final : public MetadataStore {
 public:
  absl::Status Init(const std::string& folder, const SqliteStoreOptions& options) {
    ASSIGN_OR_RETURN(lock_, LockFolder(folder));
    const std::string path = absl::StrCat(folder, "/octavo.db");
    const absl::MutexLock writer_lock(&writer_mutex_);
    ASSIGN_OR_RETURN(writer_, SqliteConnection::Open(path));
    RETURN_IF_ERROR(CheckIntegrity(*writer_));
    RETURN_IF_ERROR(Migrate(*writer_));
    const absl::MutexLock readers_lock(&readers_mutex_);
    for (int i = 0; i < options.num_readers; ++i) {
      ASSIGN_OR_RETURN(readers_.emplace_back(), SqliteConnection::Open(path));
    }
    return absl::OkStatus();
  }

  absl::Status Write(absl::FunctionRef<absl::Status(StoreWriter&)> body) override {
    // Held across the transaction: it is what makes the writers take turns.
    const absl::MutexLock lock(&writer_mutex_);
    SqliteConnection& writer = *writer_;
    return writer.InTransaction("BEGIN IMMEDIATE", [&] {
      SqliteTransaction transaction(writer);
      return body(transaction);
    });
  }

  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> body) override {
    std::unique_ptr<SqliteConnection> reader = TakeReader();
    const absl::Cleanup give_back = [&] { GiveBack(std::move(reader)); };
    return reader->InTransaction("BEGIN", [&] {
      SqliteTransaction transaction(*reader);
      return body(transaction);
    });
  }

 private:
  bool HasReader() const ABSL_SHARED_LOCKS_REQUIRED(readers_mutex_) { return !readers_.empty(); }

  std::unique_ptr<SqliteConnection> TakeReader() {
    const absl::MutexLock lock(&readers_mutex_, absl::Condition(this, &SqliteStore::HasReader));
    std::unique_ptr<SqliteConnection> reader = std::move(readers_.back());
    readers_.pop_back();
    return reader;
  }

  void GiveBack(std::unique_ptr<SqliteConnection> reader) {
    const absl::MutexLock lock(&readers_mutex_);
    readers_.push_back(std::move(reader));
  }

  // First, so that it is let go last.
  UniqueFd lock_;
  absl::Mutex writer_mutex_;
  std::unique_ptr<SqliteConnection> writer_ ABSL_GUARDED_BY(writer_mutex_);
  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_ ABSL_GUARDED_BY(readers_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataStore>> OpenSqliteStore(const std::string& folder,
                                                               SqliteStoreOptions options) {
  auto store = std::make_unique<SqliteStore>();
  RETURN_IF_ERROR(store->Init(folder, options));
  return store;
}

}  // namespace octavo
