#include "core/engine/benchmark_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

// A folder as /tmp is, for all users and sticky.
class BenchmarkLock : public testing::Test {
 protected:
  BenchmarkLock() : folder_(testing::TempDir() + "octavo-lock-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    EXPECT_EQ(::chmod(folder_.c_str(), 01777), 0);
    path_ = folder_ + "/lock";
  }
  ~BenchmarkLock() override {
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  void MakeFile(mode_t mode) {
    const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode));
    ASSERT_TRUE(fd.valid());
  }

  std::string folder_;
  std::string path_;
};

TEST_F(BenchmarkLock, IsMadeForAllUsersAndOneForAll) {
  const mode_t before = ::umask(077);
  const auto first = OpenBenchmarkLock(path_);
  ::umask(before);
  ASSERT_THAT(first, IsOk());
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
  const auto second = OpenBenchmarkLock(path_);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(::flock(first->get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_NE(::flock(second->get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(BenchmarkLock, MayBeSomebodyElsesFile) {
  MakeFile(0644);
  if (::chown(path_.c_str(), 65534, 65534) != 0) GTEST_SKIP() << "only root gives files away";
  const auto lock = OpenBenchmarkLock(path_);
  ASSERT_THAT(lock, IsOk());
  EXPECT_EQ(::flock(lock->get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(BenchmarkLock, IsRefusedWhereItMayNotBeOpened) {
  if (::geteuid() == 0) GTEST_SKIP() << "root opens everything";
  MakeFile(0);
  EXPECT_THAT(OpenBenchmarkLock(path_), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(BenchmarkLock, DoesNotWaitAtAFifo) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0666), 0);
  EXPECT_THAT(OpenBenchmarkLock(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a regular file")));
}

TEST_F(BenchmarkLock, FollowsNoLink) {
  const std::string target = folder_ + "/target";
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_THAT(OpenBenchmarkLock(path_), Not(IsOk()));
  EXPECT_NE(::access(target.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace octavo
