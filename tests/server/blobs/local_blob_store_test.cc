#include "server/blobs/local_blob_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/random_id.h"
#include "tests/server/testing/crash.h"
#include "tests/server/testing/fake_clock.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string RandomBytes(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class LocalBlobStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<BlobStore> Open(LocalBlobStoreOptions options = {}) {
    auto store = OpenLocalBlobStore(folder_.path(), clock_, std::move(options));
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }

  static std::string Contents(BlobStore& store, const std::string& digest) {
    const auto blob = store.Open(digest);
    if (!blob.ok()) return blob.status().ToString();
    const auto bytes = ReadFile(blob->fd.get(), 1 << 30);
    if (!bytes.ok()) return bytes.status().ToString();
    EXPECT_EQ(blob->size_bytes, static_cast<int64_t>(bytes->size()));
    return std::string(bytes->begin(), bytes->end());
  }

  StoredBlob Put(BlobStore& store, const std::string& bytes) {
    const std::string id = NewId();
    auto partial = store.OpenPartial(id);
    EXPECT_THAT(partial, IsOk());
    EXPECT_THAT((*partial)->Append(bytes), IsOk());
    const auto blob = (*partial)->Commit("", 0);
    EXPECT_THAT(blob, IsOk());
    partial->reset();
    EXPECT_THAT(store.DeletePartial(id), IsOk());
    return *blob;
  }

  TemporaryFolder folder_;
  FakeClock clock_;
};

TEST_F(LocalBlobStoreTest, KeepsWhatWasAppendedUnderItsDigest) {
  const auto store = Open();
  const std::string bytes = RandomBytes(3'000'000, 1), id = NewId();
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  for (size_t offset = 0; offset < bytes.size(); offset += 777'777) {
    ASSERT_THAT((*partial)->Append(absl::string_view(bytes).substr(offset, 777'777)), IsOk());
  }
  const auto blob = (*partial)->Commit(Sha256Hex(bytes), bytes.size());
  ASSERT_THAT(blob, IsOk());
  EXPECT_EQ(blob->digest, Sha256Hex(bytes));
  EXPECT_EQ(blob->size_bytes, 3'000'000);
  EXPECT_EQ(Contents(*store, blob->digest), bytes);
  // The same again, and nothing more.
  EXPECT_THAT((*partial)->Commit(Sha256Hex(bytes), bytes.size()), IsOk());
  EXPECT_THAT((*partial)->Append("x"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LocalBlobStoreTest, KeepsTheEmptyFile) {
  const auto store = Open();
  EXPECT_EQ(Put(*store, "").digest, Sha256Hex(""));
  EXPECT_EQ(Contents(*store, Sha256Hex("")), "");
}

TEST_F(LocalBlobStoreTest, GoesOnWhereAStreamBroke) {
  const std::string bytes = RandomBytes(100'000, 2), id = NewId();
  {
    const auto store = Open();
    EXPECT_THAT(store->PartialBytes(id), IsOkAndHolds(0));
    auto partial = store->OpenPartial(id);
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->Append(bytes.substr(0, 60'000)), IsOk());
    EXPECT_EQ((*partial)->committed_bytes(), 0);
    EXPECT_EQ((*partial)->size_bytes(), 60'000);
    ASSERT_THAT((*partial)->Sync(), IsOk());
    EXPECT_EQ((*partial)->committed_bytes(), 60'000);
    // Appended, never committed: gone.
    ASSERT_THAT((*partial)->Append("lost"), IsOk());
  }
  const auto store = Open();
  EXPECT_THAT(store->PartialBytes(id), IsOkAndHolds(60'000));
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ((*partial)->size_bytes(), 60'000);
  ASSERT_THAT((*partial)->Append(bytes.substr(60'000)), IsOk());
  ASSERT_THAT((*partial)->Commit(Sha256Hex(bytes), bytes.size()), IsOk());
  EXPECT_EQ(Contents(*store, Sha256Hex(bytes)), bytes);
}

TEST_F(LocalBlobStoreTest, ReadsBackInSlicesWhatAnEarlierStreamLeft) {
  const auto store = Open();
  const std::string bytes = RandomBytes(3'000'000, 3), id = NewId();
  {
    auto partial = store->OpenPartial(id);
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->Append(absl::string_view(bytes).substr(0, 2'500'000)), IsOk());
    ASSERT_THAT((*partial)->Sync(), IsOk());
  }
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ((*partial)->committed_bytes(), 2'500'000);
  EXPECT_THAT((*partial)->ReadBack(1'200'000), IsOkAndHolds(false));
  EXPECT_THAT((*partial)->ReadBack(1'200'000), IsOkAndHolds(false));
  EXPECT_THAT((*partial)->ReadBack(1'200'000), IsOkAndHolds(true));
  ASSERT_THAT((*partial)->Append(absl::string_view(bytes).substr(2'500'000)), IsOk());
  EXPECT_THAT((*partial)->ReadBack(1), IsOkAndHolds(true));
  EXPECT_THAT((*partial)->Commit(Sha256Hex(bytes), 3'000'000), IsOk());
}

TEST_F(LocalBlobStoreTest, CommitsByItselfEverySoOften) {
  const auto store = Open({.commit_interval_bytes = 1000, .before_step = {}});
  auto partial = store->OpenPartial(NewId());
  ASSERT_THAT(partial, IsOk());
  for (int i = 0; i < 25; ++i) ASSERT_THAT((*partial)->Append(std::string(100, 'x')), IsOk());
  EXPECT_EQ((*partial)->size_bytes(), 2500);
  EXPECT_EQ((*partial)->committed_bytes(), 2000);
}

TEST_F(LocalBlobStoreTest, StartsAgainWhenTheBytesAreNotTheDeclaredOnes) {
  const auto store = Open();
  const std::string id = NewId();
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  ASSERT_THAT((*partial)->Append("wrong"), IsOk());
  const auto mismatch = (*partial)->Commit(Sha256Hex("right"), 5);
  EXPECT_THAT(mismatch, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(mismatch.status()), "DIGEST_MISMATCH");
  EXPECT_THAT(mismatch.status().message(), HasSubstr(Sha256Hex("wrong")));
  EXPECT_EQ((*partial)->size_bytes(), 0);
  EXPECT_THAT(store->PartialBytes(id), IsOkAndHolds(0));

  ASSERT_THAT((*partial)->Append("right"), IsOk());
  const auto size = (*partial)->Commit(Sha256Hex("right"), 6);
  EXPECT_THAT(size, StatusIs(absl::StatusCode::kInvalidArgument,
                             "size_bytes: 5 bytes came, 6 were declared"));
  ASSERT_THAT((*partial)->Append("right"), IsOk());
  EXPECT_THAT((*partial)->Commit(Sha256Hex("right"), 5), IsOk());
  EXPECT_THAT(store->Open(Sha256Hex("wrong")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LocalBlobStoreTest, TellsEqualBytesToBeOneBlob) {
  const auto store = Open();
  const StoredBlob first = Put(*store, "same"), second = Put(*store, "same");
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_THAT(store->Touch(first.digest), IsOk());
  EXPECT_THAT(store->ListPartials(), IsOkAndHolds(IsEmpty()));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(store->ListUnused(clock_.Now()), IsOkAndHolds(ElementsAre(first.digest)));
}

TEST_F(LocalBlobStoreTest, LetsOneStreamWriteAnUpload) {
  const auto store = Open();
  const std::string id = NewId();
  auto first = store->OpenPartial(id);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(store->OpenPartial(id), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store->DeletePartial(id), StatusIs(absl::StatusCode::kAborted));
  first->reset();
  EXPECT_THAT(store->OpenPartial(id), IsOk());
}

TEST_F(LocalBlobStoreTest, TakesNoNameThatIsNotOurs) {
  const auto store = Open();
  std::ofstream(folder_ / "secret") << "secret";
  ::symlink((folder_ / "secret").c_str(), (folder_ / "partial/link").c_str());
  for (const std::string& name : std::vector<std::string>{
           "", ".", "..", "../secret", "/etc/passwd", "a/b", std::string("a\0b", 3), "A", "a b",
           "a.state", std::string(65, 'a'), "\xc3\xa4", "a\n", "%2e%2e"}) {
    SCOPED_TRACE(absl::CEscape(name));
    EXPECT_THAT(store->OpenPartial(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->PartialBytes(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->DeletePartial(name), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  const std::string digest = Sha256Hex("x");
  for (const std::string& name :
       std::vector<std::string>{"", "..", "../secret", digest.substr(1), digest + "0",
                                "../" + digest.substr(3), absl::AsciiStrToUpper(digest)}) {
    SCOPED_TRACE(absl::CEscape(name));
    EXPECT_THAT(store->Open(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->Touch(name), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(store->DeleteUnused(name, absl::InfiniteFuture()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  // A link that somebody put there is not followed.
  const auto linked = store->OpenPartial("link");
  EXPECT_FALSE(linked.ok());
  EXPECT_THAT(linked.status().message(), Not(HasSubstr(folder_.path())));
}

TEST_F(LocalBlobStoreTest, CopiesFilesSoThatNobodyChangesThemAfterwards) {
  const auto store = Open();
  const std::string path = folder_ / "made";
  std::ofstream(path) << "made by an engine";
  const UniqueFd fd(::open(path.c_str(), O_RDWR));
  const auto blob = store->PutFile(fd.get(), 100);
  ASSERT_THAT(blob, IsOk());
  EXPECT_EQ(blob->digest, Sha256Hex("made by an engine"));
  EXPECT_EQ(::pwrite(fd.get(), "EVIL", 4, 0), 4);
  EXPECT_EQ(Contents(*store, blob->digest), "made by an engine");
}

TEST_F(LocalBlobStoreTest, RefusesFilesThatAreTooLargeOrNone) {
  const auto store = Open();
  const std::string path = folder_ / "large";
  std::ofstream(path) << std::string(101, 'x');
  const UniqueFd fd(::open(path.c_str(), O_RDONLY));
  const auto large = store->PutFile(fd.get(), 100);
  EXPECT_THAT(large, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(large.status()), "TOO_LARGE");
  EXPECT_THAT(store->PutFile(fd.get(), 101), IsOk());
  // Larger than any disk, and empty on it.
  ASSERT_EQ(::truncate(path.c_str(), int64_t{1} << 40), 0);
  EXPECT_EQ(ReasonOf(store->PutFile(fd.get(), 5'000'000).status()), "TOO_LARGE");

  const UniqueFd folder(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_THAT(store->PutFile(folder.get(), 100), StatusIs(absl::StatusCode::kInvalidArgument));
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  EXPECT_THAT(store->PutFile(pipe[0], 100), StatusIs(absl::StatusCode::kInvalidArgument));
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "copy"));
}

TEST_F(LocalBlobStoreTest, LetsOthersTouchBlobsWhileAFolderIsSynced) {
  LocalBlobStoreOptions options;
  BlobStore* running = nullptr;
  options.before_step = [&](absl::string_view step) {
    if (step == "sync folder" && running != nullptr) {
      // Would wait for ever for a lock that this thread holds.
      EXPECT_THAT(std::exchange(running, nullptr)->Touch(Sha256Hex("first")), IsOk());
    }
    return absl::OkStatus();
  };
  const auto store = Open(std::move(options));
  Put(*store, "first");
  running = store.get();
  Put(*store, "second");
  EXPECT_EQ(running, nullptr);
}

TEST_F(LocalBlobStoreTest, DeletesOnlyWhatNobodyTouched) {
  const auto store = Open();
  const StoredBlob kept = Put(*store, "kept"), old = Put(*store, "old");
  clock_.Advance(absl::Hours(2));
  const absl::Time before = clock_.Now() - absl::Hours(1);
  EXPECT_THAT(store->Touch(kept.digest), IsOk());
  EXPECT_THAT(store->ListUnused(before), IsOkAndHolds(ElementsAre(old.digest)));
  EXPECT_THAT(store->DeleteUnused(kept.digest, before), IsOkAndHolds(false));
  EXPECT_THAT(store->DeleteUnused(old.digest, before), IsOkAndHolds(true));
  EXPECT_THAT(store->DeleteUnused(old.digest, before), IsOkAndHolds(true));
  EXPECT_THAT(store->Touch(old.digest), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Contents(*store, kept.digest), "kept");
}

TEST_F(LocalBlobStoreTest, SaysThatTheDiskIsFullAndGoesOnWhenItIsNot) {
  bool is_full = false;
  const auto store = Open({.before_step = [&](const char* step) {
    const bool writes = absl::string_view(step) == "write";
    return is_full && writes
               ? WithReason(absl::ResourceExhaustedError("the disk is full"), "DISK_FULL")
               : absl::OkStatus();
  }});
  auto partial = store->OpenPartial(NewId());
  ASSERT_THAT(partial, IsOk());
  ASSERT_THAT((*partial)->Append("first "), IsOk());
  is_full = true;
  EXPECT_THAT((*partial)->Append("lost"), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ((*partial)->size_bytes(), 6);
  is_full = false;
  ASSERT_THAT((*partial)->Append("second"), IsOk());
  const auto blob = (*partial)->Commit("", 0);
  ASSERT_THAT(blob, IsOk());
  EXPECT_EQ(Contents(*store, blob->digest), "first second");
}

TEST_F(LocalBlobStoreTest, RefusesToFillTheReserve) {
  const auto store = Open({.reserved_bytes = int64_t{1} << 60, .before_step = {}});
  EXPECT_THAT(store->FreeBytes(), IsOkAndHolds(0));
  auto partial = store->OpenPartial(NewId());
  ASSERT_THAT(partial, IsOk());
  const absl::Status status = (*partial)->Append("x");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "the disk is full"));
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
}

// The kernel's own refusal in the middle of a write: a file-size limit cuts it as a full disk does.
TEST_F(LocalBlobStoreTest, KeepsNothingOfAWriteThatTheKernelCut) {
  const CrashedRun run = RunAndCrash([&](const auto& say) {
    ::signal(SIGXFSZ, SIG_IGN);
    const auto store = Open();
    auto partial = store->OpenPartial(NewId());
    if (!(*partial)->Append(std::string(1000, 'a')).ok()) return;
    rlimit limit{1500, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    say(ReasonOf((*partial)->Append(std::string(1000, 'b'))) == "DISK_FULL");
    say((*partial)->size_bytes());
    limit.rlim_cur = RLIM_INFINITY;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    say((*partial)->Append("c").ok());
    const auto blob = (*partial)->Commit("", 0);
    say(blob.ok() && blob->digest == Sha256Hex(std::string(1000, 'a') + "c"));
  });
  EXPECT_THAT(run.said, ElementsAre(1, 1000, 1, 1));
}

TEST_F(LocalBlobStoreTest, BelievesNothingAfterAFailedSyncUntilItIsOpenedAgain) {
  bool fails = false;
  const auto store = Open({.before_step = [&](const char* step) {
    const bool syncs = absl::string_view(step) == "sync";
    return fails && syncs ? absl::InternalError("I/O error") : absl::OkStatus();
  }});
  const std::string id = NewId();
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  ASSERT_THAT((*partial)->Append("safe"), IsOk());
  ASSERT_THAT((*partial)->Sync(), IsOk());
  ASSERT_THAT((*partial)->Append("doubtful"), IsOk());
  fails = true;
  EXPECT_THAT((*partial)->Sync(), StatusIs(absl::StatusCode::kInternal));
  fails = false;
  EXPECT_THAT((*partial)->Append("x"), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT((*partial)->Commit("", 0), StatusIs(absl::StatusCode::kInternal));
  partial->reset();
  partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ((*partial)->size_bytes(), 4);
}

// Killed before its first, second, third ... step: whatever was acknowledged is there, and the
// upload can be finished.
TEST_F(LocalBlobStoreTest, LosesNothingAcknowledgedWhereverItIsKilled) {
  constexpr int64_t kChunkBytes = 1000, kChunks = 6;
  const std::string bytes = RandomBytes(kChunkBytes * kChunks, 3);
  const std::string digest = Sha256Hex(bytes);
  int step_of_death = 0;
  bool was_killed = true;
  while (was_killed) {
    ++step_of_death;
    SCOPED_TRACE(absl::StrCat("killed before step ", step_of_death));
    const std::string id = NewId();
    std::filesystem::remove_all(folder_ / "sha256");
    const CrashedRun run = RunAndCrash([&](const auto& say) {
      int steps = 0;
      const auto store = Open({.commit_interval_bytes = 2 * kChunkBytes,
                               .before_step = [&](const char*) -> absl::Status {
                                 if (++steps == step_of_death) ::raise(SIGKILL);
                                 return absl::OkStatus();
                               }});
      auto partial = store->OpenPartial(id);
      for (int64_t i = 0; i < kChunks; ++i) {
        if (!(*partial)->Append(bytes.substr(i * kChunkBytes, kChunkBytes)).ok()) ::_exit(2);
        say((*partial)->committed_bytes());
      }
      if (!(*partial)->Commit(digest, bytes.size()).ok()) ::_exit(3);
      say(-1);
    });
    was_killed = run.was_killed;
    const bool was_finished = !run.said.empty() && run.said.back() == -1;
    EXPECT_EQ(was_finished, !was_killed);

    const auto store = Open();
    auto partial = store->OpenPartial(id);
    ASSERT_THAT(partial, IsOk());
    int64_t acknowledged = 0;
    for (const int64_t said : run.said) acknowledged = std::max(acknowledged, said);
    EXPECT_GE((*partial)->committed_bytes(), acknowledged);
    if (was_finished) {
      EXPECT_EQ(Contents(*store, digest), bytes);
    }
    if ((*partial)->size_bytes() < static_cast<int64_t>(bytes.size())) {
      ASSERT_THAT((*partial)->Append(bytes.substr((*partial)->size_bytes())), IsOk());
    }
    ASSERT_THAT((*partial)->Commit(digest, bytes.size()), IsOk());
    EXPECT_EQ(Contents(*store, digest), bytes);
    partial->reset();
    EXPECT_THAT(store->DeletePartial(id), IsOk());
  }
  EXPECT_GT(step_of_death, 10);
}

TEST_F(LocalBlobStoreTest, StartsAgainWhereTheDiskLostSyncedBytes) {
  const std::string id = NewId();
  const auto store = Open();
  {
    auto partial = store->OpenPartial(id);
    ASSERT_THAT(partial, IsOk());
    ASSERT_THAT((*partial)->Append("0123456789"), IsOk());
    ASSERT_THAT((*partial)->Sync(), IsOk());
  }
  ASSERT_EQ(::truncate((folder_ / ("partial/" + id)).c_str(), 5), 0);
  auto partial = store->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ((*partial)->size_bytes(), 0);
}

}  // namespace
}  // namespace octavo
