#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "google/rpc/error_details.pb.h"
#include "server/api/upload_writer.h"
#include "server/metered_blob_store.h"
#include "tests/server/api/api_server.h"

namespace octavo {
namespace {

using Stub = v1::UploadService::Stub;

absl::StatusOr<v1::CreateUploadResponse> Create(ApiServer& server,
                                                const v1::CreateUploadRequest& request) {
  v1::CreateUploadResponse response;
  const absl::Status status = server.Call(*server.uploads, &Stub::CreateUpload, request, &response);
  if (!status.ok()) return status;
  return response;
}

v1::Upload Open(ApiServer& server, int64_t size_bytes = 0, const std::string& digest = "") {
  v1::CreateUploadRequest request;
  request.set_kind(v1::UPLOAD_KIND_MODEL);
  request.set_size_bytes(size_bytes);
  request.set_digest(digest);
  const auto response = Create(server, request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response->upload();
}

int64_t CommittedBytes(ApiServer& server, const std::string& name) {
  v1::GetUploadRequest request;
  request.set_name(name);
  v1::GetUploadResponse response;
  EXPECT_EQ(server.Call(*server.uploads, &Stub::GetUpload, request, &response), absl::OkStatus());
  return response.upload().committed_bytes();
}

v1::WriteUploadRequest First(const std::string& name, int64_t offset, absl::string_view bytes) {
  v1::WriteUploadRequest message = ChunkMessage(bytes);
  message.set_name(name);
  message.set_offset(offset);
  return message;
}

v1::WriteUploadRequest Finish() {
  v1::WriteUploadRequest message;
  message.set_finish(true);
  return message;
}

std::string MetadataOf(const absl::Status& status, const std::string& key) {
  google::rpc::ErrorInfo info;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  if (!payload || !info.ParseFromString(std::string(*payload))) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

TEST(UploadService, KeepsChunksAsABlobNamedByItsDigest) {
  ApiServer server;
  const std::string name = Open(server).name();
  const auto upload = WriteUpload(server, {First(name, 0, "one "), ChunkMessage("two"), Finish()});
  ASSERT_TRUE(upload.ok()) << upload.status();
  EXPECT_EQ(upload->state(), v1::Upload::STATE_COMPLETE);
  EXPECT_EQ(upload->digest(), Sha256Hex("one two"));
  EXPECT_EQ(upload->size_bytes(), 7);
  EXPECT_EQ(upload->committed_bytes(), 7);
  EXPECT_TRUE(server.blobs->Open(Sha256Hex("one two")).ok());
  EXPECT_EQ(server.metrics.upload_bytes.At({"model"}).Value(), 7);
}

TEST(UploadService, TakesAnEmptyFile) {
  ApiServer server;
  v1::WriteUploadRequest message = Finish();
  message.set_name(Open(server).name());
  const auto upload = WriteUpload(server, {message});
  ASSERT_TRUE(upload.ok()) << upload.status();
  EXPECT_EQ(upload->digest(), Sha256Hex(""));
}

TEST(UploadService, GoesOnFromWhatWasCommitted) {
  ApiServer server;
  const std::string name = Open(server, 7, Sha256Hex("one two")).name();
  EXPECT_EQ(CommittedBytes(server, name), 0);
  const auto paused = WriteUpload(server, {First(name, 0, "one")});
  ASSERT_TRUE(paused.ok()) << paused.status();
  EXPECT_EQ(paused->state(), v1::Upload::STATE_OPEN);
  EXPECT_EQ(paused->committed_bytes(), 3);
  EXPECT_EQ(CommittedBytes(server, name), 3);
  const auto complete = WriteUpload(server, {First(name, 3, " two"), Finish()});
  ASSERT_TRUE(complete.ok()) << complete.status();
  EXPECT_EQ(complete->digest(), Sha256Hex("one two"));
  EXPECT_EQ(server.metrics.upload_resumes.At({}).Value(), 1);
}

TEST(UploadService, KeepsWhatCameWhenTheClientVanishes) {
  ApiServer server;
  const std::string name = Open(server).name();
  const std::string chunk(1 << 20, 'x');
  {
    const auto context = NewContext();
    v1::WriteUploadResponse response;
    const auto writer = server.uploads->WriteUpload(context.get(), &response);
    ASSERT_TRUE(writer->Write(First(name, 0, chunk)));
    while (server.metrics.upload_bytes.At({"model"}).Value() == 0) std::this_thread::yield();
    context->TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The server notices in its own time; until then the upload is somebody's.
  while (CommittedBytes(server, name) == 0) std::this_thread::yield();
  EXPECT_EQ(CommittedBytes(server, name), 1 << 20);
}

TEST(UploadService, RefusesAnOffsetThatIsNotTheCommittedSize) {
  ApiServer server;
  const std::string name = Open(server).name();
  ASSERT_TRUE(WriteUpload(server, {First(name, 0, "one")}).ok());
  for (int64_t offset : {0, 2, 4}) {
    const absl::Status status = WriteUpload(server, {First(name, offset, "x")}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << offset;
    EXPECT_EQ(ReasonOf(status), "OFFSET_MISMATCH");
    EXPECT_EQ(MetadataOf(status, "committed_size"), "3");
  }
  EXPECT_EQ(WriteUpload(server, {First(name, -1, "x")}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(UploadService, KeepsWhatCameBeforeABadChunk) {
  ApiServer server;
  const std::string name = Open(server).name();
  v1::WriteUploadRequest bad = ChunkMessage("three");
  bad.set_crc32c(bad.crc32c() ^ 1);
  const absl::Status status =
      WriteUpload(server, {First(name, 0, "one"), ChunkMessage("two"), bad, Finish()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "CHECKSUM_MISMATCH");
  EXPECT_EQ(CommittedBytes(server, name), 6);
  EXPECT_EQ(server.metrics.upload_rejected.At({"CHECKSUM_MISMATCH"}).Value(), 1);
}

TEST(UploadService, StartsAgainWhereTheWholeHasAnotherDigest) {
  ApiServer server;
  const std::string name = Open(server, 0, Sha256Hex("other")).name();
  const absl::Status status = WriteUpload(server, {First(name, 0, "bytes"), Finish()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "DIGEST_MISMATCH");
  EXPECT_EQ(CommittedBytes(server, name), 0);
  EXPECT_TRUE(WriteUpload(server, {First(name, 0, "other"), Finish()}).ok());
}

TEST(UploadService, StartsAgainWhereTheWholeHasAnotherSize) {
  ApiServer server;
  const std::string name = Open(server, 4).name();
  const absl::Status too_long = WriteUpload(server, {First(name, 0, "bytes"), Finish()}).status();
  EXPECT_EQ(too_long.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(too_long), "FIELD_INVALID");
  EXPECT_EQ(CommittedBytes(server, name), 0);
  const absl::Status too_short = WriteUpload(server, {First(name, 0, "byt"), Finish()}).status();
  EXPECT_EQ(too_short.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(too_short), "FIELD_INVALID");
  EXPECT_EQ(CommittedBytes(server, name), 0);
}

TEST(UploadService, TakesNoMoreThanItsLimit) {
  ApiServerOptions options;
  options.api.max_upload_bytes = 5;
  options.api.max_chunk_bytes = 4;
  ApiServer server(options);
  const std::string name = Open(server).name();
  EXPECT_EQ(WriteUpload(server, {First(name, 0, "12345")}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status status =
      WriteUpload(server, {First(name, 0, "123"), ChunkMessage("456"), Finish()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CommittedBytes(server, name), 0);
}

TEST(UploadService, RefusesToWriteACompleteUpload) {
  ApiServer server;
  const v1::Upload upload = server.Upload("bytes", v1::UPLOAD_KIND_MODEL);
  const absl::Status status = WriteUpload(server, {First(upload.name(), 5, "x")}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(UploadService, LetsOneStreamWriteAtATime) {
  ApiServer server;
  const std::string name = Open(server).name();
  const auto context = NewContext();
  v1::WriteUploadResponse response;
  const auto writer = server.uploads->WriteUpload(context.get(), &response);
  ASSERT_TRUE(writer->Write(First(name, 0, "one")));
  while (server.metrics.upload_bytes.At({"model"}).Value() == 0) std::this_thread::yield();
  const absl::Status busy = WriteUpload(server, {First(name, 0, "x")}).status();
  EXPECT_EQ(busy.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(busy), "UPLOAD_BUSY");
  EXPECT_TRUE(busy.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  ASSERT_TRUE(writer->Write(Finish()));
  writer->WritesDone();
  EXPECT_EQ(ToStatus(writer->Finish()), absl::OkStatus());
}

absl::Status Take(UploadWriter& writer, const v1::WriteUploadRequest& message) {
  const absl::StatusOr<bool> ready = writer.Prepare(message);
  if (!ready.ok()) return ready.status();
  EXPECT_TRUE(*ready);
  return writer.Take(message);
}

v1::Upload Row(ApiServer& server, const std::string& name) {
  v1::Upload upload;
  EXPECT_EQ(server.store->Read([&](StoreReader& reader) {
    auto row = reader.GetUpload(name);
    if (row.ok()) upload = *std::move(row);
    return row.status();
  }),
            absl::OkStatus());
  return upload;
}

TEST(UploadWriter, NeverOpensACompleteUploadAgain) {
  ApiServer server;
  v1::Upload upload = Open(server);
  UploadWriter late(*server.api);
  ASSERT_EQ(Take(late, First(upload.name(), 0, "bytes")), absl::OkStatus());
  upload.set_state(v1::Upload::STATE_COMPLETE);
  upload.set_digest(Sha256Hex("others"));
  ASSERT_EQ(server.store->Write([&](StoreWriter& writer) { return writer.PutUpload(upload); }),
            absl::OkStatus());
  EXPECT_EQ(ReasonOf(Take(late, Finish())), "UPLOAD_COMPLETE");
  EXPECT_EQ(ReasonOf(late.Pause()), "UPLOAD_COMPLETE");
  EXPECT_EQ(Row(server, upload.name()).digest(), Sha256Hex("others"));
}

TEST(UploadWriter, MakesNoUploadThatWasSweptAgain) {
  ApiServer server;
  const std::string name = Open(server).name();
  UploadWriter writer(*server.api);
  ASSERT_EQ(Take(writer, First(name, 0, "bytes")), absl::OkStatus());
  ASSERT_EQ(server.store->Write([&](StoreWriter& rows) { return rows.DeleteUpload(name); }),
            absl::OkStatus());
  EXPECT_EQ(Take(writer, Finish()).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(writer.Pause().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(
      server.store->Read([&](StoreReader& rows) { return rows.GetUpload(name).status(); }).code(),
      absl::StatusCode::kNotFound);
}

// A store whose partials are opened just after somebody else completed their upload.
class LateBlobStore final : public MeteredBlobStore {
 public:
  LateBlobStore(ApiServer& server, std::string upload)
      : MeteredBlobStore(*server.blobs, server.metrics),
        server_(server),
        upload_(std::move(upload)) {}

  absl::StatusOr<std::unique_ptr<PartialBlob>> OpenPartial(absl::string_view id) override {
    EXPECT_TRUE(WriteUpload(server_, {First(upload_, 0, "first"), Finish()}).ok());
    return MeteredBlobStore::OpenPartial(id);
  }

 private:
  ApiServer& server_;
  const std::string upload_;
};

TEST(UploadWriter, LooksAgainOnceThePartialIsItsOwn) {
  ApiServer server;
  const std::string name = Open(server).name();
  LateBlobStore blobs(server, name);
  ApiContext api{.store = *server.store,
                 .blobs = blobs,
                 .queue = *server.queue,
                 .inspector = *server.inspector,
                 .metrics = server.metrics,
                 .clock = server.clock,
                 .log = server.log,
                 .io = server.api->io,
                 .inspections = server.api->inspections,
                 .streams = server.api->streams,
                 .options = server.api->options};
  UploadWriter writer(api);
  EXPECT_EQ(ReasonOf(Take(writer, First(name, 0, "second"))), "UPLOAD_COMPLETE");
  EXPECT_EQ(Row(server, name).digest(), Sha256Hex("first"));
}

TEST(UploadService, RefusesStreamsThatNameNoUpload) {
  ApiServer server;
  EXPECT_EQ(WriteUpload(server, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteUpload(server, {First("uploads/../x", 0, "x")}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status status =
      WriteUpload(server, {First("uploads/aaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "x")}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.ResourceInfo").has_value());
  const std::string name = Open(server).name();
  v1::WriteUploadRequest other = ChunkMessage("x");
  other.set_name(Open(server).name());
  EXPECT_EQ(WriteUpload(server, {First(name, 0, "x"), other}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(UploadService, EndsAStreamThatStandsStill) {
  ApiServerOptions options;
  options.api.idle_timeout = absl::Milliseconds(50);
  ApiServer server(options);
  const std::string name = Open(server).name();
  const auto context = NewContext();
  v1::WriteUploadResponse response;
  const auto writer = server.uploads->WriteUpload(context.get(), &response);
  ASSERT_TRUE(writer->Write(First(name, 0, "one")));
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// The timer rings while streams end: under a sanitizer it must touch nothing that is gone.
TEST(UploadService, EndsStreamsWhileTheirTimersRing) {
  ApiServerOptions options;
  options.api.idle_timeout = absl::Microseconds(500);
  ApiServer server(options);
  for (int i = 0; i < 200; ++i) {
    const absl::Status status =
        WriteUpload(server, {First("uploads/aaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "x")}).status();
    EXPECT_TRUE(absl::IsNotFound(status) || absl::IsCancelled(status)) << status;
  }
}

TEST(UploadService, NeedsNoBytesThatAreThere) {
  ApiServer server;
  server.Upload("bytes", v1::UPLOAD_KIND_DATASET);
  v1::CreateUploadRequest request;
  request.set_kind(v1::UPLOAD_KIND_MODEL);
  request.set_digest(Sha256Hex("bytes"));
  const auto response = Create(server, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->already_exists());
  EXPECT_EQ(response->upload().state(), v1::Upload::STATE_COMPLETE);
  EXPECT_EQ(response->upload().size_bytes(), 5);
  request.set_size_bytes(6);
  EXPECT_EQ(Create(server, request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(UploadService, GivesTheFirstUploadForTheSameRequestId) {
  ApiServer server;
  v1::CreateUploadRequest request;
  request.set_kind(v1::UPLOAD_KIND_MODEL);
  request.set_request_id("again");
  request.set_size_bytes(7);
  const auto first = Create(server, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(WriteUpload(server, {First(first->upload().name(), 0, "one")}).ok());
  const auto second = Create(server, request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->upload().name(), first->upload().name());
  EXPECT_EQ(second->upload().committed_bytes(), 3);
  request.set_size_bytes(8);
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(status), "REQUEST_ID_REUSED");
}

TEST(UploadService, NamesEachBadFieldOfARequest) {
  ApiServer server;
  v1::CreateUploadRequest request;
  request.set_size_bytes(-1);
  request.set_digest("ABC");
  request.set_request_id(std::string(129, 'x'));
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
  google::rpc::BadRequest bad;
  ASSERT_TRUE(bad.ParseFromString(
      std::string(*status.GetPayload("type.googleapis.com/google.rpc.BadRequest"))));
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  EXPECT_THAT(fields, ::testing::ElementsAre("kind", "size_bytes", "digest", "request_id"));
}

TEST(UploadService, RefusesMoreThanTheDiskHolds) {
  ApiServerOptions options;
  options.api.max_upload_bytes = std::numeric_limits<int64_t>::max();
  ApiServer server(options);
  v1::CreateUploadRequest request;
  request.set_kind(v1::UPLOAD_KIND_MODEL);
  request.set_size_bytes(int64_t{1} << 60);
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
}

TEST(UploadService, RefusesMoreOpenUploadsThanItsLimit) {
  ApiServerOptions options;
  options.api.max_open_uploads = 2;
  ApiServer server(options);
  Open(server);
  Open(server);
  v1::CreateUploadRequest request;
  request.set_kind(v1::UPLOAD_KIND_MODEL);
  const absl::Status status = Create(server, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "QUOTA_UPLOADS");
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  EXPECT_TRUE(status.GetPayload("type.googleapis.com/google.rpc.QuotaFailure").has_value());
}

}  // namespace
}  // namespace octavo
