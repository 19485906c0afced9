#include "server/store/sqlite_connection.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// Writers of this process wait for each other in SqliteStore; this is for backups and readers by
// hand.
constexpr int kBusyTimeoutMs = 10'000;

struct ErrorRow {
  int code;
  absl::StatusCode status;
  const char* reason;
  bool may_pass;
};

constexpr ErrorRow kErrors[] = {
    {SQLITE_BUSY, absl::StatusCode::kUnavailable, "STORE_DOWN", true},
    {SQLITE_LOCKED, absl::StatusCode::kUnavailable, "STORE_DOWN", true},
    {SQLITE_IOERR, absl::StatusCode::kUnavailable, "STORE_DOWN", true},
    {SQLITE_CANTOPEN, absl::StatusCode::kUnavailable, "STORE_DOWN", true},
    {SQLITE_READONLY, absl::StatusCode::kUnavailable, "STORE_DOWN", true},
    {SQLITE_FULL, absl::StatusCode::kResourceExhausted, "DISK_FULL", true},
    {SQLITE_NOMEM, absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", true},
    {SQLITE_CORRUPT, absl::StatusCode::kDataLoss, "STORE_DAMAGED", false},
    {SQLITE_NOTADB, absl::StatusCode::kDataLoss, "STORE_DAMAGED", false},
    {SQLITE_CONSTRAINT_PRIMARYKEY, absl::StatusCode::kAlreadyExists, "ROW_EXISTS", false},
    {SQLITE_CONSTRAINT_UNIQUE, absl::StatusCode::kAlreadyExists, "ROW_EXISTS", false},
};

// Without SQLite's own message, which names tables: clients see this one.
absl::Status SqliteStatus(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return absl::OkStatus();
  const std::string message = absl::StrCat("metadata store: ", sqlite3_errstr(code));
  for (const ErrorRow& row : kErrors) {
    if (row.code != code && row.code != (code & 0xff)) continue;
    absl::Status status = WithReason(absl::Status(row.status, message), row.reason);
    if (row.status == absl::StatusCode::kResourceExhausted) {
      status = WithQuotaFailure(std::move(status), "server");
    }
    return row.may_pass ? WithRetryDelay(std::move(status), absl::Seconds(10)) : status;
  }
  return absl::InternalError(message);
}

}  // namespace

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// SQLite numbers "$1" by where it first stands, not by its digit.
int SqliteQuery::NextParameter() {
  return sqlite3_bind_parameter_index(statement_, absl::StrCat("$", ++bound_).c_str());
}

SqliteQuery& SqliteQuery::Text(absl::string_view value) {
  if (!status_.ok()) return *this;
  status_ = SqliteStatus(sqlite3_bind_text64(statement_, NextParameter(), value.data(),
                                             value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

SqliteQuery& SqliteQuery::Blob(absl::string_view value) {
  if (!status_.ok()) return *this;
  // An empty view may have no address, which SQLite would take for NULL.
  const char* const data = value.empty() ? "" : value.data();
  status_ = SqliteStatus(
      sqlite3_bind_blob64(statement_, NextParameter(), data, value.size(), SQLITE_TRANSIENT));
  return *this;
}

SqliteQuery& SqliteQuery::Integer(int64_t value) {
  if (!status_.ok()) return *this;
  status_ = SqliteStatus(sqlite3_bind_int64(statement_, NextParameter(), value));
  return *this;
}

absl::StatusOr<bool> SqliteQuery::Next() {
  RETURN_IF_ERROR(status_);
  const int code = sqlite3_step(statement_);
  status_ = SqliteStatus(code);
  RETURN_IF_ERROR(status_);
  return code == SQLITE_ROW;
}

int64_t SqliteQuery::IntegerAt(int column) { return sqlite3_column_int64(statement_, column); }

std::string SqliteQuery::BytesAt(int column) {
  const void* const data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? "" : std::string(static_cast<const char*>(data), size);
}

absl::Status SqliteQuery::Run() {
  while (true) {
    ASSIGN_OR_RETURN(const bool has_row, Next());
    if (!has_row) return absl::OkStatus();
  }
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path) {
  sqlite3* database = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &database,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(database));
  RETURN_IF_ERROR(SqliteStatus(code));
  RETURN_IF_ERROR(connection->Configure());
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

absl::Status SqliteConnection::Configure() {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, kBusyTimeoutMs);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return RunScript(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = "
      "ON; PRAGMA temp_store = MEMORY;");
}

SqliteQuery SqliteConnection::Query(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement != nullptr) return SqliteQuery(statement, absl::OkStatus());
  const int code =
      sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  return SqliteQuery(statement, SqliteStatus(code));
}

absl::Status SqliteConnection::RunScript(const std::string& sql) {
  return SqliteStatus(sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr));
}

absl::Status SqliteConnection::InTransaction(const char* begin,
                                             absl::FunctionRef<absl::Status()> body) {
  RETURN_IF_ERROR(Query(begin).Run());
  absl::Status status = body();
  if (status.ok()) status = Query("COMMIT").Run();
  // SQLite may have rolled back by itself; then this fails, and changes nothing.
  if (!status.ok()) (void)Query("ROLLBACK").Run();
  return status;
}

}  // namespace octavo
