// A server of the test's own process that keeps what it is sent and fails where it is told to.

#ifndef OCTAVO_TESTS_CLIENT_FAKE_SERVER_H_
#define OCTAVO_TESTS_CLIENT_FAKE_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "octavo/v1/artifacts.grpc.pb.h"
#include "octavo/v1/jobs.grpc.pb.h"
#include "octavo/v1/models.grpc.pb.h"
#include "octavo/v1/uploads.grpc.pb.h"

namespace octavo {

// One upload at a time. The members are for the test, before and after its calls.
class FakeUploads final : public v1::UploadService::Service {
 public:
  static constexpr int kChunkBytes = 4;

  // What goes wrong, each once; -1: nothing. Chunks are counted from 0 over all streams.
  int break_before_chunk = -1;      // the stream ends with UNAVAILABLE
  int damage_chunk = -1;            // a byte of it arrives changed
  bool drop_finish_answer = false;  // the upload is complete, and the answer is lost
  // What came.
  std::vector<int64_t> offsets;
  std::string bytes;
  v1::Upload upload;
  // Blobs that are there already, by digest.
  std::map<std::string, std::string> blobs;

  grpc::Status CreateUpload(grpc::ServerContext*, const v1::CreateUploadRequest* request,
                            v1::CreateUploadResponse* response) override;
  grpc::Status WriteUpload(grpc::ServerContext*, grpc::ServerReader<v1::WriteUploadRequest>* reader,
                           v1::WriteUploadResponse* response) override;
  grpc::Status GetUpload(grpc::ServerContext*, const v1::GetUploadRequest* request,
                         v1::GetUploadResponse* response) override;

 private:
  grpc::Status Append(v1::WriteUploadRequest request);

  int chunks_ = 0;
};

class FakeModels final : public v1::ModelService::Service {
 public:
  std::vector<v1::CreateModelRequest> requests;
  // How the next model ends, where it is rejected.
  google::rpc::Status error;

  grpc::Status CreateModel(grpc::ServerContext*, const v1::CreateModelRequest* request,
                           v1::CreateModelResponse* response) override;
};

// Jobs by request id, as the service promises.
class FakeJobs final : public v1::JobService::Service {
 public:
  int lose_create_answers = 0;  // queued, and then UNAVAILABLE
  int refuse_creates = 0;       // RESOURCE_EXHAUSTED, QUEUE_FULL
  absl::Duration retry_delay = absl::Seconds(10);
  std::vector<std::string> request_ids;
  std::map<std::string, v1::Job> queued;

  // WatchJob's job, its events numbered from 1, and the breaks: a stream ends with UNAVAILABLE
  // after the event of that number.
  v1::Job watched;
  std::vector<v1::JobEvent> events;
  std::vector<int64_t> break_after_events;
  std::vector<int64_t> after_numbers;

  grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                         v1::CreateJobResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext*, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override;
};

class FakeArtifacts final : public v1::ArtifactService::Service {
 public:
  static constexpr int kChunkBytes = 4;

  std::string bytes;
  int break_before_chunk = -1;
  int damage_chunk = -1;
  std::vector<int64_t> offsets;

  grpc::Status DownloadArtifact(grpc::ServerContext*, const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) override;

 private:
  int chunks_ = 0;
};

// All of them on a free port of the loopback.
class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  const std::string& address() const { return address_; }

  FakeUploads uploads;
  FakeModels models;
  FakeJobs jobs;
  FakeArtifacts artifacts;

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace octavo

#endif  // OCTAVO_TESTS_CLIENT_FAKE_SERVER_H_
