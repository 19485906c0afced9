#include "server/worker/job_run.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/log/log.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"
#include "core/engine/benchmark_lock.h"
#include "core/engine/engine_process.h"
#include "server/jobs/usual_variants.h"
#include "server/worker/exit_cause.h"
#include "server/worker/open_blob.h"

namespace octavo {
namespace {

constexpr int kModelFd = kFirstInheritedFd;
constexpr int kCalibrationFd = kFirstInheritedFd + 1;
constexpr int kEvaluationFd = kFirstInheritedFd + 2;
constexpr int kOutputFd = kFirstInheritedFd + 3;
constexpr int kBenchmarkLockFd = kFirstInheritedFd + 4;

constexpr int64_t kCopyBytes = 1 << 20;
// Of what an engine says: a message, a variant that is kept for a retry, and a report, which must
// fit into an answer of gRPC's (4 MiB).
constexpr int64_t kMaxMessageBytes = 16 << 20;
constexpr size_t kMaxVariantBytes = 4 << 20;
constexpr size_t kMaxReportBytes = 3584 << 10;
constexpr size_t kMaxVariantNameBytes = 64;
constexpr int kCommitTries = 3;
constexpr absl::Duration kCommitDelay = absl::Milliseconds(200);

// What an engine may call a file: no path, nothing hidden.
bool IsFileName(absl::string_view name) {
  return !name.empty() && name.size() <= 128 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

absl::Status BadResult(absl::string_view problem) {
  return WithReason(absl::DataLossError(absl::StrCat("the engine's result: ", problem)),
                    "ENGINE_PROTOCOL");
}

// Leaves out of a report that is too large what only report.json needs to have.
absl::Status ShortenReport(v1::Report& report) {
  if (report.recommended_variant().size() > kMaxVariantNameBytes) {
    return BadResult("the recommended variant's name is too long");
  }
  if (report.ByteSizeLong() <= kMaxReportBytes) return absl::OkStatus();
  for (v1::VariantReport& variant : *report.mutable_variants()) variant.clear_operators();
  v1::Warning& warning = *report.add_warnings();
  warning.set_reason("OPERATORS_LEFT_OUT");
  warning.set_message("the report is too large with its operators; report.json has them");
  if (report.ByteSizeLong() <= kMaxReportBytes) return absl::OkStatus();
  return BadResult(absl::StrCat("the report has ", report.ByteSizeLong(), " bytes, at most ",
                                kMaxReportBytes, " are taken"));
}

// A folder that is gone with all that is in it when this is.
class WorkFolder {
 public:
  static absl::StatusOr<WorkFolder> Make(std::string path) {
    if (::mkdir(path.c_str(), 0700) != 0) return ErrnoStatus(errno, "making the work folder");
    WorkFolder folder(std::move(path));
    folder.fd_ = UniqueFd(::open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.fd_.valid()) return ErrnoStatus(errno, "opening the work folder");
    return folder;
  }
  WorkFolder(WorkFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")), fd_(std::move(other.fd_)) {}
  ~WorkFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
    if (error) LOG(WARNING) << "a work folder is left: " << error.message();
  }

  int fd() const { return fd_.get(); }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  UniqueFd fd_;
};

// A copy, never a link: the engine may write to what lies in its folder.
absl::Status CopyInto(const OpenedBlob& blob, int folder_fd, const std::string& name) {
  const UniqueFd file(
      ::openat(folder_fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoStatus(errno, "copying a finished variant");
  std::vector<uint8_t> bytes;
  for (int64_t offset = 0; offset < blob.size_bytes; offset += bytes.size()) {
    bytes.resize(std::min(kCopyBytes, blob.size_bytes - offset));
    RETURN_IF_ERROR(ReadAt(blob.fd.get(), offset, bytes));
    RETURN_IF_ERROR(WriteAll(file.get(), bytes));
  }
  return absl::OkStatus();
}

// What an attempt's failure says when it is not the engine's.
struct RunError {
  FailureKind kind = FailureKind::kStore;
  absl::Status status;
};

// An attempt while it runs. Not thread-safe: its slot's.
class JobRun {
 public:
  JobRun(JobQueue& queue, BlobStore& blobs, const WorkerOptions& options, const ActiveJob& active)
      : queue_(queue),
        blobs_(blobs),
        options_(options),
        active_(active),
        lease_(active.lease),
        variant_names_(VariantNames(lease_.job.spec())) {}

  void Run() {
    const RunError error = TryRun();
    if (!error.status.ok()) TellFailure(error);
  }

 private:
  struct Inputs {
    OpenedBlob model;
    OpenedBlob calibration;
    OpenedBlob evaluation;
    UniqueFd benchmark_lock;
  };

  RunError TryRun();
  absl::StatusOr<Inputs> OpenInputs();
  absl::StatusOr<std::vector<v1::VariantReport>> TakeOverFinished(int folder_fd);
  engine::v1::EngineRequest Request(const Inputs& inputs, int output_fd,
                                    std::vector<v1::VariantReport> finished,
                                    std::vector<InheritedFd>* fds) const;
  EngineExit RunEngineOn(const Inputs& inputs, const WorkFolder& folder,
                         std::vector<v1::VariantReport> finished);

  // Of an earlier job; empty where there are none.
  void GiveStatistics(engine::v1::OptimizeWork& work);
  void Receive(const engine::v1::EngineMessage& message, int folder_fd);
  void ReceiveStatistics(const std::string& statistics);
  void EnterStage(const v1::JobProgress& progress);
  void ReceiveVariant(v1::VariantReport variant, int folder_fd);
  void TellQueue(const absl::Status& status);

  absl::StatusOr<v1::Artifact> StoreArtifact(int folder_fd, v1::Artifact artifact);
  absl::StatusOr<JobResult> StoreResult(EngineExit& exit, int folder_fd);
  absl::Status Commit(const JobResult& result);
  void TellFailure(const RunError& error);

  JobQueue& queue_;
  BlobStore& blobs_;
  const WorkerOptions& options_;
  const ActiveJob& active_;
  const LeasedJob& lease_;
  const std::set<std::string> variant_names_;

  bool started_ = false;
  AttemptUsage usage_;
  std::vector<std::string> last_lines_;
  // By file name, of this attempt: each is stored once.
  std::map<std::string, v1::Artifact> stored_;
  // Files that were copied, and their bytes, whatever became of them.
  int copies_ = 0;
  int64_t stored_bytes_ = 0;
  // Empty where statistics are not wanted, or not wanted any more.
  std::string statistics_key_;
  // What a variant's artifact was not: the engine is stopped for it.
  absl::Status bad_result_;
  v1::JobProgress last_progress_;
  absl::Time stage_start_ = absl::Now();
};

absl::StatusOr<JobRun::Inputs> JobRun::OpenInputs() {
  Inputs inputs;
  ASSIGN_OR_RETURN(inputs.model, OpenBlob(blobs_, lease_.model.digest()));
  ASSIGN_OR_RETURN(inputs.calibration, OpenBlob(blobs_, lease_.calibration.digest()));
  ASSIGN_OR_RETURN(inputs.evaluation, OpenBlob(blobs_, lease_.evaluation.digest()));
  if (!options_.use_benchmark_lock) return inputs;
  absl::StatusOr<UniqueFd> lock = OpenBenchmarkLock();
  if (lock.ok()) {
    inputs.benchmark_lock = *std::move(lock);
  } else {
    LOG(WARNING) << "latency is measured without the host's lock: " << lock.status();
  }
  return inputs;
}

// Variants of earlier attempts whose artifacts are still there, with the artifacts in the folder.
absl::StatusOr<std::vector<v1::VariantReport>> JobRun::TakeOverFinished(int folder_fd) {
  std::vector<v1::VariantReport> finished;
  for (const v1::VariantReport& variant : lease_.finished) {
    const v1::Artifact& artifact = variant.artifact();
    absl::StatusOr<OpenedBlob> blob = blobs_.Open(artifact.digest());
    if (absl::IsNotFound(blob.status())) continue;
    RETURN_IF_ERROR(blob.status());
    RETURN_IF_ERROR(CopyInto(*blob, folder_fd, artifact.file_name()));
    finished.push_back(variant);
  }
  return finished;
}

void SetFile(engine::v1::DataFile& file, int fd, const std::string& name,
             const std::string& digest) {
  file.set_fd(fd);
  file.set_name(name);
  file.set_digest(digest);
}

engine::v1::EngineRequest JobRun::Request(const Inputs& inputs, int output_fd,
                                          std::vector<v1::VariantReport> finished,
                                          std::vector<InheritedFd>* fds) const {
  engine::v1::EngineRequest request;
  request.set_memory_limit_bytes(options_.memory_limit_bytes);
  request.set_cpu_limit_seconds(absl::ToInt64Seconds(options_.cpu_limit));
  request.set_file_limit_bytes(options_.file_limit_bytes);
  request.set_require_sandbox(options_.require_sandbox);

  engine::v1::OptimizeWork& work = *request.mutable_optimize();
  *work.mutable_spec() = lease_.job.spec();
  const int slot_threads = options_.num_threads > 0
                               ? options_.num_threads
                               : std::max(1, NumProcessors() / std::max(1, options_.slots));
  const int asked_threads = work.spec().num_threads();
  work.mutable_spec()->set_num_threads(asked_threads > 0 ? std::min(asked_threads, NumProcessors())
                                                         : slot_threads);

  SetFile(*work.mutable_model(), kModelFd, lease_.model.name(), lease_.model.digest());
  fds->push_back({inputs.model.fd.get(), kModelFd});
  if (inputs.calibration.fd.valid()) {
    SetFile(*work.mutable_calibration(), kCalibrationFd, lease_.calibration.name(),
            lease_.calibration.digest());
    fds->push_back({inputs.calibration.fd.get(), kCalibrationFd});
  }
  if (inputs.evaluation.fd.valid()) {
    SetFile(*work.mutable_evaluation(), kEvaluationFd, lease_.evaluation.name(),
            lease_.evaluation.digest());
    fds->push_back({inputs.evaluation.fd.get(), kEvaluationFd});
  }
  work.set_output_fd(kOutputFd);
  fds->push_back({output_fd, kOutputFd});
  if (inputs.benchmark_lock.valid()) {
    work.set_benchmark_lock_fd(kBenchmarkLockFd);
    fds->push_back({inputs.benchmark_lock.get(), kBenchmarkLockFd});
  }
  for (v1::VariantReport& variant : finished) *work.add_finished() = std::move(variant);
  return request;
}

EngineExit JobRun::RunEngineOn(const Inputs& inputs, const WorkFolder& folder,
                               std::vector<v1::VariantReport> finished) {
  std::vector<InheritedFd> fds;
  engine::v1::EngineRequest request = Request(inputs, folder.fd(), std::move(finished), &fds);
  GiveStatistics(*request.mutable_optimize());
  EngineOptions engine;
  engine.program = options_.engine_program;
  engine.timeout = options_.time_limit;
  engine.memory_limit_bytes = options_.memory_limit_bytes;
  engine.max_message_bytes = kMaxMessageBytes;
  engine.cancelled = lease_.stop.get();
  engine.on_start = [this](int) { started_ = true; };
  engine.on_message = [&](const engine::v1::EngineMessage& message) {
    Receive(message, folder.fd());
  };
  EngineExit exit = RunEngine(request, fds, engine);
  usage_ = {.peak_memory_bytes = exit.peak_memory_bytes, .cpu_seconds = exit.cpu_seconds};
  last_lines_ = exit.last_lines;
  EnterStage({});
  if (options_.observer.on_exit) {
    options_.observer.on_exit(CauseOf(exit, started_), exit.peak_memory_bytes);
  }
  return exit;
}

void JobRun::GiveStatistics(engine::v1::OptimizeWork& work) {
  if (!options_.statistics_cache.has_value() || !work.has_calibration()) return;
  statistics_key_ = StatisticsKey(work);
  work.set_statistics(options_.statistics_cache->Find(statistics_key_));
  work.set_send_statistics(true);
}

// Once: an engine has no more to send.
void JobRun::ReceiveStatistics(const std::string& statistics) {
  const std::string key = std::exchange(statistics_key_, "");
  if (key.empty()) return;
  const absl::Status status = options_.statistics_cache->Keep(key, statistics);
  if (!status.ok()) {
    LOG(WARNING) << lease_.job.name() << ": statistics were not kept: " << status;
  }
}

void JobRun::Receive(const engine::v1::EngineMessage& message, int folder_fd) {
  switch (message.message_case()) {
    case engine::v1::EngineMessage::kProgress:
      EnterStage(message.progress());
      TellQueue(queue_.ReportProgress(lease_, last_progress_));
      return;
    case engine::v1::EngineMessage::kVariant:
      return ReceiveVariant(message.variant(), folder_fd);
    case engine::v1::EngineMessage::kStatistics:
      return ReceiveStatistics(message.statistics());
    default:
      return;
  }
}

void JobRun::EnterStage(const v1::JobProgress& progress) {
  if (progress.stage() != last_progress_.stage() ||
      progress.variant() != last_progress_.variant()) {
    const absl::Time now = absl::Now();
    if (last_progress_.stage() != v1::STAGE_UNSPECIFIED && options_.observer.on_stage) {
      options_.observer.on_stage(last_progress_.stage(), last_progress_.variant(),
                                 now - stage_start_);
    }
    stage_start_ = now;
  }
  last_progress_ = progress;
  // Nothing that an engine says is kept at whatever length it likes.
  last_progress_.set_variant(Shortened(progress.variant(), kMaxVariantNameBytes));
}

// What it could not keep, a retry makes again: so an error here is not the job's. But an engine
// that says what is not so is stopped.
void JobRun::ReceiveVariant(v1::VariantReport variant, int folder_fd) {
  if (!variant_names_.contains(variant.spec().name()) ||
      variant.ByteSizeLong() > kMaxVariantBytes) {
    LOG(WARNING) << lease_.job.name() << ": a variant that nobody asked for, or of "
                 << variant.ByteSizeLong() << " bytes, is not kept for a retry";
    return;
  }
  if (variant.state() == v1::VariantReport::STATE_SUCCEEDED) {
    absl::StatusOr<v1::Artifact> artifact = StoreArtifact(folder_fd, variant.artifact());
    if (!artifact.ok()) {
      LOG(WARNING) << lease_.job.name() << ": variant " << variant.spec().name()
                   << " is not kept for a retry: " << artifact.status();
      if (ReasonOf(artifact.status()) != "ENGINE_PROTOCOL") return;
      bad_result_ = artifact.status();
      *lease_.stop = true;
      return;
    }
    *variant.mutable_artifact() = *std::move(artifact);
  }
  TellQueue(queue_.ReportVariant(lease_, variant));
}

void JobRun::TellQueue(const absl::Status& status) {
  if (status.ok()) return;
  if (absl::IsAborted(status)) {
    *lease_.stop = true;
    return;
  }
  LOG(WARNING) << lease_.job.name() << ": progress was not kept: " << status;
}

// The artifact as we found it; what the engine says of its digest and size must be true.
absl::StatusOr<v1::Artifact> JobRun::StoreArtifact(int folder_fd, v1::Artifact artifact) {
  const std::string& name = artifact.file_name();
  if (!IsFileName(name)) return BadResult("a file's name is none");
  if (const auto known = stored_.find(name);
      known != stored_.end() && known->second.digest() == artifact.digest()) {
    // Long ago, perhaps, and no row names it before the commit.
    const absl::StatusOr<StoredBlob> blob = blobs_.Touch(artifact.digest());
    if (blob.ok()) return known->second;
    if (!absl::IsNotFound(blob.status())) return blob.status();
  }
  if (++copies_ > options_.max_artifacts) return BadResult("too many artifacts");
  const UniqueFd file(
      ::openat(folder_fd, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return BadResult(absl::StrCat("'", name, "' is not there"));
  absl::StatusOr<StoredBlob> blob =
      blobs_.PutFile(file.get(), options_.max_artifact_bytes - stored_bytes_);
  if (absl::IsInvalidArgument(blob.status())) return BadResult("an artifact is no file");
  RETURN_IF_ERROR(blob.status(), "artifact ", name);
  // Also where it is not what was said: it lies in the store.
  stored_bytes_ += blob->size_bytes;
  if (blob->digest != artifact.digest() || blob->size_bytes != artifact.size_bytes()) {
    return BadResult(absl::StrCat("'", name, "' is not the file that it says"));
  }
  artifact.set_name(absl::StrCat("artifacts/", blob->digest));
  stored_[name] = artifact;
  return artifact;
}

absl::StatusOr<JobResult> JobRun::StoreResult(EngineExit& exit, int folder_fd) {
  v1::JobProgress progress = last_progress_;
  progress.set_stage(v1::STAGE_STORE);
  progress.clear_variant();
  EnterStage(progress);
  TellQueue(queue_.ReportProgress(lease_, progress));

  JobResult result;
  result.usage = usage_;
  result.report = std::move(*exit.result.mutable_report());
  RETURN_IF_ERROR(ShortenReport(result.report));
  std::map<std::string, v1::Artifact> artifacts;
  for (v1::VariantReport& variant : *result.report.mutable_variants()) {
    if (variant.state() != v1::VariantReport::STATE_SUCCEEDED) {
      variant.clear_artifact();
      continue;
    }
    ASSIGN_OR_RETURN(v1::Artifact artifact, StoreArtifact(folder_fd, variant.artifact()));
    *variant.mutable_artifact() = artifact;
    artifacts[artifact.file_name()] = std::move(artifact);
  }
  for (const v1::Artifact& said : exit.result.artifacts()) {
    ASSIGN_OR_RETURN(v1::Artifact artifact, StoreArtifact(folder_fd, said));
    artifacts[artifact.file_name()] = std::move(artifact);
  }
  for (auto& [name, artifact] : artifacts) result.artifacts.push_back(std::move(artifact));
  EnterStage({});
  return result;
}

absl::Status JobRun::Commit(const JobResult& result) {
  absl::Status status;
  for (int i = 0; i < kCommitTries; ++i) {
    status = queue_.Succeed(lease_, result);
    if (!absl::IsUnavailable(status)) return status;
    absl::SleepFor(kCommitDelay * (1 << i));
  }
  return status;
}

RunError JobRun::TryRun() {
  absl::StatusOr<Inputs> inputs = OpenInputs();
  if (!inputs.ok()) {
    // A blob that is gone does not come back.
    const bool is_gone = absl::IsFailedPrecondition(inputs.status());
    return {is_gone ? FailureKind::kInput : FailureKind::kStore, inputs.status()};
  }
  absl::StatusOr<WorkFolder> folder = WorkFolder::Make(active_.folder);
  if (!folder.ok()) return {FailureKind::kStore, folder.status()};
  auto finished = TakeOverFinished(folder->fd());
  if (!finished.ok()) return {FailureKind::kStore, finished.status()};

  EngineExit exit = RunEngineOn(*inputs, *folder, *std::move(finished));
  if (active_.wrote_too_much) {
    return {FailureKind::kLimit,
            WithReason(absl::ResourceExhaustedError(absl::StrCat(
                           "the job wrote more than ", options_.max_artifact_bytes, " bytes")),
                       "TOO_LARGE")};
  }
  if (!bad_result_.ok()) return {FailureKind::kCrash, bad_result_};
  if (!exit.status.ok()) return {FailureOf(exit, started_), exit.status};
  const absl::StatusOr<JobResult> result = StoreResult(exit, folder->fd());
  if (!result.ok()) {
    const bool is_its_own = ReasonOf(result.status()) == "ENGINE_PROTOCOL";
    const bool is_too_large = ReasonOf(result.status()) == "TOO_LARGE";
    return {is_its_own     ? FailureKind::kCrash
            : is_too_large ? FailureKind::kLimit
                           : FailureKind::kStore,
            result.status()};
  }
  return {FailureKind::kStore, Commit(*result)};
}

void JobRun::TellFailure(const RunError& error) {
  AttemptFailure failure;
  failure.kind = error.kind;
  failure.error = error.status;
  failure.last_lines = last_lines_;
  failure.usage = usage_;
  const absl::Status told = queue_.Fail(lease_, failure);
  if (told.ok() || absl::IsAborted(told)) return;
  LOG(ERROR) << lease_.job.name() << ": its end (" << error.status
             << ") was not stored and its lease will run out: " << told;
}

}  // namespace

void RunJob(JobQueue& queue, BlobStore& blobs, const WorkerOptions& options,
            const ActiveJob& active) {
  JobRun(queue, blobs, options, active).Run();
}

}  // namespace octavo
