// A folder that is gone when its test is. In memory where that is to be had: what these tests hold
// against kill -9 is the order of the writes, and waiting for a disk's syncs would be most of their
// time.

#ifndef OCTAVO_TESTS_SERVER_TESTING_TEMPORARY_FOLDER_H_
#define OCTAVO_TESTS_SERVER_TESTING_TEMPORARY_FOLDER_H_

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"

namespace octavo {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const bool has_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (has_memory ? "/dev/shm/" : ::testing::TempDir()) + "octavo-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace octavo

#endif  // OCTAVO_TESTS_SERVER_TESTING_TEMPORARY_FOLDER_H_
