// One connection to a SQLite database, and its prepared statements.

#ifndef OCTAVO_SERVER_STORE_SQLITE_CONNECTION_H_
#define OCTAVO_SERVER_STORE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

// A run of a prepared statement, with its values bound in the order $1, $2, ... Errors are kept
// until Next or Run, so that calls can be chained. Not thread-safe: its connection's.
class SqliteQuery {
 public:
  SqliteQuery(sqlite3_stmt* statement, absl::Status status)
      : statement_(statement), status_(std::move(status)) {}
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  // What is bound is copied.
  SqliteQuery& Text(absl::string_view value);
  SqliteQuery& Blob(absl::string_view value);
  SqliteQuery& Integer(int64_t value);

  // Whether there is a row, or another one; its columns count from 0.
  absl::StatusOr<bool> Next();
  int64_t IntegerAt(int column);
  std::string BytesAt(int column);

  // To the end, for statements without rows.
  absl::Status Run();

 private:
  int NextParameter();

  sqlite3_stmt* statement_;
  absl::Status status_;
  int bound_ = 0;
};

// Not thread-safe: one thread at a time.
class SqliteConnection {
 public:
  // Opens the file, which is made where it is missing, in WAL mode with every commit synced.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path);
  ~SqliteConnection();

  // A statement of the code's own, prepared once. Values are never part of `sql`.
  SqliteQuery Query(const char* sql);

  // Several statements without values: migrations.
  absl::Status RunScript(const std::string& sql);

  // `body` between `begin` and COMMIT; ROLLBACK where it fails.
  absl::Status InTransaction(const char* begin, absl::FunctionRef<absl::Status()> body);

 private:
  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  absl::Status Configure();

  sqlite3* database_;
  std::map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_SQLITE_CONNECTION_H_
