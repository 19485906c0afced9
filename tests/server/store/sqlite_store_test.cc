#include "server/store/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/sqlite_connection.h"
#include "tests/server/testing/crash.h"
#include "tests/server/testing/rows.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;

TEST(SqliteStore, LetsOneServerIntoAFolder) {
  const TemporaryFolder folder;
  {
    const auto first = OpenSqliteStore(folder.path());
    ASSERT_THAT(first, IsOk());
    const auto second = OpenSqliteStore(folder.path());
    EXPECT_THAT(second, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(ReasonOf(second.status()), "FOLDER_IN_USE");
  }
  EXPECT_THAT(OpenSqliteStore(folder.path()), IsOk());
}

TEST(SqliteStore, RefusesASchemaOfANewerServer) {
  const TemporaryFolder folder;
  ASSERT_THAT(OpenSqliteStore(folder.path()), IsOk());
  {
    auto connection = SqliteConnection::Open(folder / "octavo.db");
    ASSERT_THAT(connection, IsOk());
    ASSERT_THAT((*connection)->RunScript("INSERT INTO schema_version VALUES (999, 0)"), IsOk());
  }
  const auto store = OpenSqliteStore(folder.path());
  EXPECT_THAT(store, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(store.status()), "SCHEMA_TOO_NEW");
}

TEST(SqliteStore, RefusesAFileThatIsNoDatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder / "octavo.db") << std::string(10'000, 'x');
  const auto store = OpenSqliteStore(folder.path());
  EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(ReasonOf(store.status()), "STORE_DAMAGED");
}

TEST(SqliteStore, NoticesADamagedPageAtTheStart) {
  const TemporaryFolder folder;
  {
    auto store = OpenSqliteStore(folder.path());
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT((*store)->Write([](StoreWriter& writer) -> absl::Status {
      for (int i = 0; i < 500; ++i) RETURN_IF_ERROR(writer.PutModel(ReadyModel()));
      return absl::OkStatus();
    }),
                IsOk());
  }
  const auto size = std::filesystem::file_size(folder / "octavo.db");
  ASSERT_GT(size, 100'000);
  {
    std::fstream file(folder / "octavo.db", std::ios::in | std::ios::out | std::ios::binary);
    for (size_t offset = 40'960; offset + 4096 < size; offset += 12'288) {
      file.seekp(static_cast<std::streamoff>(offset));
      file << std::string(200, '\xff');
    }
  }
  EXPECT_THAT(OpenSqliteStore(folder.path()), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(SqliteStore, SaysWhenTheDiskIsFullAndGoesOnAfterwards) {
  const TemporaryFolder folder;
  ASSERT_THAT(OpenSqliteStore(folder.path()), IsOk());
  auto connection = SqliteConnection::Open(folder / "octavo.db");
  ASSERT_THAT(connection, IsOk());
  const auto put = [&] {
    return (*connection)->InTransaction("BEGIN IMMEDIATE", [&] {
      return (*connection)
          ->Query("INSERT INTO models (name, create_time, digest, model) VALUES ($1, 0, '', $2)")
          .Text("models/large")
          .Blob(std::string(2'000'000, 'x'))
          .Run();
    });
  };
  // A database that may not grow says what a full disk says.
  ASSERT_THAT((*connection)->RunScript("PRAGMA max_page_count = 100"), IsOk());
  const absl::Status full = put();
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(full), "DISK_FULL");
  EXPECT_TRUE(full.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  ASSERT_THAT((*connection)->RunScript("PRAGMA max_page_count = 1000000"), IsOk());
  EXPECT_THAT(put(), IsOk());
}

TEST(SqliteStore, HasEveryAcknowledgedCommitAfterKill9) {
  const TemporaryFolder folder;
  int64_t expected = 0;
  for (const int kill_after : {1, 17, 60}) {
    const CrashedRun run = RunAndCrash(
        [&](const auto& say) {
          auto store = OpenSqliteStore(folder.path());
          if (!store.ok()) ::_exit(2);
          for (int64_t i = expected; i < expected + 100'000; ++i) {
            v1::Model model = ReadyModel();
            model.set_name(absl::StrCat("models/", i));
            if (!(*store)
                     ->Write([&](StoreWriter& writer) { return writer.PutModel(model); })
                     .ok()) {
              ::_exit(3);
            }
            say(i);
          }
        },
        kill_after);
    ASSERT_TRUE(run.was_killed);
    ASSERT_GE(static_cast<int>(run.said.size()), kill_after);
    expected = run.said.back() + 1;
    auto store = OpenSqliteStore(folder.path());
    ASSERT_THAT(store, IsOk());
    for (int64_t i = 0; i < expected; ++i) {
      EXPECT_THAT((*store)->Read([&](StoreReader& reader) {
        return reader.GetModel(absl::StrCat("models/", i)).status();
      }),
                  IsOk());
    }
    // One more may have been committed and not acknowledged.
    expected += 1;
    EXPECT_THAT((*store)->Write([&](StoreWriter& writer) {
      v1::Model model = ReadyModel();
      model.set_name(absl::StrCat("models/", expected - 1));
      return writer.PutModel(model);
    }),
                IsOk());
  }
}

}  // namespace
}  // namespace octavo
