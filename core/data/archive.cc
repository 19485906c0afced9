#include "core/data/archive.h"

#include <zlib.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"
#include "core/data/dataset_error.h"

namespace octavo {
namespace {

constexpr size_t kMaxPathBytes = 1024;
constexpr size_t kInputBytes = 64 << 10;

// Unpacks deflated bytes of a file, a piece at a time.
class Inflater {
 public:
  Inflater(int fd, const ArchivedFile& file) : fd_(fd), file_(file), input_(kInputBytes) {}
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `into`. DATASET_MALFORMED: there is less, or it is damaged.
  absl::Status Fill(std::span<uint8_t> into) {
    constexpr int kRawWindowBits = -15;
    if (inflateInit2(&stream_, kRawWindowBits) != Z_OK) {
      return absl::ResourceExhaustedError("no memory to unpack");
    }
    stream_.next_out = into.data();
    stream_.avail_out = static_cast<uInt>(into.size());
    while (stream_.avail_out > 0) {
      RETURN_IF_ERROR(Refill());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) break;
      if (result != Z_OK) return MalformedDataset("it cannot be unpacked");
    }
    return stream_.avail_out == 0 ? absl::OkStatus() : MalformedDataset("it is cut off");
  }

 private:
  absl::Status Refill() {
    if (stream_.avail_in > 0) return absl::OkStatus();
    const int64_t left = file_.packed_bytes - done_;
    if (left == 0) return MalformedDataset("it is cut off");
    const auto wanted = static_cast<size_t>(std::min<int64_t>(left, kInputBytes));
    RETURN_IF_ERROR(ReadAt(fd_, file_.file_offset + done_, std::span(input_).first(wanted)));
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(wanted);
    done_ += static_cast<int64_t>(wanted);
    return absl::OkStatus();
  }

  int fd_;
  const ArchivedFile& file_;
  std::vector<uint8_t> input_;
  int64_t done_ = 0;
  z_stream stream_{};
};

absl::Status CheckSum(const ArchivedFile& file, std::span<const uint8_t> bytes) {
  const auto sum = static_cast<uint32_t>(::crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
  return sum == *file.crc32 ? absl::OkStatus() : MalformedDataset("its bytes are damaged");
}

bool IsHidden(absl::string_view part) { return absl::StartsWith(part, ".") || part == "__MACOSX"; }

absl::Status RefusePath(absl::string_view name, absl::string_view problem) {
  return MalformedDataset(absl::StrCat("'", Shortened(ValidUtf8(name), 256), "' ", problem));
}

absl::Status CheckPathsDiffer(const std::vector<ArchivedFile>& files) {
  std::set<absl::string_view> paths;
  for (const ArchivedFile& file : files) {
    if (!paths.insert(file.path).second) return RefusePath(file.path, "is there twice");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ArchivedPath(absl::string_view name) {
  if (name.size() > kMaxPathBytes) return RefusePath(name, "is too long a path");
  if (!IsUtf8(name)) return RefusePath(name, "is no path in UTF-8");
  // Some of Windows's programs separate by what the format does not.
  const std::string path = absl::StrReplaceAll(name, {{"\\", "/"}});
  const bool has_drive = path.size() > 1 && path[1] == ':';
  if (absl::StartsWith(path, "/") || has_drive) return RefusePath(name, "is an absolute path");
  std::vector<absl::string_view> parts;
  bool is_hidden = false;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") return RefusePath(name, "leads out of the archive");
    is_hidden = is_hidden || IsHidden(part);
    parts.push_back(part);
  }
  return is_hidden ? std::string() : absl::StrJoin(parts, "/");
}

absl::Status CheckFileSize(const ArchivedFile& file) {
  if (file.size_bytes <= kMaxArchivedFileBytes) return absl::OkStatus();
  return MalformedDataset(absl::StrCat("it is ", file.size_bytes, " bytes, more than the ",
                                       kMaxArchivedFileBytes, " of one file that are read"));
}

absl::StatusOr<std::vector<uint8_t>> ReadFileStart(int fd, const ArchivedFile& file,
                                                   int64_t bytes) {
  std::vector<uint8_t> start(static_cast<size_t>(std::min(bytes, file.size_bytes)));
  if (start.empty()) return start;
  if (!file.is_deflated) {
    RETURN_IF_ERROR(ReadAt(fd, file.file_offset, start));
    return start;
  }
  RETURN_IF_ERROR(Inflater(fd, file).Fill(start));
  return start;
}

absl::StatusOr<Archive> Archive::Open(int fd, ArchiveFormat format, const ArchiveOptions& options,
                                      VisitFile visit) {
  Archive archive(fd);
  RETURN_IF_ERROR(format == ArchiveFormat::kZip ? ListZip(fd, options, visit, archive.files_)
                                                : ListTar(fd, format == ArchiveFormat::kTarGz,
                                                          options, visit, archive.files_));
  RETURN_IF_ERROR(CheckPathsDiffer(archive.files_));
  for (const ArchivedFile& file : archive.files_) {
    archive.held_bytes_ += static_cast<int64_t>(file.held.size());
  }
  return archive;
}

absl::StatusOr<std::vector<uint8_t>> Archive::Read(const ArchivedFile& file) const {
  if (file.file_offset < 0) return file.held;
  ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadFileStart(fd_, file, file.size_bytes), "'",
                   file.path, "'");
  if (file.crc32.has_value()) RETURN_IF_ERROR(CheckSum(file, bytes), "'", file.path, "'");
  return bytes;
}

}  // namespace octavo
