#include "server/metrics/metrics.h"

#include <string>
#include <utility>
#include <vector>

#include "octavo/v1/artifacts.pb.h"
#include "octavo/v1/datasets.pb.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/models.pb.h"
#include "octavo/v1/uploads.pb.h"

namespace octavo {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kRpcSeconds = {.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};
const Buckets kUploadSeconds = {.1, .5, 1, 5, 15, 60, 300, 1800};
const Buckets kUploadBytes = {0x1p16, 0x1p18, 0x1p20, 0x1p22, 0x1p24,
                              0x1p26, 0x1p28, 0x1p30, 0x1p32};
const Buckets kWaitSeconds = {.1, 1, 5, 15, 60, 300, 900, 3600, 14400};
const Buckets kJobSeconds = {1, 5, 15, 60, 300, 900, 3600, 14400};
const Buckets kStageSeconds = {.01, .1, .5, 1, 5, 15, 60, 300, 1800};
const Buckets kDropPoints = {0, .1, .25, .5, 1, 2, 5, 10, 30};
const Buckets kSizeRatio = {.2, .25, .3, .4, .5, .6, .8, 1};
const Buckets kLatencyRatio = {.2, .3, .4, .5, .7, .9, 1, 1.2, 2};
const Buckets kMemoryBytes = {0x1p26, 0x1p27, 0x1p28, 0x1p29, 0x1p30,
                              0x1p31, 0x1p32, 0x1p33, 0x1p34};
const Buckets kStoreSeconds = {.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5};

const std::vector<std::string> kCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
const std::vector<std::string> kUploadReasons = {
    "FIELD_INVALID", "DIGEST_MISMATCH", "CHECKSUM_MISMATCH", "OFFSET_MISMATCH",
    "DISK_FULL",     "QUOTA_UPLOADS",   "UPLOAD_COMPLETE",   "UPLOAD_BUSY"};
// As CreateJob's comment in the contract names them.
const std::vector<std::string> kJobReasons = {
    "FIELD_INVALID",     "TENSOR_MISMATCH",    "NOT_FINITE",         "LABEL_OUT_OF_RANGE",
    "DATASET_MALFORMED", "NOT_FLOAT",          "NOT_QUANTIZED",      "NOT_READY",
    "OP_UNSUPPORTED",    "NO_CALIBRATION",     "BLOB_MISSING",       "QUEUE_FULL",
    "QUARANTINED",       "REQUEST_ID_REUSED",  "DRAINING",           "INSPECTOR_BUSY",
    "OVERLOADED",        "INSPECTION_CRASHED", "ENGINE_UNAVAILABLE", "INSPECTION_TOO_COSTLY",
    "STORE_DOWN",        "DISK_FULL"};
const std::vector<std::string> kRetryReasons = {
    "crash", "out_of_memory", "killed", "lost_worker", "store", "engine", "handed_back"};
const std::vector<std::string> kSchemes = {"float32", "float16", "dynamic-int8", "int8", "int16x8"};

std::string TypeName(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) return method.server_streaming() ? "bidi_stream" : "client_stream";
  return method.server_streaming() ? "server_stream" : "unary";
}

// Every method of the contract, by its path.
MetricDimension Methods(bool with_type) {
  MetricDimension methods;
  auto add = [&](const std::string& path, prometheus::Labels labels, const std::string& type) {
    if (with_type) labels["grpc_type"] = type;
    methods.values.push_back({path, std::move(labels)});
  };
  for (const auto* message :
       {v1::Upload::descriptor(), v1::Model::descriptor(), v1::Dataset::descriptor(),
        v1::Job::descriptor(), v1::DownloadArtifactRequest::descriptor()}) {
    const google::protobuf::ServiceDescriptor& service = *message->file()->service(0);
    for (int i = 0; i < service.method_count(); ++i) {
      const auto& method = *service.method(i);
      add("/" + service.full_name() + "/" + method.name(),
          {{"grpc_service", service.full_name()}, {"grpc_method", method.name()}},
          TypeName(method));
    }
  }
  add("other", {{"grpc_service", "other"}, {"grpc_method", "other"}}, "other");
  return methods;
}

// Builders of one family each, so that the constructor reads as the table it is.
struct Families {
  prometheus::Registry& registry;

  Counters Counter(const char* name, const char* help, std::vector<MetricDimension> by = {}) {
    return {prometheus::BuildCounter().Name(name).Help(help).Register(registry), std::move(by)};
  }
  Gauges Gauge(const char* name, const char* help, std::vector<MetricDimension> by = {}) {
    return {prometheus::BuildGauge().Name(name).Help(help).Register(registry), std::move(by)};
  }
  Histograms Histogram(const char* name, const char* help, const Buckets& buckets,
                       std::vector<MetricDimension> by = {}) {
    return {prometheus::BuildHistogram().Name(name).Help(help).Register(registry), std::move(by),
            buckets};
  }
};

MetricDimension Kind() { return Label("kind", {"model", "dataset"}); }
MetricDimension Outcome() {
  return ClosedLabel(
      "outcome", {"succeeded", "goals_missed", "partial", "failed", "cancelled", "quarantined"});
}
MetricDimension Scheme() { return Label("scheme", kSchemes); }
MetricDimension Stage() {
  return Label("stage", {"fetch", "import", "calibrate", "quantize", "evaluate", "benchmark",
                         "report", "store"});
}
MetricDimension StageScheme() {
  std::vector<std::string> schemes = kSchemes;
  schemes.push_back("none");
  return Label("scheme", schemes);
}
MetricDimension StoreOp() { return ClosedLabel("op", {"put", "open", "touch", "delete", "list"}); }
MetricDimension TxOp() { return ClosedLabel("op", {"read", "write"}); }

}  // namespace

Metrics::Metrics()
    : registry(std::make_shared<prometheus::Registry>()),
      grpc_started(
          Families{*registry}.Counter("grpc_server_started_total", "RPCs begun.", {Methods(true)})),
      grpc_handled(Families{*registry}.Counter("grpc_server_handled_total",
                                               "RPCs ended, by status.",
                                               {Methods(true), Label("grpc_code", kCodes)})),
      grpc_handling(Families{*registry}.Histogram("grpc_server_handling_seconds",
                                                  "Time from an RPC's begin to its end.",
                                                  kRpcSeconds, {Methods(false)})),
      grpc_in_flight(Families{*registry}.Gauge("grpc_server_in_flight", "RPCs begun and not ended.",
                                               {Methods(false)})),
      upload_bytes(Families{*registry}.Counter("octavo_upload_bytes_total",
                                               "Bytes received and kept.", {Kind()})),
      download_bytes(Families{*registry}.Counter("octavo_download_bytes_total", "Bytes sent.",
                                                 {ClosedLabel("kind", {"artifact"})})),
      upload_duration(Families{*registry}.Histogram(
          "octavo_upload_duration_seconds", "Duration of upload streams.", kUploadSeconds,
          {Kind(), ClosedLabel("outcome", {"complete", "paused", "failed"})})),
      upload_size(Families{*registry}.Histogram(
          "octavo_upload_size_bytes", "Sizes of complete uploads.", kUploadBytes, {Kind()})),
      uploads_open(
          Families{*registry}.Gauge("octavo_uploads_open", "Uploads that are not complete.")),
      upload_resumes(Families{*registry}.Counter("octavo_upload_resumes_total",
                                                 "Upload streams that began behind offset 0.")),
      upload_rejected(Families{*registry}.Counter("octavo_upload_rejected_total",
                                                  "Uploads and chunks refused, by reason.",
                                                  {Label("reason", kUploadReasons)})),
      jobs_submitted(Families{*registry}.Counter("octavo_jobs_submitted_total", "Jobs queued.")),
      jobs_refused(Families{*registry}.Counter("octavo_jobs_refused_total",
                                               "Jobs refused at submission, by reason.",
                                               {Label("reason", kJobReasons)})),
      jobs_finished(Families{*registry}.Counter(
          "octavo_jobs_finished_total", "Jobs ended, by outcome and class of the reason.",
          {Outcome(), ClosedLabel("reason_class", {"none", "input", "crash", "oom", "timeout",
                                                   "infrastructure"})})),
      jobs(Families{*registry}.Gauge(
          "octavo_jobs", "Jobs in the store, by state.",
          {ClosedLabel("state", {"pending", "running", "succeeded", "failed", "cancelled"})})),
      queue_depth(Families{*registry}.Gauge("octavo_queue_depth", "Jobs that wait.")),
      queue_oldest_age(
          Families{*registry}.Gauge("octavo_queue_oldest_age_seconds",
                                    "Age of the job that waits longest; 0 where none waits.")),
      job_wait(Families{*registry}.Histogram(
          "octavo_job_wait_seconds", "Time from creation to the first lease.", kWaitSeconds)),
      job_duration(Families{*registry}.Histogram("octavo_job_duration_seconds",
                                                 "Time from the first lease to the end.",
                                                 kJobSeconds, {Outcome()})),
      stage_duration(Families{*registry}.Histogram("octavo_stage_duration_seconds",
                                                   "Time spent in a stage.", kStageSeconds,
                                                   {Stage(), StageScheme()})),
      job_retries(Families{*registry}.Counter(
          "octavo_job_retries_total",
          "Attempts that failed and were followed by another, by reason.",
          {Label("reason", kRetryReasons)})),
      lease_expired(
          Families{*registry}.Counter("octavo_lease_expired_total", "Leases that ran out.")),
      variants(Families{*registry}.Counter(
          "octavo_variants_total", "Variants reported, by what became of them.",
          {Scheme(), ClosedLabel("verdict", {"succeeded", "failed", "skipped"})})),
      variant_drop(Families{*registry}.Histogram(
          "octavo_variant_accuracy_drop_points",
          "Loss of top-1 accuracy against float32, percentage points.", kDropPoints, {Scheme()})),
      variant_size_ratio(Families{*registry}.Histogram("octavo_variant_size_ratio",
                                                       "Size of the file against float32's.",
                                                       kSizeRatio, {Scheme()})),
      variant_latency_ratio(Families{*registry}.Histogram("octavo_variant_latency_ratio",
                                                          "Median latency against float32's.",
                                                          kLatencyRatio, {Scheme()})),
      calibration_examples(
          Families{*registry}.Counter("octavo_calibration_examples_total",
                                      "Examples of calibration sets, summed over reports.")),
      evaluation_examples(
          Families{*registry}.Counter("octavo_evaluation_examples_total",
                                      "Examples used for evaluation, summed over variants.")),
      workers(Families{*registry}.Gauge("octavo_workers", "Worker slots, by state.",
                                        {ClosedLabel("state", {"idle", "busy"})})),
      worker_exits(Families{*registry}.Counter(
          "octavo_worker_exits_total", "Engine processes ended, by cause.",
          {Label("cause", {"ok", "error", "crash", "oom", "timeout", "killed", "cancelled",
                           "protocol", "start"})})),
      worker_max_rss(Families{*registry}.Histogram(
          "octavo_worker_max_rss_bytes", "Largest resident memory of engine processes.",
          kMemoryBytes, {ClosedLabel("work", {"optimize", "inspect", "validate"})})),
      store_op(Families{*registry}.Histogram(
          "octavo_store_op_seconds", "Time of operations on blobs.", kStoreSeconds, {StoreOp()})),
      store_errors(Families{*registry}.Counter("octavo_store_errors_total",
                                               "Failed operations on blobs.",
                                               {StoreOp(), Label("code", kCodes)})),
      store_free_bytes(
          Families{*registry}.Gauge("octavo_store_free_bytes", "Bytes free on the blobs' volume.")),
      db_tx(Families{*registry}.Histogram("octavo_db_tx_seconds", "Time of metadata transactions.",
                                          kStoreSeconds, {TxOp()})),
      db_errors(Families{*registry}.Counter("octavo_db_errors_total",
                                            "Transactions that the store failed.", {TxOp()})),
      db_wal_bytes(
          Families{*registry}.Gauge("octavo_db_wal_bytes", "Size of the write-ahead log.")),
      draining(Families{*registry}.Gauge("octavo_draining", "1 while the server ends.")) {}

void Metrics::SetBuildInfo(absl::string_view version, absl::string_view isa) {
  prometheus::BuildGauge()
      .Name("octavo_build_info")
      .Help("1; the labels say what runs.")
      .Register(*registry)
      .Add({{"version", std::string(version)}, {"isa", std::string(isa)}})
      .Set(1);
}

}  // namespace octavo
