#include "core/engine/statistics_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

namespace fs = std::filesystem;

struct CacheFile {
  fs::path path;
  fs::file_time_type last_use;
  int64_t size_bytes = 0;
};

// Other processes may remove files meanwhile.
std::vector<CacheFile> FilesOf(const std::string& folder) {
  std::vector<CacheFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (!entry->is_regular_file(gone)) continue;
    const fs::file_time_type last_use = entry->last_write_time(gone);
    if (gone) continue;
    const auto size_bytes = static_cast<int64_t>(entry->file_size(gone));
    if (!gone) files.push_back({entry->path(), last_use, size_bytes});
  }
  return files;
}

}  // namespace

Gathering GatheringFor(v1::ObserverKind observer) {
  switch (observer) {
    case v1::OBSERVER_KIND_AUTO:
      return Gathering::kHistogramsOfMost;
    case v1::OBSERVER_KIND_PERCENTILE:
    case v1::OBSERVER_KIND_MEAN_SQUARED_ERROR:
    case v1::OBSERVER_KIND_ENTROPY:
      return Gathering::kHistograms;
    default:
      return Gathering::kRanges;
  }
}

std::string StatisticsKey(const engine::v1::OptimizeWork& work) {
  v1::OptimizeSpec depends_on;
  *depends_on.mutable_calibration() = work.spec().calibration();
  depends_on.mutable_calibration()->clear_dataset();  // its digest says which it is
  *depends_on.mutable_preprocess() = work.spec().preprocess();
  return Sha256Hex(absl::StrCat(work.model().digest(), "\n", work.calibration().digest(), "\n",
                                static_cast<int>(GatheringFor(work.spec().observer())), "\n",
                                depends_on.SerializeAsString()));
}

absl::StatusOr<StatisticsCache> StatisticsCache::Open(std::string folder, int64_t max_bytes) {
  std::error_code error;
  if (fs::create_directories(folder, error)) {
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  if (error) return absl::InternalError(absl::StrCat(folder, ": ", error.message()));
  return StatisticsCache(std::move(folder), max_bytes);
}

std::string StatisticsCache::PathOf(absl::string_view key) const {
  return absl::StrCat(folder_, "/", key);
}

std::string StatisticsCache::Find(absl::string_view key) const {
  const UniqueFd file(::open(PathOf(key).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return "";
  const auto bytes = ReadFile(file.get(), kMaxStatisticsBytes);
  if (!bytes.ok()) return "";
  ::futimens(file.get(), nullptr);
  return std::string(bytes->begin(), bytes->end());
}

absl::Status StatisticsCache::Keep(absl::string_view key, absl::string_view statistics) const {
  if (static_cast<int64_t>(statistics.size()) > std::min(kMaxStatisticsBytes, max_bytes_)) {
    return absl::OkStatus();
  }
  const UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return ErrnoStatus(errno, folder_);
  const std::span bytes(reinterpret_cast<const uint8_t*>(statistics.data()), statistics.size());
  RETURN_IF_ERROR(WriteFileAtomically(folder.get(), std::string(key), bytes));
  Trim();
  return absl::OkStatus();
}

void StatisticsCache::Trim() const {
  std::vector<CacheFile> files = FilesOf(folder_);
  std::ranges::sort(files, {}, &CacheFile::last_use);
  int64_t total_bytes = 0;
  for (const CacheFile& file : files) total_bytes += file.size_bytes;
  for (const CacheFile& file : files) {
    if (total_bytes <= max_bytes_) return;
    std::error_code error;
    fs::remove(file.path, error);
    total_bytes -= file.size_bytes;
  }
}

}  // namespace octavo
