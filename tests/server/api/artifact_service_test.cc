#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/crc32c.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "tests/server/api/api_server.h"

namespace octavo {
namespace {

struct Download {
  absl::Status status;
  std::string bytes;
  std::string digest;
  int64_t size_bytes = 0;
};

Download DownloadFrom(ApiServer& server, const std::string& name, int64_t offset) {
  const auto context = NewContext();
  v1::DownloadArtifactRequest request;
  request.set_name(name);
  request.set_offset(offset);
  const auto reader = server.artifacts->DownloadArtifact(context.get(), request);
  Download download;
  v1::DownloadArtifactResponse message;
  bool is_first = true;
  while (reader->Read(&message)) {
    EXPECT_EQ(message.size_bytes() != 0, is_first);
    if (is_first) download.size_bytes = message.size_bytes();
    is_first = false;
    EXPECT_EQ(message.crc32c(), Crc32c(message.chunk()));
    EXPECT_LE(message.chunk().size(), size_t{1} << 20);
    EXPECT_TRUE(download.digest.empty()) << "the digest comes last";
    download.digest = message.digest();
    download.bytes += message.chunk();
  }
  download.status = ToStatus(reader->Finish());
  return download;
}

v1::Job FinishedJob(ApiServer& server) {
  server.StartWorker();
  return server.WaitForEnd(server.Job(server.JobRequest()).name());
}

std::string ArtifactName(const v1::Job& job, const std::string& file_name) {
  for (const v1::Artifact& artifact : job.artifacts()) {
    if (artifact.file_name() == file_name) return artifact.name();
  }
  ADD_FAILURE() << "no artifact " << file_name;
  return "";
}

TEST(ArtifactService, SendsTheWholeWithItsDigest) {
  ApiServer server;
  const std::string name = ArtifactName(FinishedJob(server), "float32.tflite");
  const Download download = DownloadFrom(server, name, 0);
  ASSERT_EQ(download.status, absl::OkStatus());
  EXPECT_EQ(download.bytes, std::string(700'000, 'f'));
  EXPECT_EQ(download.size_bytes, 700'000);
  EXPECT_EQ("artifacts/" + download.digest, name);
  EXPECT_EQ(Sha256Hex(download.bytes), download.digest);
  EXPECT_EQ(server.metrics.download_bytes.At({"artifact"}).Value(), 700'000);
}

TEST(ArtifactService, GoesOnFromAnyOffset) {
  ApiServer server;
  const std::string name = ArtifactName(FinishedJob(server), "float32.tflite");
  for (int64_t offset : {int64_t{1}, int64_t{262'144}, int64_t{699'999}, int64_t{700'000}}) {
    const Download download = DownloadFrom(server, name, offset);
    ASSERT_EQ(download.status, absl::OkStatus());
    EXPECT_EQ(static_cast<int64_t>(download.bytes.size()), 700'000 - offset);
    EXPECT_EQ("artifacts/" + download.digest, name);
  }
  const absl::Status past = DownloadFrom(server, name, 700'001).status;
  EXPECT_EQ(past.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(past), "OFFSET_MISMATCH");
  EXPECT_EQ(DownloadFrom(server, name, -1).status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(ArtifactService, GivesOutOnlyWhatJobsMade) {
  ApiServer server;
  const v1::Upload upload = server.Upload("model", v1::UPLOAD_KIND_MODEL);
  EXPECT_EQ(DownloadFrom(server, "artifacts/" + upload.digest(), 0).status.code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(DownloadFrom(server, "artifacts/" + Sha256Hex("nothing"), 0).status.code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(DownloadFrom(server, "artifacts/x", 0).status.code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ArtifactService, NoticesBytesThatChangedOnTheDisk) {
  ApiServer server;
  const std::string name = ArtifactName(FinishedJob(server), "float32.tflite");
  const std::string digest = name.substr(std::string("artifacts/").size());
  std::filesystem::path path;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server.folder / "blobs")) {
    if (entry.is_regular_file() && entry.file_size() == 700'000) path = entry.path();
  }
  ASSERT_FALSE(path.empty());
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(350'000);
    file.put('x');
  }
  const Download changed = DownloadFrom(server, name, 0);
  EXPECT_EQ(changed.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(changed.digest.empty());
  std::filesystem::resize_file(path, 300'000);
  EXPECT_EQ(DownloadFrom(server, name, 0).status.code(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(path);
  const absl::Status gone = DownloadFrom(server, name, 0).status;
  EXPECT_EQ(gone.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::string(gone.message()).find(server.folder.path()), std::string::npos);
}

}  // namespace
}  // namespace octavo
