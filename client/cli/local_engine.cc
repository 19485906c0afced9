#include "client/cli/local_engine.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "client/display_name.h"
#include "core/base/file.h"
#include "core/base/file_digest.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/engine/benchmark_lock.h"
#include "core/engine/engine_process.h"
#include "core/engine/statistics_cache.h"

namespace octavo {
namespace {

// The files that a request names, open, with the descriptors that the engine will see.
class RequestFiles {
 public:
  // Opens and digests a file. An empty path: none.
  absl::Status AddFile(const std::string& path, engine::v1::DataFile* file) {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenForReading(path));
    ASSIGN_OR_RETURN(*file->mutable_digest(), DigestOfFile(fd.get()), path);
    file->set_name(DisplayName(path));
    file->set_fd(Add(std::move(fd)));
    return absl::OkStatus();
  }
  int Add(UniqueFd fd) {
    const int in_child = kFirstInheritedFd + static_cast<int>(inherited_.size());
    inherited_.push_back({.ours = fd.get(), .in_child = in_child});
    open_.push_back(std::move(fd));
    return in_child;
  }
  const std::vector<InheritedFd>& inherited() const { return inherited_; }

 private:
  std::list<UniqueFd> open_;
  std::vector<InheritedFd> inherited_;
};

absl::StatusOr<engine::v1::EngineResult> Run(const engine::v1::EngineRequest& request,
                                             const RequestFiles& files,
                                             const EngineMessageCallback& on_message) {
  EngineOptions options;
  options.on_message = on_message;
  options.file_mask = 022;  // what it writes is the user's, as any file
  EngineExit exit = RunEngine(request, files.inherited(), options);
  if (exit.status.ok()) return std::move(exit.result);
  for (const std::string& line : exit.last_lines) std::fprintf(stderr, "%s\n", line.c_str());
  return exit.status;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<StatisticsCache> OpenCache(const LocalJob& job) {
  if (job.cache_folder.empty()) return std::nullopt;
  absl::StatusOr<StatisticsCache> cache = StatisticsCache::Open(job.cache_folder, job.cache_bytes);
  return cache.ok() ? std::make_optional(*std::move(cache)) : std::nullopt;
}

}  // namespace

std::string DefaultCacheFolder() {
  if (const std::string cache = Environment("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/octavo/statistics";
  }
  if (const std::string home = Environment("HOME"); !home.empty()) {
    return home + "/.cache/octavo/statistics";
  }
  return "";
}

absl::StatusOr<engine::v1::EngineResult> OptimizeLocally(const LocalJob& job,
                                                         const EngineMessageCallback& on_message) {
  engine::v1::EngineRequest request;
  engine::v1::OptimizeWork& work = *request.mutable_optimize();
  RequestFiles files;
  *work.mutable_spec() = job.spec;
  RETURN_IF_ERROR(files.AddFile(job.model_path, work.mutable_model()));
  if (!job.calibration_path.empty()) {
    RETURN_IF_ERROR(files.AddFile(job.calibration_path, work.mutable_calibration()));
  }
  if (!job.evaluation_path.empty()) {
    RETURN_IF_ERROR(files.AddFile(job.evaluation_path, work.mutable_evaluation()));
  }
  UniqueFd folder(::open(job.output_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return ErrnoStatus(errno, job.output_folder);
  work.set_output_fd(files.Add(std::move(folder)));
  // Without it, latency is measured all the same.
  absl::StatusOr<UniqueFd> lock = OpenBenchmarkLock();
  if (lock.ok()) work.set_benchmark_lock_fd(files.Add(*std::move(lock)));
  const std::optional<StatisticsCache> cache = OpenCache(job);
  if (!cache.has_value()) return Run(request, files, on_message);
  const std::string key = StatisticsKey(work);
  work.set_statistics(cache->Find(key));
  work.set_send_statistics(true);
  return Run(request, files, [&](const engine::v1::EngineMessage& message) {
    if (message.has_statistics()) cache->Keep(key, message.statistics()).IgnoreError();
    on_message(message);
  });
}

absl::StatusOr<engine::v1::EngineResult> CompareLocally(const LocalComparison& comparison,
                                                        const EngineMessageCallback& on_message) {
  engine::v1::EngineRequest request;
  engine::v1::CompareWork& work = *request.mutable_compare();
  RequestFiles files;
  work = comparison.work;
  RETURN_IF_ERROR(files.AddFile(comparison.path_a, work.mutable_model_a()));
  RETURN_IF_ERROR(files.AddFile(comparison.path_b, work.mutable_model_b()));
  RETURN_IF_ERROR(files.AddFile(comparison.data_path, work.mutable_data()));
  return Run(request, files, on_message);
}

namespace {

// A zip, gzip or tar, or the first length of a TFRecord, which has 64 bits; at the same place a
// TFLite file has its four letters.
bool IsDataset(int fd) {
  std::array<uint8_t, 512> start = {};
  const absl::StatusOr<int64_t> size = FileSize(fd);
  if (!size.ok() || *size < 12) return false;
  const auto known = static_cast<size_t>(std::min<int64_t>(*size, start.size()));
  if (!ReadAt(fd, 0, std::span(start).first(known)).ok()) return false;
  const absl::string_view text = TextOf(start);
  return absl::StartsWith(text, "PK") || absl::StartsWith(text, "\x1f\x8b") ||
         text.substr(257, 5) == "ustar" || text.substr(4, 4) == absl::string_view("\0\0\0\0", 4);
}

}  // namespace

absl::StatusOr<engine::v1::EngineResult> InspectLocally(const std::string& path) {
  engine::v1::EngineRequest request;
  RequestFiles files;
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenForReading(path));
  RETURN_IF_ERROR(files.AddFile(path, IsDataset(fd.get())
                                          ? request.mutable_inspect_dataset()->mutable_dataset()
                                          : request.mutable_inspect_model()->mutable_model()));
  return Run(request, files, [](const engine::v1::EngineMessage&) {});
}

}  // namespace octavo
