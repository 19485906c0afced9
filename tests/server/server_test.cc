// The whole server in this process, with an engine that obeys the file's first word.

#include "server/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "octavo/v1/jobs.grpc.pb.h"
#include "server/server_config.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;

Log& SilentLog() {
  static Log log(Log::Format::kJson, ::open("/dev/null", O_WRONLY | O_CLOEXEC));
  return log;
}

ServerConfig Config(const std::string& folder) {
  ServerConfig config;
  config.listen = "127.0.0.1:0";
  config.metrics_listen = "127.0.0.1:0";
  config.data_folder = folder + "/data";
  config.engine = OCTAVO_FAKE_ENGINE;
  return config;
}

std::unique_ptr<Server> StartServer(const ServerConfig& config) {
  auto server = Server::Start(config, SilentLog());
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

// A unary or half-closed call of a method whose messages have no generated code here.
std::string CallRaw(const std::string& address, const std::string& method,
                    const std::string& request, grpc::Status* status) {
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  wait();
  const grpc::Slice slice(request);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  wait();
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  const bool has_answer = wait();
  call->WritesDone(nullptr);
  wait();
  call->Finish(status, nullptr);
  wait();
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (has_answer && response.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) bytes.append(part.begin(), part.end());
  }
  return bytes;
}

// 1: SERVING, 2: NOT_SERVING; 0: the service is unknown.
int Health(const std::string& address, const std::string& service) {
  grpc::Status status;
  const std::string request = absl::StrCat("\x0a", std::string(1, service.size()), service);
  const std::string response = CallRaw(address, "/grpc.health.v1.Health/Check", request, &status);
  return response.size() == 2 ? response[1] : 0;
}

absl::StatusOr<v1::GetCapabilitiesResponse> Capabilities(const std::string& address) {
  const auto stub =
      v1::JobService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::GetCapabilitiesResponse response;
  const grpc::Status status = stub->GetCapabilities(&context, {}, &response);
  if (!status.ok()) return absl::UnknownError(status.error_message());
  return response;
}

TEST(Server, SaysWhatItsEngineIs) {
  const TemporaryFolder folder;
  const auto server = StartServer(Config(folder.path()));
  const auto capabilities = Capabilities(server->address());
  ASSERT_TRUE(capabilities.ok()) << capabilities.status();
  EXPECT_EQ(capabilities->cpu_class(), "paper");
  EXPECT_EQ(capabilities->operators(0), "CONV_2D");
  EXPECT_EQ(capabilities->sandbox(0), "none");
  EXPECT_EQ(capabilities->variants_size(), 17);
  EXPECT_EQ(capabilities->max_chunk_bytes(), 1 << 20);
  EXPECT_EQ(capabilities->max_queued_jobs(), 1000);
  EXPECT_GT(server->metrics_port(), 0);
}

TEST(Server, AnswersHealthChecksUntilItDrains) {
  const TemporaryFolder folder;
  const auto server = StartServer(Config(folder.path()));
  EXPECT_EQ(Health(server->address(), ""), 1);
  EXPECT_EQ(Health(server->address(), "liveness"), 1);
  EXPECT_EQ(Health(server->address(), "nobody"), 0);
  server->BeginDrain();
  EXPECT_EQ(Health(server->address(), ""), 2);
  EXPECT_EQ(Health(server->address(), "liveness"), 1);
  EXPECT_TRUE(server->idle());
  server->Stop();
}

TEST(Server, DescribesItsServices) {
  const TemporaryFolder folder;
  const auto server = StartServer(Config(folder.path()));
  grpc::Status status;
  // ServerReflectionRequest{list_services: ""}.
  const std::string response =
      CallRaw(server->address(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x00", 2), &status);
  for (const char* service :
       {"UploadService", "ModelService", "DatasetService", "JobService", "ArtifactService"}) {
    EXPECT_THAT(response, HasSubstr(absl::StrCat("octavo.v1.", service)));
  }
}

TEST(Server, HasItsFolderAlone) {
  const TemporaryFolder folder;
  const auto server = StartServer(Config(folder.path()));
  const auto second = Server::Start(Config(folder.path()), SilentLog());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(second.status()), "FOLDER_IN_USE");
  EXPECT_TRUE(Capabilities(server->address()).ok());
}

TEST(Server, StartsAgainOnWhatItLeft) {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) {
    const auto server = StartServer(Config(folder.path()));
    ASSERT_NE(server, nullptr);
    EXPECT_TRUE(Capabilities(server->address()).ok());
  }
}

TEST(Server, SharesNoPort) {
  const TemporaryFolder one, two;
  const auto server = StartServer(Config(one.path()));
  ServerConfig config = Config(two.path());
  config.listen = server->address();
  EXPECT_EQ(Server::Start(config, SilentLog()).status().code(), absl::StatusCode::kUnavailable);
}

TEST(Server, NeedsAnEngine) {
  const TemporaryFolder folder;
  ServerConfig config = Config(folder.path());
  config.engine = folder / "none";
  const auto server = Server::Start(config, SilentLog());
  EXPECT_EQ(server.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("octavo-engine"));
}

TEST(CheckServerConfig, RefusesAddressesThatOthersReach) {
  for (const char* address : {"0.0.0.0:8470", "[::]:8470", "10.0.0.1:0", "example:1"}) {
    ServerConfig config = Config("/tmp");
    config.listen = address;
    EXPECT_EQ(CheckServerConfig(config).code(), absl::StatusCode::kInvalidArgument) << address;
    config.insecure = true;
    EXPECT_EQ(CheckServerConfig(config), absl::OkStatus()) << address;
  }
  for (const char* address : {"127.0.0.1:0", "localhost:8470", "[::1]:8470", "127.8.9.1:1"}) {
    ServerConfig config = Config("/tmp");
    config.listen = address;
    EXPECT_EQ(CheckServerConfig(config), absl::OkStatus()) << address;
  }
  for (const char* address :
       {"", "localhost", ":1", "localhost:", "localhost:x", "localhost:70000", "localhost:-1"}) {
    ServerConfig config = Config("/tmp");
    config.listen = address;
    EXPECT_EQ(CheckServerConfig(config).code(), absl::StatusCode::kInvalidArgument) << address;
  }
}

int ExitOf(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "octavod");
  const auto parsed = ParseServerConfig(static_cast<int>(arguments.size()), arguments.data());
  const int* status = std::get_if<int>(&parsed);
  return status == nullptr ? -1 : *status;
}

TEST(ParseServerConfig, UnderstandsItsFlags) {
  const char* const arguments[] = {"octavod",
                                   "--listen",
                                   "127.0.0.1:1",
                                   "--data",
                                   "/d",
                                   "--workers",
                                   "3",
                                   "--max-upload-bytes",
                                   "2GiB",
                                   "--drain-timeout",
                                   "1.5",
                                   "--log-format",
                                   "text",
                                   "--metrics-listen",
                                   "",
                                   "--engine-memory",
                                   "512MiB"};
  const auto parsed = ParseServerConfig(std::size(arguments), arguments);
  ASSERT_TRUE(std::holds_alternative<ServerConfig>(parsed));
  const auto& config = std::get<ServerConfig>(parsed);
  EXPECT_EQ(config.listen, "127.0.0.1:1");
  EXPECT_EQ(config.data_folder, "/d");
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.max_upload_bytes, int64_t{2} << 30);
  EXPECT_EQ(config.engine_memory_bytes, int64_t{512} << 20);
  EXPECT_EQ(config.drain_timeout, absl::Milliseconds(1500));
  EXPECT_EQ(config.log_format, Log::Format::kText);
  EXPECT_EQ(config.metrics_listen, "");
}

TEST(ParseServerConfig, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(ExitOf({"--help"}), 0);
  EXPECT_EQ(ExitOf({"--version"}), 0);
  EXPECT_EQ(ExitOf({"--nonsense"}), 2);
  EXPECT_EQ(ExitOf({"--workers", "0"}), 2);
  EXPECT_EQ(ExitOf({"--max-queued-jobs", "0"}), 2);
  EXPECT_EQ(ExitOf({"--max-upload-bytes", "-1"}), 2);
  EXPECT_EQ(ExitOf({"--drain-timeout", "-1"}), 2);
  EXPECT_EQ(ExitOf({"--log-format", "xml"}), 2);
}

}  // namespace
}  // namespace octavo
