#include "server/blobs/blob_sweeper.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status_matchers.h"
#include "core/base/sha256.h"
#include "gtest/gtest.h"
#include "server/blobs/local_blob_store.h"
#include "server/store/random_id.h"
#include "server/store/sqlite_store.h"
#include "tests/server/testing/fake_clock.h"
#include "tests/server/testing/rows.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;

class BlobSweeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = OpenSqliteStore(folder_ / "data");
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
    auto blobs = OpenLocalBlobStore(folder_ / "blobs", clock_);
    ASSERT_THAT(blobs, IsOk());
    blobs_ = *std::move(blobs);
  }

  void Put(const v1::Upload& upload) {
    ASSERT_THAT(store_->Write([&](StoreWriter& writer) { return writer.PutUpload(upload); }),
                IsOk());
  }

  v1::Upload NewUpload(v1::Upload::State state, absl::Duration lives) {
    v1::Upload upload;
    upload.set_name("uploads/" + NewId());
    upload.set_state(state);
    upload.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + lives));
    return upload;
  }

  std::string NewPartial(const std::string& id, const std::string& bytes, bool commit) {
    auto partial = blobs_->OpenPartial(id);
    EXPECT_THAT(partial, IsOk());
    EXPECT_THAT((*partial)->Append(bytes), IsOk());
    EXPECT_THAT((*partial)->Sync(), IsOk());
    if (commit) {
      EXPECT_THAT((*partial)->Commit("", 0), IsOk());
    }
    return Sha256Hex(bytes);
  }

  bool HasBlob(const std::string& digest) { return blobs_->Open(digest).ok(); }

  TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<MetadataStore> store_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(BlobSweeperTest, TakesExpiredUploadsWithTheirBytes) {
  const v1::Upload expired = NewUpload(v1::Upload::STATE_OPEN, absl::Hours(24));
  const v1::Upload alive = NewUpload(v1::Upload::STATE_OPEN, absl::Hours(48));
  Put(expired);
  Put(alive);
  NewPartial(std::string(IdOf(expired.name())), "expired", false);
  NewPartial(std::string(IdOf(alive.name())), "alive", false);
  clock_.Advance(absl::Hours(25));
  const auto swept = Sweep(*store_, *blobs_, clock_, {});
  ASSERT_THAT(swept, IsOk());
  EXPECT_EQ(swept->uploads, 1);
  EXPECT_EQ(swept->partials, 1);
  EXPECT_THAT(blobs_->PartialBytes(IdOf(expired.name())), IsOkAndHolds(0));
  EXPECT_THAT(blobs_->PartialBytes(IdOf(alive.name())), IsOkAndHolds(5));
  EXPECT_THAT(
      store_->Read([&](StoreReader& reader) { return reader.GetUpload(expired.name()).status(); }),
      StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BlobSweeperTest, KeepsAnUploadWhoseStreamDiedWithItsServer) {
  const v1::Upload upload = NewUpload(v1::Upload::STATE_OPEN, absl::Hours(24));
  const std::string id(IdOf(upload.name()));
  Put(upload);
  clock_.Advance(absl::Hours(23));
  // The row does not learn of these.
  NewPartial(id, "bytes", false);
  const auto row = [&] {
    return store_->Read(
        [&](StoreReader& reader) { return reader.GetUpload(upload.name()).status(); });
  };
  for (const absl::Duration pause : {absl::Hours(2), absl::Hours(21)}) {
    clock_.Advance(pause);
    const auto swept = Sweep(*store_, *blobs_, clock_, {});
    ASSERT_THAT(swept, IsOk());
    EXPECT_EQ(swept->uploads, 0);
    EXPECT_THAT(row(), IsOk());
    EXPECT_THAT(blobs_->PartialBytes(id), IsOkAndHolds(5));
  }
  clock_.Advance(absl::Hours(2));
  ASSERT_THAT(Sweep(*store_, *blobs_, clock_, {}), IsOk());
  EXPECT_THAT(row(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(blobs_->PartialBytes(id), IsOkAndHolds(0));
}

TEST_F(BlobSweeperTest, TakesBlobsThatNoRowNamesAfterTheGracePeriod) {
  const std::string orphan = NewPartial(NewId(), "orphan", true);
  const std::string named = NewPartial(NewId(), "named", true);
  ASSERT_THAT(
      store_->Write([&](StoreWriter& writer) { return writer.PutModel(ReadyModel(named)); }),
      IsOk());
  ASSERT_THAT(Sweep(*store_, *blobs_, clock_, {}), IsOk());
  EXPECT_TRUE(HasBlob(orphan));
  clock_.Advance(absl::Hours(2));
  // Touched a moment ago: somebody is about to name it.
  const std::string touched = NewPartial(NewId(), "touched", true);
  const auto swept = Sweep(*store_, *blobs_, clock_, {});
  ASSERT_THAT(swept, IsOk());
  EXPECT_EQ(swept->blobs, 1);
  EXPECT_FALSE(HasBlob(orphan));
  EXPECT_TRUE(HasBlob(named));
  EXPECT_TRUE(HasBlob(touched));
}

TEST_F(BlobSweeperTest, LeavesAnUploadThatAStreamStillWrites) {
  const std::string id = NewId();
  auto partial = blobs_->OpenPartial(id);
  ASSERT_THAT(partial, IsOk());
  clock_.Advance(absl::Hours(2));
  ASSERT_THAT(Sweep(*store_, *blobs_, clock_, {}), IsOk());
  EXPECT_THAT((*partial)->Append("still here"), IsOk());
  EXPECT_THAT((*partial)->Commit("", 0), IsOk());
}

TEST_F(BlobSweeperTest, KeepsTheBlobOfACompleteUploadUntilThatExpires) {
  v1::Upload upload = NewUpload(v1::Upload::STATE_COMPLETE, absl::Hours(24));
  const std::string digest = NewPartial(std::string(IdOf(upload.name())), "bytes", true);
  upload.set_digest(digest);
  Put(upload);
  clock_.Advance(absl::Hours(23));
  ASSERT_THAT(Sweep(*store_, *blobs_, clock_, {}), IsOk());
  EXPECT_TRUE(HasBlob(digest));
  clock_.Advance(absl::Hours(2));
  ASSERT_THAT(Sweep(*store_, *blobs_, clock_, {}), IsOk());
  EXPECT_FALSE(HasBlob(digest));
}

TEST_F(BlobSweeperTest, SweepsOnAThreadOfItsOwn) {
  const std::string orphan = NewPartial(NewId(), "orphan", true);
  clock_.Advance(absl::Hours(2));
  const BlobSweeper sweeper(*store_, *blobs_, clock_, {});
  // For ever where it does not sweep: the test's own time limit ends it.
  while (HasBlob(orphan)) std::this_thread::yield();
}

}  // namespace
}  // namespace octavo
