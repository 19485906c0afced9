#include "server/worker/inspector.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/engine/engine_process.h"
#include "server/jobs/job_queue.h"
#include "server/worker/exit_cause.h"
#include "server/worker/open_blob.h"

namespace octavo {
namespace {

constexpr int kModelFd = kFirstInheritedFd;
constexpr int kCalibrationFd = kFirstInheritedFd + 1;
constexpr int kEvaluationFd = kFirstInheritedFd + 2;
// What inspection tells becomes a row and an answer of gRPC's, which are not to be large.
constexpr size_t kMaxInfoBytes = 1 << 20;
constexpr int64_t kMaxMessageBytes = 16 << 20;
constexpr absl::Duration kRetryDelay = absl::Seconds(5);
// Inspecting writes nothing.
constexpr int64_t kFileLimitBytes = 1 << 20;

void SetFile(engine::v1::DataFile& file, int fd, absl::string_view name, absl::string_view digest) {
  file.set_fd(fd);
  file.set_name(std::string(name));
  file.set_digest(std::string(digest));
}

absl::Status Verdict(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::InvalidArgumentError(message), reason);
}

absl::Status CheckInfoSize(const google::protobuf::Message& info) {
  if (info.ByteSizeLong() <= kMaxInfoBytes) return absl::OkStatus();
  return Verdict("INSPECTION_TOO_COSTLY",
                 absl::StrCat("there is too much in the file: to name it takes ",
                              info.ByteSizeLong(), " bytes, at most ", kMaxInfoBytes));
}

// An engine's end as an answer about the file, or as none.
absl::Status StatusOf(const EngineExit& exit, bool started) {
  if (exit.status.ok()) return absl::OkStatus();
  switch (FailureOf(exit, started)) {
    case FailureKind::kCrash:
      return Verdict("INSPECTION_CRASHED",
                     absl::StrCat("the file cannot be read: ", exit.status.message()));
    case FailureKind::kOutOfMemory:
    case FailureKind::kLimit:
      return Verdict("INSPECTION_TOO_COSTLY",
                     absl::StrCat("the file takes too much to read: ", exit.status.message()));
    case FailureKind::kInput:
      return exit.status;
    default:
      return WithRetryDelay(
          WithReason(absl::UnavailableError(
                         absl::StrCat("the file could not be inspected: ", exit.status.message())),
                     "ENGINE_UNAVAILABLE"),
          kRetryDelay);
  }
}

}  // namespace

Inspector::Inspector(BlobStore& blobs, InspectorOptions options)
    : blobs_(blobs), options_(std::move(options)) {}

absl::StatusOr<engine::v1::EngineResult> Inspector::Run(engine::v1::EngineRequest request,
                                                        const ValidateInputs& inputs,
                                                        absl::Duration time_limit,
                                                        int64_t memory_limit_bytes) {
  const bool is_validation = request.has_validate();
  {
    const absl::MutexLock lock(&mutex_);
    const auto has_room = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return stopping_ || (running_ < options_.max_concurrent && !(is_validation && validating_));
    };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&has_room), options_.max_wait)) {
      return WithRetryDelay(
          WithReason(absl::ResourceExhaustedError("too many files are being inspected"),
                     "INSPECTOR_BUSY"),
          kRetryDelay);
    }
    if (stopping_) return DrainingError();
    ++running_;
    if (is_validation) validating_ = true;
  }
  const absl::Cleanup leave = [&] {
    const absl::MutexLock lock(&mutex_);
    --running_;
    if (is_validation) validating_ = false;
  };

  std::vector<OpenedBlob> blobs;
  std::vector<InheritedFd> fds;
  const std::pair<const std::string*, int> wanted[] = {{&inputs.model_digest, kModelFd},
                                                       {&inputs.calibration_digest, kCalibrationFd},
                                                       {&inputs.evaluation_digest, kEvaluationFd}};
  for (const auto& [digest, fd] : wanted) {
    if (digest->empty()) continue;
    ASSIGN_OR_RETURN(OpenedBlob blob, OpenBlob(blobs_, *digest));
    fds.push_back({blob.fd.get(), fd});
    blobs.push_back(std::move(blob));
  }

  request.set_memory_limit_bytes(memory_limit_bytes);
  // Of all its threads together.
  request.set_cpu_limit_seconds(std::max<int64_t>(1, absl::ToInt64Seconds(time_limit)) *
                                NumProcessors());
  request.set_file_limit_bytes(kFileLimitBytes);
  request.set_require_sandbox(options_.require_sandbox);
  bool started = false;
  EngineOptions engine;
  engine.program = options_.engine_program;
  engine.timeout = time_limit;
  engine.memory_limit_bytes = memory_limit_bytes;
  engine.max_message_bytes = kMaxMessageBytes;
  engine.cancelled = &stopping_;
  engine.on_start = [&](int) { started = true; };
  EngineExit exit = RunEngine(request, fds, engine);
  if (started && options_.on_exit) {
    options_.on_exit(is_validation ? "validate" : "inspect", exit.peak_memory_bytes);
  }
  if (stopping_ && absl::IsCancelled(exit.status)) return DrainingError();
  RETURN_IF_ERROR(StatusOf(exit, started));
  return std::move(exit.result);
}

absl::StatusOr<v1::ModelInfo> Inspector::InspectModel(absl::string_view digest,
                                                      absl::string_view display_name) {
  engine::v1::EngineRequest request;
  SetFile(*request.mutable_inspect_model()->mutable_model(), kModelFd, display_name, digest);
  ASSIGN_OR_RETURN(
      engine::v1::EngineResult result,
      Run(std::move(request),
          {.model_digest = std::string(digest), .calibration_digest = {}, .evaluation_digest = {}},
          options_.time_limit, options_.memory_limit_bytes));
  RETURN_IF_ERROR(CheckInfoSize(result.model_info()));
  return std::move(*result.mutable_model_info());
}

absl::StatusOr<v1::DatasetInfo> Inspector::InspectDataset(absl::string_view digest,
                                                          absl::string_view display_name) {
  engine::v1::EngineRequest request;
  SetFile(*request.mutable_inspect_dataset()->mutable_dataset(), kCalibrationFd, display_name,
          digest);
  ASSIGN_OR_RETURN(
      engine::v1::EngineResult result,
      Run(std::move(request),
          {.model_digest = {}, .calibration_digest = std::string(digest), .evaluation_digest = {}},
          options_.time_limit, options_.memory_limit_bytes));
  RETURN_IF_ERROR(CheckInfoSize(result.dataset_info()));
  return std::move(*result.mutable_dataset_info());
}

absl::StatusOr<v1::Report> Inspector::Validate(const v1::OptimizeSpec& spec,
                                               const ValidateInputs& inputs) {
  engine::v1::EngineRequest request;
  engine::v1::ValidateWork& work = *request.mutable_validate();
  *work.mutable_spec() = spec;
  SetFile(*work.mutable_model(), kModelFd, spec.model(), inputs.model_digest);
  if (!inputs.calibration_digest.empty()) {
    SetFile(*work.mutable_calibration(), kCalibrationFd, spec.calibration().dataset(),
            inputs.calibration_digest);
  }
  if (!inputs.evaluation_digest.empty()) {
    SetFile(*work.mutable_evaluation(), kEvaluationFd, spec.evaluation().dataset(),
            inputs.evaluation_digest);
  }
  ASSIGN_OR_RETURN(engine::v1::EngineResult result,
                   Run(std::move(request), inputs, options_.validate_time_limit,
                       options_.validate_memory_limit_bytes));
  return std::move(*result.mutable_report());
}

void Inspector::Stop() {
  // With the lock, so that who waits looks at it.
  const absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

bool Inspector::IsVerdict(const absl::Status& error) {
  // Of the store, and not of the file.
  if (ReasonOf(error) == "BLOB_MISSING") return false;
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace octavo
