#include "core/data/open_dataset.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/data/image_archive.h"
#include "core/data/image_header.h"
#include "core/data/npz_dataset.h"
#include "core/data/tfrecord_dataset.h"
#include "core/data/tfrecord_file.h"
#include "core/data/zip_file.h"

namespace octavo {
namespace {

enum class FileFormat { kNpz, kImageZip, kImageTar, kImageTarGz, kTfRecord };

constexpr int64_t kTarHeaderBytes = 512;
constexpr absl::string_view kNpyMagic("\x93NUMPY");
// In a zip; the files before the first array or image.
constexpr int64_t kMaxLookedAt = 1024;

// A tar's first header: its sum, in octal at 148, is over its bytes with blanks for the sum itself.
bool BeginsTar(absl::string_view start) {
  constexpr size_t kSumPlace = 148;
  constexpr size_t kSumBytes = 8;
  if (start.size() < kTarHeaderBytes) return false;
  int64_t claimed = 0;
  for (const char digit : start.substr(kSumPlace, kSumBytes)) {
    if (digit >= '0' && digit <= '7') claimed = claimed * 8 + (digit - '0');
  }
  int64_t sum = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    const bool is_sum = i >= kSumPlace && i < kSumPlace + kSumBytes;
    sum += is_sum ? ' ' : static_cast<uint8_t>(start[i]);
  }
  return claimed == sum && start[0] != '\0';
}

// The first bytes of a zip's entry; what is wrong with it is told when it is opened.
std::string StartOfEntry(ZipFile& zip, int64_t index) {
  std::vector<uint8_t> start(16);
  const std::span<uint8_t> part(start);
  const auto got = zip.Read(static_cast<uint64_t>(index), {&part, 1});
  if (!got.ok()) return "";
  return {start.begin(), start.begin() + *got};
}

// By whichever comes first, an array or an image; a zip of neither is an .npz, and says so.
absl::StatusOr<FileFormat> FormatOfZip(int fd) {
  ASSIGN_OR_RETURN(
      ZipFile zip,
      ZipFile::Open(fd, "data set that is read (.npz, a zip or tar of images, TFRecord)"));
  int64_t looked_at = 0;
  for (int64_t i = 0; i < zip.num_entries() && looked_at < kMaxLookedAt; ++i) {
    // Some programs write all folders before the first file.
    if (absl::EndsWith(zip.Name(static_cast<uint64_t>(i)), "/")) continue;
    ++looked_at;
    const std::string start = StartOfEntry(zip, i);
    if (absl::StartsWith(start, kNpyMagic)) return FileFormat::kNpz;
    if (FormatOfImage(start) != ImageFormat::kNone) return FileFormat::kImageZip;
  }
  return FileFormat::kNpz;
}

absl::StatusOr<FileFormat> FormatOf(int fd) {
  ASSIGN_OR_RETURN(const int64_t size, FileSize(fd));
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(size, kTarHeaderBytes)));
  RETURN_IF_ERROR(ReadAt(fd, 0, bytes));
  const absl::string_view start = TextOf(bytes);
  if (BeginsRecord(bytes)) return FileFormat::kTfRecord;
  if (absl::StartsWith(start, "\x1f\x8b")) return FileFormat::kImageTarGz;
  if (absl::StartsWith(start, kNpyMagic)) return FileFormat::kNpz;
  if (BeginsTar(start)) return FileFormat::kImageTar;
  return FormatOfZip(fd);
}

absl::StatusOr<std::unique_ptr<ArrayFile>> OpenArrays(int fd, FileFormat format,
                                                      const ArchiveOptions& options) {
  switch (format) {
    case FileFormat::kNpz:
      return OpenNpzArrays(fd, options.max_held_bytes);
    case FileFormat::kImageZip:
      return OpenImageArchive(fd, ArchiveFormat::kZip, options);
    case FileFormat::kImageTar:
      return OpenImageArchive(fd, ArchiveFormat::kTar, options);
    case FileFormat::kImageTarGz:
      return OpenImageArchive(fd, ArchiveFormat::kTarGz, options);
    case FileFormat::kTfRecord:
      break;
  }
  return OpenTfRecord(fd);
}

}  // namespace

absl::StatusOr<v1::DatasetInfo> InspectDatasetFile(int fd, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const FileFormat format, FormatOf(fd));
  if (format == FileFormat::kNpz) return InspectNpz(fd, max_bytes);
  ASSIGN_OR_RETURN(const auto file, OpenArrays(fd, format, {.only_lists = true}));
  return file->info();
}

absl::StatusOr<BoundDataset> OpenDataset(int fd, std::span<const InputSpec> inputs,
                                         const v1::DatasetUse& use,
                                         std::span<const v1::Preprocess* const> preprocess,
                                         int64_t max_bytes) {
  ASSIGN_OR_RETURN(const FileFormat format, FormatOf(fd));
  ASSIGN_OR_RETURN(auto file, OpenArrays(fd, format, {.max_held_bytes = max_bytes}));
  return BindDataset(std::move(file), inputs, use, preprocess);
}

}  // namespace octavo
