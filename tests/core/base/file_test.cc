#include "core/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Bytes = std::vector<uint8_t>;

// A folder that is gone with the test.
class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/octavo-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    folder_fd_ = UniqueFd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(folder_fd_.valid());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::string folder_;
  UniqueFd folder_fd_;
};

TEST_F(FileTest, ReadsWhatWasWrittenAtomicallyAndLeavesNoOtherFile) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes{1, 2, 3}), IsOk());
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes{4, 5}), IsOk());
  EXPECT_THAT(ReadFile(Path("a"), 2), IsOkAndHolds(ElementsAre(4, 5)));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, LeavesTheOldFileWhereTheNewOneCannotBeWritten) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes{1}), IsOk());
  EXPECT_FALSE(WriteFileAtomically(folder_fd_.get(), "missing/a", Bytes{2}).ok());
  EXPECT_THAT(ReadFile(Path("a"), 1), IsOkAndHolds(ElementsAre(1)));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, RefusesAFileThatIsLargerThanItsReaderTakes) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes(10)), IsOk());
  EXPECT_THAT(ReadFile(Path("a"), 9), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ReadFile(Path("a"), 10), IsOkAndHolds(Bytes(10)));
}

TEST_F(FileTest, ReadsAnEmptyFile) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", {}), IsOk());
  EXPECT_THAT(ReadFile(Path("a"), 0), IsOkAndHolds(IsEmpty()));
}

TEST_F(FileTest, NamesTheFileThatIsNotThere) {
  EXPECT_THAT(OpenForReading(Path("none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(FileTest, SaysTheSizeOfRegularFilesOnly) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes(7)), IsOk());
  const auto file = OpenForReading(Path("a"));
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(FileSize(file->get()), IsOkAndHolds(7));
  EXPECT_THAT(FileSize(folder_fd_.get()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FileTest, ReadsAPartAndNotBeyondTheEnd) {
  ASSERT_THAT(WriteFileAtomically(folder_fd_.get(), "a", Bytes{1, 2, 3, 4}), IsOk());
  const auto file = OpenForReading(Path("a"));
  ASSERT_THAT(file, IsOk());
  Bytes part(2);
  EXPECT_THAT(ReadAt(file->get(), 1, part), IsOk());
  EXPECT_THAT(part, ElementsAre(2, 3));
  EXPECT_THAT(ReadAt(file->get(), 3, part), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(FileTest, ClosesADescriptorOnceWhoeverOwnsIt) {
  UniqueFd first(::dup(folder_fd_.get()));
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.get(), number);
  second = UniqueFd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST_F(FileTest, SaysThatTheDiskIsFull) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full.valid()) GTEST_SKIP() << "there is no /dev/full";
  EXPECT_THAT(WriteAll(full.get(), "x"), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace octavo
