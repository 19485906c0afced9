#include "core/engine/artifact_folder.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::IsOkAndHolds;

// What zlib's own file writer makes of it: another way to the same number.
int64_t FileSizeByGzWrite(const std::vector<uint8_t>& bytes, const std::string& path) {
  gzFile file = ::gzopen(path.c_str(), "wb9");
  if (!bytes.empty()) ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  ::gzclose(file);
  const auto written = ReadFile(path, 1 << 30);
  ::unlink(path.c_str());
  return written.ok() ? static_cast<int64_t>(written->size()) : -1;
}

TEST(GzipSize, IsWhatAFileWouldHave) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (const size_t size : {0, 1, 100, 70'000, 1'000'000}) {
    std::vector<uint8_t> bytes(size);
    for (uint8_t& byte : bytes) byte = random() % 7;
    EXPECT_THAT(GzipSize(bytes),
                IsOkAndHolds(FileSizeByGzWrite(bytes, testing::TempDir() + "octavo-test.gz")));
  }
}

TEST(ArtifactFolder, WritesNamesAndRemoves) {
  std::string path = testing::TempDir() + "octavo-artifacts-XXXXXX";
  ASSERT_NE(::mkdtemp(path.data()), nullptr);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
  const ArtifactFolder folder(fd.get());
  const std::vector<uint8_t> bytes(1000, 7);

  const auto artifact = folder.Write("int8.tflite", bytes, Gzip::kMeasure);
  ASSERT_THAT(artifact, IsOk());
  EXPECT_EQ(artifact->file_name(), "int8.tflite");
  EXPECT_EQ(artifact->digest(), Sha256Hex(bytes));
  EXPECT_EQ(artifact->name(), "artifacts/" + Sha256Hex(bytes));
  EXPECT_EQ(artifact->size_bytes(), 1000);
  EXPECT_THAT(GzipSize(bytes), IsOkAndHolds(artifact->gzip_size_bytes()));
  EXPECT_THAT(ReadFile(path + "/int8.tflite", 10'000), IsOkAndHolds(bytes));

  EXPECT_EQ(folder.Write("int8.tflite", bytes, Gzip::kSkip)->gzip_size_bytes(), 0);
  folder.Remove("int8.tflite");
  EXPECT_EQ(::rmdir(path.c_str()), 0);
}

}  // namespace
}  // namespace octavo
