#include "core/data/zip_file.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/data/dataset_error.h"

namespace octavo {
namespace {

// Deflate makes at most 258 bytes of two bits.
constexpr int64_t kMaxDeflateRatio = 1032;

// The file as libzip reads it. libzip takes it apart by position, so it is read by pread from a
// position of our own.
struct FdSource {
  int fd = -1;
  int64_t size = 0;
  int64_t position = 0;
  int64_t last_read_at = -1;
  zip_error_t error;
};

zip_int64_t ReadSource(FdSource& source, void* data, zip_uint64_t length) {
  source.last_read_at = source.position;
  const int64_t left = std::max<int64_t>(source.size - source.position, 0);
  const size_t wanted = static_cast<size_t>(std::min<zip_uint64_t>(length, left));
  size_t done = 0;
  while (done < wanted) {
    const ssize_t got = pread(source.fd, static_cast<char*>(data) + done, wanted - done,
                              static_cast<off_t>(source.position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      zip_error_set(&source.error, ZIP_ER_READ, errno);
      return -1;
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
    source.position += got;
  }
  return static_cast<zip_int64_t>(done);
}

zip_int64_t SeekSource(FdSource& source, void* data, zip_uint64_t length) {
  const zip_int64_t position = zip_source_seek_compute_offset(
      static_cast<zip_uint64_t>(source.position), static_cast<zip_uint64_t>(source.size), data,
      length, &source.error);
  if (position < 0) return -1;
  source.position = position;
  return 0;
}

zip_int64_t StatSource(FdSource& source, void* data, zip_uint64_t length) {
  zip_stat_t* stat = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, length, &source.error);
  if (stat == nullptr) return -1;
  zip_stat_init(stat);
  stat->size = static_cast<zip_uint64_t>(source.size);
  stat->valid = ZIP_STAT_SIZE;
  return sizeof(*stat);
}

zip_int64_t FdSourceCallback(void* state, void* data, zip_uint64_t length,
                             zip_source_cmd_t command) {
  auto& source = *static_cast<FdSource*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      source.position = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return ReadSource(source, data, length);
    case ZIP_SOURCE_SEEK:
      return SeekSource(source, data, length);
    case ZIP_SOURCE_TELL:
      return source.position;
    case ZIP_SOURCE_STAT:
      return StatSource(source, data, length);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&source.error, data, length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    default:
      zip_error_set(&source.error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

struct ArchiveDeleter {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, ArchiveDeleter>;

struct EntryDeleter {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Entry = std::unique_ptr<zip_file_t, EntryDeleter>;

std::string ZipErrorText(const zip_error_t& error) {
  zip_error_t copy = error;
  copy.str = nullptr;
  std::string text = zip_error_strerror(&copy);
  zip_error_fini(&copy);
  return text;
}

absl::StatusOr<int64_t> ReadEntry(zip_file_t* entry, std::span<uint8_t> into) {
  size_t done = 0;
  while (done < into.size()) {
    const zip_int64_t got = zip_fread(entry, into.data() + done, into.size() - done);
    if (got < 0) return MalformedDataset(ZipErrorText(*zip_file_get_error(entry)));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return static_cast<int64_t>(done);
}

// A link and a device are files to UNIX alone, which says so in the upper half of the attributes.
bool IsRegular(zip_t* archive, uint64_t index) {
  const char* name = zip_get_name(archive, index, ZIP_FL_ENC_RAW);
  if (name != nullptr && absl::EndsWith(name, "/")) return false;
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(archive, index, 0, &system, &attributes) != 0) return true;
  const uint32_t type = attributes >> 16 & S_IFMT;
  return system != ZIP_OPSYS_UNIX || type == 0 || type == S_IFREG;
}

absl::Status CheckSizes(const zip_stat_t& stat) {
  constexpr zip_uint64_t kLargest = zip_uint64_t{1} << 62;
  if (stat.size > kLargest || stat.comp_size > kLargest / kMaxDeflateRatio ||
      (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size) ||
      stat.size > stat.comp_size * kMaxDeflateRatio) {
    return MalformedDataset(absl::StrCat("it claims ", stat.size, " bytes of ", stat.comp_size));
  }
  return absl::OkStatus();
}

}  // namespace

struct ZipFile::State {
  // The archive reads through the source, so it goes first.
  std::unique_ptr<FdSource> source = std::make_unique<FdSource>();
  Archive archive;

  absl::Status OpenArchive(int fd, absl::string_view kind);
  absl::StatusOr<Entry> OpenEntry(uint64_t index, zip_flags_t flags);
};

absl::Status ZipFile::State::OpenArchive(int fd, absl::string_view kind) {
  ASSIGN_OR_RETURN(source->size, FileSize(fd));
  source->fd = fd;
  zip_error_init(&source->error);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* zip_source = zip_source_function_create(&FdSourceCallback, source.get(), &error);
  if (zip_source == nullptr) return absl::ResourceExhaustedError(ZipErrorText(error));
  archive.reset(zip_open_from_source(zip_source, ZIP_RDONLY, &error));
  if (archive == nullptr) {
    zip_source_free(zip_source);
    const absl::Status status =
        MalformedDataset(absl::StrCat("this is no ", kind, ": ", ZipErrorText(error)));
    zip_error_fini(&error);
    return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Entry> ZipFile::State::OpenEntry(uint64_t index, zip_flags_t flags) {
  Entry entry(zip_fopen_index(archive.get(), index, flags));
  if (entry == nullptr) return MalformedDataset(ZipErrorText(*zip_get_error(archive.get())));
  return entry;
}

ZipFile::ZipFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZipFile::ZipFile(ZipFile&&) noexcept = default;
ZipFile& ZipFile::operator=(ZipFile&&) noexcept = default;
ZipFile::~ZipFile() = default;

absl::StatusOr<ZipFile> ZipFile::Open(int fd, absl::string_view kind) {
  auto state = std::make_unique<State>();
  RETURN_IF_ERROR(state->OpenArchive(fd, kind));
  return ZipFile(std::move(state));
}

int64_t ZipFile::num_entries() const { return zip_get_num_entries(state_->archive.get(), 0); }

std::string ZipFile::Name(uint64_t index) const {
  const char* name = zip_get_name(state_->archive.get(), index, ZIP_FL_ENC_GUESS);
  return name == nullptr ? std::string() : std::string(name);
}

absl::StatusOr<PackedEntry> ZipFile::Stat(uint64_t index) const {
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;
  zip_stat_t stat;
  if (zip_stat_index(state_->archive.get(), index, 0, &stat) != 0 ||
      (stat.valid & kNeeded) != kNeeded) {
    return MalformedDataset("its entry is damaged");
  }
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    return MalformedDataset("it is encrypted");
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    return MalformedDataset("it is packed otherwise than by deflate");
  }
  RETURN_IF_ERROR(CheckSizes(stat));
  return PackedEntry{.index = index,
                     .size_bytes = static_cast<int64_t>(stat.size),
                     .packed_bytes = static_cast<int64_t>(stat.comp_size),
                     .is_deflated = stat.comp_method == ZIP_CM_DEFLATE,
                     .is_regular = IsRegular(state_->archive.get(), index),
                     .crc32 = stat.crc};
}

// libzip does not tell where an entry's bytes begin, but it reads them where they are: through us.
absl::StatusOr<int64_t> ZipFile::Offset(const PackedEntry& entry) {
  ASSIGN_OR_RETURN(Entry opened, state_->OpenEntry(entry.index, ZIP_FL_COMPRESSED));
  uint8_t first = 0;
  ASSIGN_OR_RETURN(const int64_t got, ReadEntry(opened.get(), {&first, 1}));
  if (got != 1) return MalformedDataset("it is empty");
  const int64_t offset = state_->source->last_read_at;
  if (offset < 0 || entry.packed_bytes > state_->source->size - offset) {
    return MalformedDataset("its entry lies outside the file");
  }
  uint8_t in_place = 0;
  RETURN_IF_ERROR(ReadAt(state_->source->fd, offset, {&in_place, 1}));
  if (in_place != first) return MalformedDataset("its entry lies outside the file");
  return offset;
}

absl::StatusOr<int64_t> ZipFile::Read(uint64_t index, std::span<const std::span<uint8_t>> parts) {
  ASSIGN_OR_RETURN(const Entry entry, state_->OpenEntry(index, 0));
  int64_t total = 0;
  for (const std::span<uint8_t> part : parts) {
    ASSIGN_OR_RETURN(const int64_t got, ReadEntry(entry.get(), part));
    total += got;
    if (got != static_cast<int64_t>(part.size())) break;
  }
  return total;
}

}  // namespace octavo
