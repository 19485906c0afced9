// Metadata in SQLite: one file, one server.

#ifndef OCTAVO_SERVER_STORE_SQLITE_STORE_H_
#define OCTAVO_SERVER_STORE_SQLITE_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/metadata_store.h"

namespace octavo {

struct SqliteStoreOptions {
  int num_readers = 4;
};

// Opens `folder`/octavo.db, makes what is missing and brings an older schema up to this one.
// FAILED_PRECONDITION (FOLDER_IN_USE): another server has this folder; (SCHEMA_TOO_NEW): a newer
// server wrote it. DATA_LOSS: the file is damaged.
absl::StatusOr<std::unique_ptr<MetadataStore>> OpenSqliteStore(const std::string& folder,
                                                               SqliteStoreOptions options = {});

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_SQLITE_STORE_H_
