#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/engine/engine_process.h"
#include "server/api/api_context.h"
#include "server/api/artifact_service.h"
#include "server/api/dataset_service.h"
#include "server/api/io_pool.h"
#include "server/api/job_service.h"
#include "server/api/model_service.h"
#include "server/api/upload_service.h"
#include "server/blobs/blob_sweeper.h"
#include "server/blobs/local_blob_store.h"
#include "server/jobs/job_queue.h"
#include "server/jobs/usual_variants.h"
#include "server/metered_blob_store.h"
#include "server/metered_store.h"
#include "server/metrics/job_metrics.h"
#include "server/metrics/metrics.h"
#include "server/metrics/metrics_endpoint.h"
#include "server/store/sqlite_store.h"
#include "server/worker/inspector.h"
#include "server/worker/worker.h"

namespace octavo {
namespace {

// RPCs wait for the disk on these, engines on those; both are bounded, so that a flood is refused
// and not kept.
constexpr int kIoThreads = 8;
constexpr int kMaxQueuedRpcs = 1024;
constexpr int kInspections = 2;
constexpr int kMaxStreams = 500;
// Of gRPC's buffers, all connections together.
constexpr size_t kMaxBufferBytes = 128 << 20;
constexpr int kMaxQueuedInspections = 64;
constexpr absl::Duration kValidateLimit = absl::Seconds(20);
constexpr absl::Duration kDescribeLimit = absl::Seconds(20);
constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

// The health service's name for liveness probes: it stays SERVING while the server drains.
constexpr char kLiveness[] = "liveness";

constexpr int kMaxConcurrentStreams = 256;  // of one connection
constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kMinPingIntervalMs = 10'000;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data folder ", folder, " cannot be made: ", error.message()));
  }
  // What is kept is nobody else's: models and data may be confidential. A folder that was there is
  // somebody's choice, and a volume's root belongs to root.
  if (is_new) ::chmod(folder.c_str(), 0700);
  if (::access(folder.c_str(), W_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data folder ", folder, " cannot be written"));
  }
  return absl::OkStatus();
}

std::string HostName() {
  std::array<char, 256> name = {};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "worker";
}

// What the engine says of itself, and what keeps it in. That it can be started is known after this.
struct EngineFacts {
  engine::v1::EngineDescription description;
  std::vector<std::string> sandbox;
};

absl::StatusOr<EngineFacts> DescribeEngine(const ServerConfig& config) {
  engine::v1::EngineRequest request;
  request.mutable_describe();
  request.set_require_sandbox(config.require_sandbox);
  EngineOptions options;
  options.program = config.engine;
  options.timeout = kDescribeLimit;
  EngineExit exit = RunEngine(request, {}, options);
  RETURN_IF_ERROR(exit.status, "octavo-engine");
  return EngineFacts{std::move(*exit.result.mutable_description()), std::move(exit.sandbox)};
}

JobQueueObserver CountQueue(Metrics& metrics, Log& log) {
  JobQueueObserver observer;
  observer.on_submitted = [&] { metrics.jobs_submitted.At({}).Increment(); };
  observer.on_lease_expired = [&] { metrics.lease_expired.At({}).Increment(); };
  observer.on_retry = [&](FailureKind kind) {
    metrics.job_retries.At({FailureName(kind)}).Increment();
  };
  observer.on_started = [&](absl::Duration wait) {
    metrics.job_wait.At({}).Observe(absl::ToDoubleSeconds(wait));
  };
  observer.on_report = [&](const v1::Report& report) { CountReport(report, metrics); };
  observer.on_ended = [&](const v1::Job& job, bool quarantined) {
    CountJobEnd(job, quarantined, metrics);
    Log::Fields fields = {{"job", job.name()}, {"state", v1::Job::State_Name(job.state())}};
    if (job.has_error()) {
      fields.emplace_back("reason", ReasonOf(FromRpcStatus(job.error())));
      fields.emplace_back("error", job.error().message());
    }
    log.Info("job ended", fields);
  };
  return observer;
}

WorkerObserver CountWorker(Metrics& metrics, int slots) {
  WorkerObserver observer;
  observer.on_exit = [&](absl::string_view cause, int64_t peak_memory_bytes) {
    metrics.worker_exits.At({cause}).Increment();
    metrics.worker_max_rss.At({"optimize"}).Observe(static_cast<double>(peak_memory_bytes));
  };
  observer.on_stage = [&](v1::Stage stage, absl::string_view variant, absl::Duration duration) {
    CountStage(stage, variant, duration, metrics);
  };
  observer.on_busy = [&metrics, slots](int busy) {
    metrics.workers.At({"busy"}).Set(busy);
    metrics.workers.At({"idle"}).Set(slots - busy);
  };
  return observer;
}

v1::GetCapabilitiesResponse Capabilities(const ServerConfig& config, const EngineFacts& engine,
                                         int32_t max_chunk_bytes) {
  v1::GetCapabilitiesResponse response;
  response.set_version(OCTAVO_VERSION);
  for (const v1::VariantCapability& variant : KnownVariants()) *response.add_variants() = variant;
  *response.mutable_operators() = engine.description.operators();
  *response.mutable_int8_operators() = engine.description.int8_operators();
  response.set_max_upload_bytes(config.max_upload_bytes);
  response.set_max_chunk_bytes(max_chunk_bytes);
  response.set_max_queued_jobs(config.max_queued_jobs);
  response.set_workers(config.workers);
  response.set_cpu_class(engine.description.cpu_class());
  response.mutable_sandbox()->Assign(engine.sandbox.begin(), engine.sandbox.end());
  return response;
}

void SetLimits(grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("octavod");
  builder.SetResourceQuota(quota.Resize(kMaxBufferBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // Clients that watch for hours may ping; the default would send them away for it.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // A second server on the same port is a mistake, not a way to share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A small message must not become a large one after the size was checked.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
}

// The parts stand in the order in which they are built; they end in the opposite one.
class EmbeddedServer : public Server {
 public:
  EmbeddedServer(const ServerConfig& config, Log& log) : config_(config), log_(log) {}
  ~EmbeddedServer() override { Stop(); }

  absl::Status Build() {
    RETURN_IF_ERROR(MakeFolder(config_.data_folder));
    ASSIGN_OR_RETURN(const EngineFacts engine, DescribeEngine(config_));
    metrics_.SetBuildInfo(OCTAVO_VERSION, engine.description.cpu_class());
    RETURN_IF_ERROR(OpenStores());
    RETURN_IF_ERROR(StartWork(engine));
    BuildApi(engine);
    RETURN_IF_ERROR(Serve());
    return ServeMetrics();
  }

  std::string address() const override {
    return absl::StrCat(config_.listen.substr(0, config_.listen.rfind(':')), ":", port_);
  }
  int metrics_port() const override { return endpoint_ == nullptr ? 0 : endpoint_->port(); }

  void BeginDrain() override {
    // Nobody is to send anything new; but a process that ends in order is not a sick one.
    server_->GetHealthCheckService()->SetServingStatus(false);
    server_->GetHealthCheckService()->SetServingStatus(kLiveness, true);
    metrics_.draining.At({}).Set(1);
    queue_->Drain();
  }

  bool idle() const override { return worker_->busy_slots() == 0; }

  void Stop() override {
    if (queue_ != nullptr) queue_->Drain();
    // An RPC that waits for an engine would outlast the pod's grace.
    if (inspector_ != nullptr) inspector_->Stop();
    if (worker_ != nullptr) worker_->Drain(absl::ZeroDuration());
    if (server_ == nullptr) return;
    server_->Shutdown(absl::ToChronoTime(absl::Now() + kShutdownGrace));
    server_->Wait();
    server_.reset();
  }

 private:
  absl::Status OpenStores() {
    ASSIGN_OR_RETURN(sqlite_, OpenSqliteStore(config_.data_folder));
    store_ = std::make_unique<MeteredStore>(*sqlite_, metrics_);
    ASSIGN_OR_RETURN(local_blobs_,
                     OpenLocalBlobStore(config_.data_folder + "/blobs", Clock::System()));
    blobs_ = std::make_unique<MeteredBlobStore>(*local_blobs_, metrics_);
    return absl::OkStatus();
  }

  absl::Status StartWork(const EngineFacts& engine) {
    JobQueueOptions queue_options;
    queue_options.max_queued_jobs = config_.max_queued_jobs;
    queue_options.engine_build = engine.description.engine_build();
    queue_options.observer = CountQueue(metrics_, log_);
    ASSIGN_OR_RETURN(queue_, JobQueue::Create(*store_, Clock::System(), std::move(queue_options)));

    InspectorOptions inspector_options;
    inspector_options.engine_program = config_.engine;
    inspector_options.max_concurrent = kInspections;
    inspector_options.validate_time_limit = kValidateLimit;
    inspector_options.validate_memory_limit_bytes = config_.engine_memory_bytes;
    inspector_options.require_sandbox = config_.require_sandbox;
    inspector_options.on_exit = [this](absl::string_view work, int64_t peak_memory_bytes) {
      metrics_.worker_max_rss.At({work}).Observe(static_cast<double>(peak_memory_bytes));
    };
    inspector_ = std::make_unique<Inspector>(*blobs_, std::move(inspector_options));

    WorkerOptions worker_options;
    worker_options.name = HostName();
    worker_options.slots = config_.workers;
    worker_options.work_folder = config_.data_folder + "/work";
    worker_options.engine_program = config_.engine;
    worker_options.memory_limit_bytes = config_.engine_memory_bytes;
    worker_options.require_sandbox = config_.require_sandbox;
    if (config_.cache_bytes > 0) {
      ASSIGN_OR_RETURN(
          worker_options.statistics_cache,
          StatisticsCache::Open(config_.data_folder + "/statistics", config_.cache_bytes));
    }
    worker_options.observer = CountWorker(metrics_, config_.workers);
    metrics_.workers.At({"idle"}).Set(config_.workers);
    ASSIGN_OR_RETURN(worker_, Worker::Start(*queue_, *blobs_, std::move(worker_options)));
    SweepOptions sweep_options;
    sweep_options.upload_lifetime = ApiOptions().upload_lifetime;
    sweeper_ = std::make_unique<BlobSweeper>(*store_, *blobs_, Clock::System(), sweep_options);
    return absl::OkStatus();
  }

  void BuildApi(const EngineFacts& engine) {
    io_ = std::make_unique<IoPool>(kIoThreads, kMaxQueuedRpcs);
    // One more than engines: a validation that waits for another keeps no inspection from running.
    inspections_ = std::make_unique<IoPool>(kInspections + 1, kMaxQueuedInspections);
    ApiOptions options;
    options.max_upload_bytes = config_.max_upload_bytes;
    options.capabilities = Capabilities(config_, engine, options.max_chunk_bytes);
    api_ = std::make_unique<ApiContext>(ApiContext{.store = *store_,
                                                   .blobs = *blobs_,
                                                   .queue = *queue_,
                                                   .inspector = *inspector_,
                                                   .metrics = metrics_,
                                                   .clock = Clock::System(),
                                                   .log = log_,
                                                   .io = *io_,
                                                   .inspections = *inspections_,
                                                   .streams = streams_,
                                                   .options = std::move(options)});
    services_.push_back(std::make_unique<UploadService>(*api_));
    services_.push_back(std::make_unique<ModelService>(*api_));
    services_.push_back(std::make_unique<DatasetService>(*api_));
    services_.push_back(std::make_unique<JobService>(*api_));
    services_.push_back(std::make_unique<ArtifactService>(*api_));
  }

  absl::Status Serve() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    SetLimits(builder);
    builder.AddListeningPort(config_.listen, grpc::InsecureServerCredentials(), &port_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", config_.listen));
    }
    server_->GetHealthCheckService()->SetServingStatus(kLiveness, true);
    return absl::OkStatus();
  }

  absl::Status ServeMetrics() {
    if (config_.metrics_listen.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(endpoint_, MetricsEndpoint::Start(config_.metrics_listen, metrics_,
                                                       [this] { RefreshGauges(); }));
    return absl::OkStatus();
  }

  // Before a scrape. What cannot be read keeps its last value: the store's errors are counted where
  // they happen.
  void RefreshGauges() {
    if (const auto counts = queue_->Counts(); counts.ok()) SetJobGauges(*counts);
    if (const auto free_bytes = blobs_->FreeBytes(); free_bytes.ok()) {
      metrics_.store_free_bytes.At({}).Set(static_cast<double>(*free_bytes));
    }
    store_
        ->Read([&](StoreReader& reader) -> absl::Status {
          ASSIGN_OR_RETURN(const int64_t open, reader.CountOpenUploads());
          metrics_.uploads_open.At({}).Set(static_cast<double>(open));
          return absl::OkStatus();
        })
        .IgnoreError();
    std::error_code error;
    const auto wal_bytes =
        std::filesystem::file_size(config_.data_folder + "/octavo.db-wal", error);
    if (!error) metrics_.db_wal_bytes.At({}).Set(static_cast<double>(wal_bytes));
  }

  void SetJobGauges(const QueueCounts& counts) {
    const auto count = [&](v1::Job::State state) {
      const auto found = counts.jobs.find(state);
      return found == counts.jobs.end() ? 0.0 : static_cast<double>(found->second);
    };
    metrics_.jobs.At({"pending"}).Set(count(v1::Job::STATE_PENDING));
    metrics_.jobs.At({"running"}).Set(count(v1::Job::STATE_RUNNING));
    metrics_.jobs.At({"succeeded"}).Set(count(v1::Job::STATE_SUCCEEDED));
    metrics_.jobs.At({"failed"}).Set(count(v1::Job::STATE_FAILED));
    metrics_.jobs.At({"cancelled"}).Set(count(v1::Job::STATE_CANCELLED));
    metrics_.queue_depth.At({}).Set(count(v1::Job::STATE_PENDING));
    const absl::Duration age =
        counts.oldest_pending ? absl::Now() - *counts.oldest_pending : absl::ZeroDuration();
    metrics_.queue_oldest_age.At({}).Set(std::max(0.0, absl::ToDoubleSeconds(age)));
  }

  const ServerConfig config_;
  Log& log_;
  Metrics metrics_;
  std::unique_ptr<MetadataStore> sqlite_;
  std::unique_ptr<MeteredStore> store_;
  std::unique_ptr<BlobStore> local_blobs_;
  std::unique_ptr<MeteredBlobStore> blobs_;
  std::unique_ptr<JobQueue> queue_;
  std::unique_ptr<Inspector> inspector_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<BlobSweeper> sweeper_;
  StreamLimit streams_{kMaxStreams};
  std::unique_ptr<ApiContext> api_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  // After what their tasks use.
  std::unique_ptr<IoPool> io_;
  std::unique_ptr<IoPool> inspections_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<MetricsEndpoint> endpoint_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerConfig& config, Log& log) {
  RETURN_IF_ERROR(CheckServerConfig(config));
  auto server = std::make_unique<EmbeddedServer>(config, log);
  RETURN_IF_ERROR(server->Build());
  return server;
}

}  // namespace octavo
