#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/data/archive.h"
#include "core/data/dataset_error.h"

namespace octavo {
namespace {

constexpr size_t kBlockBytes = 64 << 10;
// Images are packed already: what unpacks to more than this and 64 MiB is a bomb.
constexpr int64_t kMaxGzipRatio = 64;
constexpr int64_t kFreeUnpackedBytes = int64_t{64} << 20;

// The file as libarchive reads it: by pread, from a position of our own.
struct TarSource {
  int fd = -1;
  int64_t size = 0;
  int64_t position = 0;
  std::vector<uint8_t> block = std::vector<uint8_t>(kBlockBytes);
};

la_ssize_t ReadBlock(archive* reader, void* state, const void** block) {
  auto& source = *static_cast<TarSource*>(state);
  ssize_t got = 0;
  do {
    got = pread(source.fd, source.block.data(), source.block.size(), source.position);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    archive_set_error(reader, errno, "cannot read");
    return ARCHIVE_FATAL;
  }
  source.position += got;
  *block = source.block.data();
  return got;
}

la_int64_t SkipBytes(archive*, void* state, la_int64_t bytes) {
  auto& source = *static_cast<TarSource*>(state);
  const int64_t skipped = std::clamp<int64_t>(bytes, 0, source.size - source.position);
  source.position += skipped;
  return skipped;
}

// Lists a tar in one pass.
class TarLister {
 public:
  TarLister(int fd, bool is_gzipped, const ArchiveOptions& options)
      : is_gzipped_(is_gzipped), options_(options) {
    source_.fd = fd;
  }

  absl::Status List(VisitFile visit, std::vector<ArchivedFile>& files) {
    RETURN_IF_ERROR(Start());
    for (int64_t count = 0;; ++count) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(reader_.get(), &entry);
      if (result == ARCHIVE_EOF) return CheckNotEmpty(count);
      // A warning is of times, owners or an old program's habits.
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Damaged(count);
      if (count == kMaxArchivedFiles) {
        return MalformedDataset(absl::StrCat("it has more than ", kMaxArchivedFiles, " files"));
      }
      const std::string name = NameOf(entry);
      ASSIGN_OR_RETURN(std::string path, ArchivedPath(name));
      CountUnpacked(entry);
      if (path.empty() || archive_entry_filetype(entry) == AE_IFDIR) {
        RETURN_IF_ERROR(CheckUnpacked(), "'", name, "'");
        continue;
      }
      ArchivedFile file{.path = std::move(path), .size_bytes = archive_entry_size(entry)};
      RETURN_IF_ERROR(ListFile(entry, visit, file), "'", file.path, "'");
      if (is_kept_) files.push_back(std::move(file));
    }
  }

 private:
  absl::Status Start() {
    ASSIGN_OR_RETURN(source_.size, FileSize(source_.fd));
    if (reader_ == nullptr) return absl::ResourceExhaustedError("no memory for a tar");
    archive_read_support_format_tar(reader_.get());
    if (is_gzipped_) archive_read_support_filter_gzip(reader_.get());
    archive_read_set_read_callback(reader_.get(), &ReadBlock);
    archive_read_set_skip_callback(reader_.get(), &SkipBytes);
    archive_read_set_callback_data(reader_.get(), &source_);
    if (archive_read_open1(reader_.get()) != ARCHIVE_OK) return Damaged(0);
    return absl::OkStatus();
  }

  std::string Problem() const {
    const char* text = archive_error_string(reader_.get());
    return text == nullptr ? "it is damaged" : text;
  }

  absl::Status Damaged(int64_t count) const {
    if (count > 0) return MalformedDataset(absl::StrCat("after ", count, " files: ", Problem()));
    return MalformedDataset(
        absl::StrCat("this is no ", is_gzipped_ ? "tar.gz" : "tar", " file: ", Problem(),
                     is_gzipped_ ? "; a TFRecord is read where it is not compressed" : ""));
  }

  absl::Status CheckNotEmpty(int64_t count) const {
    return count > 0 ? absl::OkStatus() : MalformedDataset("it holds no files");
  }

  // In whatever the locale is, names that the format says are in UTF-8 are so.
  static std::string NameOf(archive_entry* entry) {
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) name = archive_entry_pathname(entry);
    return name == nullptr ? std::string() : name;
  }

  absl::Status ListFile(archive_entry* entry, VisitFile visit, ArchivedFile& file) {
    RETURN_IF_ERROR(CheckRegular(entry));
    start_.clear();
    if (is_gzipped_) {
      RETURN_IF_ERROR(CheckFileSize(file));
      RETURN_IF_ERROR(CheckUnpacked());
    } else {
      RETURN_IF_ERROR(Locate(file));
    }
    const auto read_start = [&](int64_t bytes) -> absl::StatusOr<std::vector<uint8_t>> {
      if (!is_gzipped_) return ReadFileStart(source_.fd, file, bytes);
      RETURN_IF_ERROR(ReadOn(std::min(bytes, file.size_bytes)));
      return start_;
    };
    ASSIGN_OR_RETURN(is_kept_, visit(file, read_start));
    if (!is_kept_) return absl::OkStatus();
    RETURN_IF_ERROR(CheckFileSize(file));
    return is_gzipped_ ? Hold(file) : absl::OkStatus();
  }

  static absl::Status CheckRegular(archive_entry* entry) {
    const bool is_link =
        archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
    if (is_link || archive_entry_filetype(entry) != AE_IFREG) {
      return MalformedDataset("it is a link or a device");
    }
    if (archive_entry_sparse_count(entry) > 0) return MalformedDataset("it is a sparse file");
    return absl::OkStatus();
  }

  // libarchive does not tell where a file begins, but how far it has read; whether that is so, the
  // bytes there tell.
  absl::Status Locate(ArchivedFile& file) {
    file.file_offset = archive_filter_bytes(reader_.get(), 0);
    file.packed_bytes = file.size_bytes;
    if (file.size_bytes < 0 || file.size_bytes > source_.size - file.file_offset) {
      return MalformedDataset("it is cut off");
    }
    constexpr int64_t kCompared = 64;
    RETURN_IF_ERROR(ReadOn(std::min(kCompared, file.size_bytes)));
    ASSIGN_OR_RETURN(const std::vector<uint8_t> in_place,
                     ReadFileStart(source_.fd, file, kCompared));
    return in_place == start_ ? absl::OkStatus() : MalformedDataset("it is damaged");
  }

  // Of a tar.gz what is left out is unpacked too, on the way to the next file.
  void CountUnpacked(archive_entry* entry) {
    // More than any file unpacks to, and so little that all files together do not overflow.
    constexpr int64_t kMost = int64_t{1} << 42;
    if (is_gzipped_) unpacked_bytes_ += std::clamp<int64_t>(archive_entry_size(entry), 0, kMost);
  }

  absl::Status CheckUnpacked() const {
    if (unpacked_bytes_ > kFreeUnpackedBytes + kMaxGzipRatio * source_.size) {
      return MalformedDataset(
          absl::StrCat("with it the archive has more than ", kMaxGzipRatio, " times its size"));
    }
    return absl::OkStatus();
  }

  // Until `start_` is of `size` bytes.
  absl::Status ReadOn(int64_t size) {
    size_t done = start_.size();
    if (static_cast<int64_t>(done) >= size) return absl::OkStatus();
    start_.resize(static_cast<size_t>(size));
    while (done < start_.size()) {
      const la_ssize_t got =
          archive_read_data(reader_.get(), start_.data() + done, start_.size() - done);
      if (got < 0) return MalformedDataset(Problem());
      if (got == 0) return MalformedDataset("it is cut off");
      done += static_cast<size_t>(got);
    }
    return absl::OkStatus();
  }

  absl::Status Hold(ArchivedFile& file) {
    if (options_.only_lists) return absl::OkStatus();
    if (file.size_bytes > options_.max_held_bytes - held_bytes_) {
      return DatasetTooLarge(
          absl::StrCat("a tar.gz is held in memory, and with it takes more than "
                       "the ",
                       options_.max_held_bytes, " bytes that are allowed; a tar or zip is not"));
    }
    held_bytes_ += file.size_bytes;
    RETURN_IF_ERROR(ReadOn(file.size_bytes));
    file.held = start_;
    return absl::OkStatus();
  }

  const bool is_gzipped_;
  const ArchiveOptions& options_;
  // The reader reads through the source, so it goes first.
  TarSource source_;
  std::unique_ptr<archive, decltype(&archive_read_free)> reader_{archive_read_new(),
                                                                 &archive_read_free};
  std::vector<uint8_t> start_;  // of the file that is being visited
  bool is_kept_ = false;
  int64_t unpacked_bytes_ = 0;
  int64_t held_bytes_ = 0;
};

}  // namespace

absl::Status ListTar(int fd, bool is_gzipped, const ArchiveOptions& options, VisitFile visit,
                     std::vector<ArchivedFile>& files) {
  return TarLister(fd, is_gzipped, options).List(visit, files);
}

}  // namespace octavo
