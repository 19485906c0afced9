#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/data/archive.h"
#include "core/data/dataset_error.h"
#include "core/data/zip_file.h"

namespace octavo {
namespace {

absl::StatusOr<ArchivedFile> Locate(ZipFile& zip, const PackedEntry& entry, std::string path) {
  ArchivedFile file{.path = std::move(path),
                    .size_bytes = entry.size_bytes,
                    .file_offset = 0,
                    .packed_bytes = entry.packed_bytes,
                    .is_deflated = entry.is_deflated,
                    .crc32 = entry.crc32};
  if (file.size_bytes == 0) return file;
  ASSIGN_OR_RETURN(file.file_offset, zip.Offset(entry));
  return file;
}

bool IsFolder(absl::string_view name) { return name.ends_with('/') || name.ends_with('\\'); }

}  // namespace

absl::Status ListZip(int fd, const ArchiveOptions&, VisitFile visit,
                     std::vector<ArchivedFile>& files) {
  ASSIGN_OR_RETURN(ZipFile zip, ZipFile::Open(fd, "zip"));
  if (zip.num_entries() > kMaxArchivedFiles) {
    return MalformedDataset(absl::StrCat("it has more than ", kMaxArchivedFiles, " files"));
  }
  for (int64_t i = 0; i < zip.num_entries(); ++i) {
    const auto index = static_cast<uint64_t>(i);
    const std::string name = zip.Name(index);
    ASSIGN_OR_RETURN(std::string path, ArchivedPath(name));
    if (path.empty() || IsFolder(name)) continue;
    ASSIGN_OR_RETURN(const PackedEntry entry, zip.Stat(index), "'", path, "'");
    if (!entry.is_regular) {
      return MalformedDataset(absl::StrCat("'", path, "': it is a link or a device"));
    }
    ASSIGN_OR_RETURN(ArchivedFile file, Locate(zip, entry, path), "'", path, "'");
    const auto read_start = [&](int64_t bytes) { return ReadFileStart(fd, file, bytes); };
    ASSIGN_OR_RETURN(const bool is_kept, visit(file, read_start), "'", path, "'");
    if (!is_kept) continue;
    RETURN_IF_ERROR(CheckFileSize(file), "'", path, "'");
    files.push_back(std::move(file));
  }
  return absl::OkStatus();
}

}  // namespace octavo
