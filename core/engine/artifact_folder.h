// The folder that a job's results are written to.

#ifndef OCTAVO_CORE_ENGINE_ARTIFACT_FOLDER_H_
#define OCTAVO_CORE_ENGINE_ARTIFACT_FOLDER_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Whether an artifact's size after gzip is measured: it takes longer than anything else about
// writing.
enum class Gzip { kMeasure, kSkip };

// Not thread-safe. The descriptor is the caller's and stays open.
class ArtifactFolder {
 public:
  explicit ArtifactFolder(int folder_fd) : folder_fd_(folder_fd) {}

  // Writes a file whole or not at all, and says what it is. RESOURCE_EXHAUSTED: the disk is full or
  // the file too large.
  absl::StatusOr<v1::Artifact> Write(const std::string& file_name, std::span<const uint8_t> bytes,
                                     Gzip gzip) const;

  // A file that is no result after all.
  void Remove(const std::string& file_name) const;

 private:
  int folder_fd_;
};

// Bytes of a .gz file at level 9. INTERNAL: zlib lacks memory.
absl::StatusOr<int64_t> GzipSize(std::span<const uint8_t> bytes);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ARTIFACT_FOLDER_H_
