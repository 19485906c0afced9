// A zip, tar or tar.gz as a table of files, each of which can be read at any time.

#ifndef OCTAVO_CORE_DATA_ARCHIVE_H_
#define OCTAVO_CORE_DATA_ARCHIVE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

enum class ArchiveFormat { kZip, kTar, kTarGz };

// The largest file of an archive, unpacked.
inline constexpr int64_t kMaxArchivedFileBytes = int64_t{256} << 20;

// A file of an archive, and where its bytes are.
struct ArchivedFile {
  // Relative, in UTF-8, parts separated by '/', none of them empty, "." or "..".
  std::string path;
  int64_t size_bytes = 0;
  int64_t file_offset = -1;  // -1: in memory, in `held`
  int64_t packed_bytes = 0;
  bool is_deflated = false;
  std::optional<uint32_t> crc32;  // a zip has one
  std::vector<uint8_t> held;
};

// Gives the first `bytes` bytes of the file that is being visited, or all that it has.
using ReadStart = absl::FunctionRef<absl::StatusOr<std::vector<uint8_t>>(int64_t bytes)>;
// Sees each file while an archive is opened, and says whether to keep it. Errors end the opening.
using VisitFile = absl::FunctionRef<absl::StatusOr<bool>(const ArchivedFile&, ReadStart)>;

struct ArchiveOptions {
  // What the kept files of a tar.gz may take in memory: they lie nowhere else.
  int64_t max_held_bytes = 0;
  // Leaves them out: nothing will be read after the opening.
  bool only_lists = false;
};

// Thread-safe once it is opened. The files of a zip or tar stay where they are and are read by
// pread.
class Archive {
 public:
  // In the order of the archive; folders and what file managers hide (names that begin with a dot,
  // __MACOSX) are left out. `fd` must outlive the archive.
  //
  // INVALID_ARGUMENT (DATASET_MALFORMED), naming the file: a path that leads out of the archive or
  // is there twice, a link or device, an encrypted or damaged file, or one larger than
  // kMaxArchivedFileBytes. RESOURCE_EXHAUSTED (DATASET_TOO_LARGE): more is kept than may be.
  static absl::StatusOr<Archive> Open(int fd, ArchiveFormat format, const ArchiveOptions& options,
                                      VisitFile visit);

  const std::vector<ArchivedFile>& files() const { return files_; }
  int64_t held_bytes() const { return held_bytes_; }

  // All of a file. DATASET_MALFORMED, naming it: it cannot be unpacked.
  absl::StatusOr<std::vector<uint8_t>> Read(const ArchivedFile& file) const;

 private:
  explicit Archive(int fd) : fd_(fd) {}

  int fd_;
  std::vector<ArchivedFile> files_;
  int64_t held_bytes_ = 0;
};

// How Archive::Open lists each format: the files that are kept, to the end of `files`.
absl::Status ListZip(int fd, const ArchiveOptions& options, VisitFile visit,
                     std::vector<ArchivedFile>& files);
absl::Status ListTar(int fd, bool is_gzipped, const ArchiveOptions& options, VisitFile visit,
                     std::vector<ArchivedFile>& files);

// At most the first `bytes` bytes of a file that does not lie in memory. The sum over a zip's file
// is checked where all of it is read.
absl::StatusOr<std::vector<uint8_t>> ReadFileStart(int fd, const ArchivedFile& file, int64_t bytes);

// INVALID_ARGUMENT (DATASET_MALFORMED): larger than kMaxArchivedFileBytes.
absl::Status CheckFileSize(const ArchivedFile& file);

// More files than anyone's set of images; also of those that are not kept.
inline constexpr int64_t kMaxArchivedFiles = int64_t{1} << 20;

// The path as ArchivedFile has it. Empty: it is hidden. INVALID_ARGUMENT (DATASET_MALFORMED),
// naming it: absolute, with "..", too long or no UTF-8.
absl::StatusOr<std::string> ArchivedPath(absl::string_view name);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ARCHIVE_H_
